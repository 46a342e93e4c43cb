package mailbox

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
)

// DeadLetter is a message to a plain protoactor actor that could not be delivered, and why: what protoactor's own
// [actor.DeadLetterEvent] has no room for.
type DeadLetter struct {
	// PID of the actor it was sent to; nil if the mailbox was not registered with one.
	PID *actor.PID
	// Message without its envelope.
	Message any
	// Sender who may expect an answer, or nil.
	Sender *actor.PID
	// Reason is [Full], [Dropped], [Stopping], [Stopped] or [Undecodable].
	Reason Reason
	// Cause is a [*FullError], [*DroppedError] or [*SendError] that names the actor, or what was wrong with the message.
	Cause error
}

// OnDeadLetter returns a middleware for [Producer] that calls told with each message that its mailboxes make a dead
// letter, before the event is published. It is called on the goroutine of the sender or of the actor's turn, by
// several at a time, with no lock held; it must not block. With mailboxes other than Producer's it does nothing.
//
// What is sent to an actor that has stopped is mostly protoactor's to publish and does not come here: only what was
// on its way when the actor stopped does.
func OnDeadLetter(told func(DeadLetter)) actor.MailboxMiddleware { return &deadLetterMiddleware{told} }

type deadLetterMiddleware struct{ told func(DeadLetter) }

func (*deadLetterMiddleware) MailboxStarted()     {}
func (*deadLetterMiddleware) MessagePosted(any)   {}
func (*deadLetterMiddleware) MessageReceived(any) {}
func (*deadLetterMiddleware) MailboxEmpty()       {}

// maxEarly bounds the dead letters that are kept until it is known where to publish them.
const maxEarly = 1024

// lost is a message, as it was posted, that becomes a dead letter.
type lost struct {
	message any
	reason  Reason
	cause   error
}

// deadLetter publishes a message that cannot be delivered, or keeps it until it is known where. Called without any
// lock.
func (a *Adapter) deadLetter(message any, r Reason, cause error) {
	l := lost{message, r, cause}

	a.mu.Lock()

	h := a.home
	if h == nil {
		if len(a.early) == maxEarly {
			a.early = a.early[1:] // the oldest goes; Stats has counted it
		}

		a.early = append(a.early, l)
	}

	a.mu.Unlock()

	if h != nil {
		a.publish(h, l)
	}
}

// publish tells of a dead letter whoever wants to know.
func (a *Adapter) publish(h *home, l lost) {
	_, m, sender := actor.UnwrapEnvelope(l.message)

	for _, w := range a.middleware {
		if d, ok := w.(*deadLetterMiddleware); ok {
			a.observe(func() {
				d.told(DeadLetter{PID: h.self, Message: m, Sender: sender, Reason: l.reason, Cause: l.cause})
			})
		}
	}

	if _, again := m.(*actor.DeadLetterEvent); !again && h.system != nil {
		a.observe(func() { h.system.DeadLetter.SendUserMessage(h.self, l.message) })
	}
}

// reasonFor returns the reason of the dead letter of a message that was not accepted.
func reasonFor(err error) Reason {
	switch {
	case errors.Is(err, ErrStopping):
		return Stopping
	case errors.Is(err, ErrStopped):
		return Stopped
	default:
		return Full
	}
}
