package system

import (
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/mailbox"
)

// Letter is a message that could not be delivered or handled.
type Letter struct {
	// Number of the letter. A later one has a higher number, also in a later process if the clock was not set back.
	Number uint64
	// Target is the path of the actor it was for.
	Target string
	// Message as it was sent.
	Message any
	// Sender is the protoactor identity it came from, if that is known, such as "nonhost/client".
	Sender string
	// Reason it is here.
	Reason mailbox.Reason
	// Cause is the error behind the reason; for a failed or quarantined message the actor's error or [*actors.PanicError].
	Cause error
	// Attempt is which delivery of the message failed, or would have been the next one: 1, and one more for each time it
	// was delivered again, as [supervision.Spec.Redeliver] says, or replayed.
	Attempt int
	// Replays is how often the message was replayed before.
	Replays int
	// Origin is the number of the letter that was last replayed and came to be this one; 0 if the message is from its
	// sender.
	Origin uint64
	// Time it came in.
	Time time.Time

	sender *actor.PID
}

// from notes the sender, who may be nil.
func (l *Letter) from(sender *actor.PID) {
	if sender != nil {
		l.sender, l.Sender = sender, sender.GetAddress()+"/"+sender.GetId() // address and name
	}
}

// same reports whether two letters of one number are one: not if the number was given again because the clock had been
// set back.
func (l *Letter) same(other *Letter) bool {
	return l.Number == other.Number && l.Target == other.Target && l.Time.Equal(other.Time)
}

// Filter chooses letters. The zero value matches all of them.
type Filter struct {
	// Target is the path of an actor; empty means any.
	Target string
	// Under is the path of a supervisor, group or pool whose actors are meant; empty means any.
	Under string
	// Reasons are any of these; none means any.
	Reasons []mailbox.Reason
	// Since is the first moment that is meant, if it is not zero.
	Since time.Time
	// Before is the first moment that is not meant any more, if it is not zero.
	Before time.Time
}

// Match reports whether the filter matches a letter.
func (f Filter) Match(l Letter) bool {
	return (f.Target == "" || f.Target == l.Target) &&
		(f.Under == "" || strings.HasPrefix(l.Target, strings.TrimSuffix(f.Under, "/")+"/")) &&
		(len(f.Reasons) == 0 || slices.Contains(f.Reasons, l.Reason)) &&
		(f.Since.IsZero() || !l.Time.Before(f.Since)) &&
		(f.Before.IsZero() || l.Time.Before(f.Before))
}
