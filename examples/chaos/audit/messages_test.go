package audit_test

import (
	"testing"

	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/mailbox"
)

func TestWhatBecomesOfAMessageIsSettledOnce(t *testing.T) {
	verify(t, map[string]planted{
		"handled": {func(a *audit.Audit) { handled(a); a.Calm(nil) }, ""},
		"handled before the sender was told": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Deliver(path, s, 1)
			a.Done(s, false)
			a.Accept(s)
			a.Calm(nil)
		}, ""},
		"refused, with a letter": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Refuse(s)
			a.Settle(s, path, mailbox.Stopped)
			a.Calm(nil)
		}, ""},
		"an ask that was not accepted": {func(a *audit.Audit) {
			a.Wonder(a.Offer(a.Stream("x"), path, mailbox.Data))
			a.Calm(nil)
		}, ""},
		"abandoned after it returned": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Done(s, true)
			a.Settle(s, path, mailbox.Abandoned)
		}, ""},
		"abandoned before it returned": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Settle(s, path, mailbox.Abandoned)
			a.Done(s, true)
		}, ""},
		"lost in the queue": {func(a *audit.Audit) { sent(a, "x"); a.Calm(nil) }, "M10: is lost"},
		"lost in hand": {func(a *audit.Audit) {
			a.Deliver(path, sent(a, "x"), 1)
			a.Calm(nil)
		}, "M10: is lost"},
		"an ask that was delivered and lost": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Deliver(path, s, 1)
			a.Wonder(s)
			a.Calm(nil)
		}, "M10: is lost"},
		"delivered after it was settled": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Settle(s, path, mailbox.Dropped)
			a.Deliver(path, s, 1)
		}, "M10: was settled or refused"},
		"handled twice": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Deliver(path, s, 1)
			a.Done(s, false)
			a.Done(s, false)
		}, "M10: handled twice"},
		"handled and a letter": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Done(s, false)
			a.Settle(s, path, mailbox.Failed)
		}, "M10: was settled and became a letter"},
		"abandoned without a hang after it was handled": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Done(s, false)
			a.Settle(s, path, mailbox.Abandoned)
		}, "M10: was settled and became a letter"},
		"two letters": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Settle(s, path, mailbox.Failed)
			a.Settle(s, path, mailbox.Failed)
		}, "M10: was settled and became a letter"},
		"refused and delivered": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Deliver(path, s, 1)
			a.Refuse(s)
		}, "M5: refused and yet arrived"},
		"refused and dropped": {func(a *audit.Audit) {
			s := a.Offer(a.Stream("x"), path, mailbox.Data)
			a.Refuse(s)
			a.Settle(s, path, mailbox.Dropped)
		}, "M10: was settled and became a letter"},
	})
}

func TestMessagesOfOneSenderComeInOrder(t *testing.T) {
	two := func(a *audit.Audit) (first, second audit.Stamp) { return sent(a, "x"), sent(a, "x") }

	verify(t, map[string]planted{
		"in order, one dropped": {func(a *audit.Audit) {
			first, second := two(a)
			a.Settle(first, path, mailbox.Dropped)
			a.Deliver(path, second, 1)
		}, ""},
		"another sender's in between": {func(a *audit.Audit) {
			first, second := sent(a, "x"), sent(a, "y")
			a.Deliver(path, second, 1)
			a.Deliver(path, first, 1)
		}, ""},
		"the wrong way round": {func(a *audit.Audit) {
			first, second := two(a)
			a.Deliver(path, second, 1)
			a.Deliver(path, first, 1)
		}, "M8: got number 1"},
		"delivered again": {func(a *audit.Audit) {
			first, second := two(a)
			a.Deliver(path, first, 1)
			a.Deliver(path, first, 2)
			a.Deliver(path, second, 1)
		}, ""},
		"delivered again too late": {func(a *audit.Audit) {
			first, second := two(a)
			a.Deliver(path, first, 1)
			a.Deliver(path, second, 1)
			a.Deliver(path, first, 2)
		}, "A8: which is delivered again"},
		"a second first delivery": {func(a *audit.Audit) {
			first, _ := two(a)
			a.Deliver(path, first, 1)
			a.Deliver(path, first, 1)
		}, "A8: says it is number 1"},
		"at the end of an incarnation": {func(a *audit.Audit) {
			first, second := two(a)
			a.Deliver(path, first, 0)
			a.Deliver(path, first, 2)
			a.Aside(path, first)
			a.Unstash(path)
			a.Deliver(path, first, 0)
			a.Deliver(path, second, 1)
		}, ""},
		"from the stash": {func(a *audit.Audit) {
			first, second := two(a)
			a.Deliver(path, first, 1)
			a.Aside(path, first)
			a.Deliver(path, second, 1)
			a.Unstash(path)
			a.Deliver(path, first, 1)
		}, ""},
		"from the stash the wrong way round": {func(a *audit.Audit) {
			first, second := two(a)

			for _, s := range []audit.Stamp{first, second} {
				a.Deliver(path, s, 1)
				a.Aside(path, s)
			}

			a.Unstash(path)
			a.Deliver(path, second, 1)
		}, "A6: from its stash before"},
		"stashed and never brought back": {func(a *audit.Audit) {
			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Aside(path, s)
			a.Calm(nil)
		}, "M10: put aside true"},
	})
}
