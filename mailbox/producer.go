package mailbox

import (
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// Producer returns what gives plain protoactor actors mailboxes of this package:
//
//	bounded, err := mailbox.Producer(mailbox.Options{Capacity: 100})
//	…
//	props := actor.PropsFromProducer(newWorker, actor.WithMailbox(bounded))
//
// Each actor spawned gets a mailbox of its own, an [*Adapter], which says what becomes of messages. Middleware is
// told of them as by protoactor's own mailboxes; [OnDeadLetter] makes one that learns why messages became dead
// letters. It is shared by all the actors and must be safe for concurrent use. The result is, too.
//
// Not every option suits: protoactor's senders have no context, cannot be told anything and may be a peer's
// connection, so they never wait. An unset Overflow means [Reject], and [Block] is an error. On which goroutine turns
// run is the say of the actor's dispatcher ([actor.WithDispatcher]): Dispatch must be unset or [OnDemand], which is
// what protoactor's default dispatcher does. How many messages are taken in a row is Throughput, or if that is unset
// the dispatcher's. Protoactor knows no control messages, so Control, ControlOverflow and Fairness change nothing.
//
// Everything wrong with options and middleware is reported at once.
func Producer(options Options, middleware ...actor.MailboxMiddleware) (actor.MailboxProducer, error) {
	if err := errors.Join(options.Validate(), options.validateProducer(), validateMiddleware(middleware)); err != nil {
		return nil, err
	}

	if options.Overflow == 0 {
		options.Overflow = Reject
	}

	return func() actor.Mailbox { return newAdapter(options, middleware) }, nil
}

// validateProducer reports what is in range but not for a mailbox of protoactor's.
func (o Options) validateProducer() error {
	var errs []error

	if o.Overflow == Block {
		errs = append(errs, fmt.Errorf("mailbox.Options.Overflow: %v cannot be had with mailbox.Producer, "+
			"must be reject, drop newest or drop oldest: protoactor's senders never wait", o.Overflow))
	}

	if o.Dispatch > OnDemand && o.Dispatch <= Synchronous {
		errs = append(errs, fmt.Errorf("mailbox.Options.Dispatch: %v cannot be had with mailbox.Producer, "+
			"must be unset or on demand: the actor's dispatcher (actor.WithDispatcher) starts turns", o.Dispatch))
	}

	return errors.Join(errs...)
}

func validateMiddleware(middleware []actor.MailboxMiddleware) error {
	var errs []error

	for i, w := range middleware {
		if w == nil {
			errs = append(errs, fmt.Errorf("mailbox.Producer: middleware %d is nil", i))
		}

		if d, ok := w.(*deadLetterMiddleware); ok && d.told == nil {
			errs = append(errs, errors.New("mailbox.OnDeadLetter: the function is nil"))
		}
	}

	return errors.Join(errs...)
}
