package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// process is a cell as protoactor sees it: the mailbox of an [actor.ActorProcess]. What comes in here has no sender
// who could wait or be told, so nothing blocks: a message is enqueued or becomes a dead letter with a reason.
type process[M any] cell[M]

var _ actor.Mailbox = (*process[int])(nil)

// PostUserMessage takes a message from protoactor: one of type M, alone, in an envelope or in a batch of either. A
// PoisonPill stops the actor for good after it has worked off its queue.
func (p *process[M]) PostUserMessage(message any) { unpack(p, message) }

// taker takes messages from protoactor one by one.
type taker interface {
	// take takes a message: as it came in, and without its envelope.
	take(message, payload any, sender *actor.PID)
	undelivered(m any, sender *actor.PID, reason mailbox.Reason, cause error)
}

// unpack hands over what is in an envelope or a batch.
func unpack(to taker, message any) {
	envelope, enveloped := message.(*actor.MessageEnvelope)
	if enveloped && envelope == nil {
		to.undelivered(nil, nil, mailbox.Undecodable, node.ErrMismatch)

		return
	}

	_, payload, sender := actor.UnwrapEnvelope(message)

	batch, ok := payload.(actor.MessageBatch)
	if !ok {
		to.take(message, payload, sender)

		return
	}

	var messages []any

	err := protect(func() error { // a batch is somebody's own type, and nobody is here to take its panic
		messages = batch.GetMessages()

		return nil
	})
	if err != nil {
		to.undelivered(payload, sender, mailbox.Undecodable, err)

		return
	}

	for _, m := range messages {
		if _, own := m.(*actor.MessageEnvelope); enveloped && !own {
			m = &actor.MessageEnvelope{Header: envelope.Header, Message: m, Sender: sender}
		}

		unpack(to, m)
	}
}

// take implements taker.
func (p *process[M]) take(message, payload any, sender *actor.PID) {
	if _, ok := payload.(*actor.PoisonPill); ok {
		p.place.Host.RequestStop(p.place.ID, node.Poison)

		return
	}

	m, ok := payload.(M)
	if !ok {
		p.undelivered(payload, sender, mailbox.Undecodable, node.ErrMismatch)

		return
	}

	if keepsEnvelopes[M]() {
		m, _ = message.(M)
	}

	if err := p.place.Host.Intake().Err(); err != nil {
		p.undelivered(payload, sender, mailbox.Stopping, err)

		return
	}

	if err := p.box.TrySend(mailbox.Data, m); err != nil {
		reason := refusal(err)
		if reason == 0 {
			reason = mailbox.Full
		}

		p.undelivered(payload, sender, reason, err)
	}
}

// PostSystemMessage obeys Watch, Unwatch and Stop, and takes Terminated. The others are for a native actor; or they are
// protoactor's own way of running actors, which this actor is not run by.
func (p *process[M]) PostSystemMessage(message any) {
	switch m := message.(type) {
	case *actor.Watch:
		o := outsider[M]{(*cell[M])(p), m.GetWatcher()}
		if _, ended := o.cell.join(o); ended {
			o.tell(actor.TerminatedReason_NotFound)
		}
	case *actor.Unwatch:
		o := outsider[M]{(*cell[M])(p), m.GetWatcher()}
		o.cell.leave(o)
	case *node.Identify:
		m.Node = (*cell[M])(p)
	case *actor.Terminated:
		if !(*cell[M])(p).order(m) {
			(*cell[M])(p).terminated(m)
		}
	case *actor.Stop:
		p.place.Host.RequestStop(p.place.ID, node.AtOnce)
	default:
		(*cell[M])(p).order(message)
	}
}

// RegisterHandlers does nothing: the actor is run by its cell.
func (p *process[M]) RegisterHandlers(actor.MessageInvoker, actor.Dispatcher) {}

// Start does nothing: the actor is started by its supervisor.
func (p *process[M]) Start() {}

// UserMessageCount returns how many messages wait.
func (p *process[M]) UserMessageCount() int { return p.box.Queued() }

func (p *process[M]) undelivered(m any, sender *actor.PID, reason mailbox.Reason, cause error) {
	p.place.Host.Undelivered(node.DeadLetter{
		Target: p.place.Path, PID: (*cell[M])(p).PID(), Message: m, Sender: sender, Reason: reason, Cause: cause,
	})
}
