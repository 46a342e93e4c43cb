package mailbox_test

import (
	"fmt"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/mailbox"
)

// watcher is a middleware that notes what it is told, and then panics if it is to.
type watcher struct {
	scribe
	panics bool
}

func (w *watcher) told(what string) {
	w.note(what)

	if w.panics {
		panic("at " + what)
	}
}

func (w *watcher) MailboxStarted()       { w.told("started") }
func (w *watcher) MessagePosted(m any)   { w.told(fmt.Sprint("posted ", m)) }
func (w *watcher) MessageReceived(m any) { w.told(fmt.Sprint("received ", m)) }
func (w *watcher) MailboxEmpty()         { w.told("empty") }

func TestMiddlewareIsToldAsByProtoactor(t *testing.T) {
	history := func(produce actor.MailboxProducer, w *watcher) []any {
		s := &scribe{}
		box := produce()
		box.RegisterHandlers(s, s)
		box.PostSystemMessage("order")
		box.Start()
		post(box, 1, 2)
		s.play()
		box.PostSystemMessage(&actor.SuspendMailbox{})
		post(box, 3)
		s.play()
		box.PostSystemMessage(&actor.ResumeMailbox{})
		s.play()
		post(box, &actor.PoisonPill{})
		s.play()

		return w.read()
	}

	theirs, ours := &watcher{}, &watcher{}
	want := history(actor.Unbounded(theirs), theirs)
	assert.NotEmpty(t, want)
	assert.Equal(t, want, history(produce(t, mailbox.Options{Capacity: 10}, ours), ours))
}

func TestMiddlewareIsToldOfWhatIsNotDelivered(t *testing.T) {
	w := &watcher{}
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 1}, w))
	w.read()

	s.handle = func(m any) {
		if m == 1 {
			panic("boom")
		}
	}

	post(box, batch{1, 2})
	s.play()
	assert.Equal(t, []any{"posted 1", "posted 2", "empty"}, w.read(), "2 found no room and 1 was not handled")
}

func TestMiddlewareThatPanicsHarmsNobody(t *testing.T) {
	w := &watcher{panics: true}
	told := mailbox.OnDeadLetter(func(mailbox.DeadLetter) { panic("at a letter") })
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 1}, w, told, w))

	post(box, 1, 2)
	s.play()
	assert.Equal(t, []any{1}, s.read())

	stats := figures(t, box)
	assert.Zero(t, stats.Unaccounted())
	assert.EqualValues(t, 1, stats.Processed)
	assert.EqualValues(t, 1, stats.Refused[mailbox.Full])
}
