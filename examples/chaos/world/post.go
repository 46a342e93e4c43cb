package world

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/mailbox"
)

// way is how a message is sent.
type way uint8

const (
	tell way = iota
	tryTell
	tellControl
	tryTellControl
	ways
)

func (w way) lane() mailbox.Lane {
	if w == tellControl || w == tryTellControl {
		return mailbox.Control
	}

	return mailbox.Data
}

// post sends for one sender, and says so to the audit.
type post struct {
	audit  *audit.Audit
	path   string        // of the sender
	stream *audit.Stream // nil on goroutines of an actor, which are no sequence
}

// send sends a message.
func (p post) send(ctx context.Context, to actors.Ref[Msg], w way, m Msg) error {
	m.Stamp = p.audit.Offer(p.stream, to.Path(), w.lane())

	var err error

	switch w {
	case tryTell:
		err = to.TryTell(m)
	case tellControl:
		err = to.TellControl(ctx, m)
	case tryTellControl:
		err = to.TryTellControl(m)
	default:
		err = to.Tell(ctx, m)
	}

	if err == nil {
		p.audit.Accept(m.Stamp)

		return nil
	}

	p.audit.Refuse(m.Stamp)
	p.check(ctx, err)

	return err
}

// check looks at an error a send returned.
func (p post) check(ctx context.Context, err error) {
	p.audit.Deadlock(p.path, err)

	for _, known := range []error{
		mailbox.ErrFull, mailbox.ErrStopping, mailbox.ErrStopped, context.Canceled, context.DeadlineExceeded,
		actors.ErrAbandoned, actors.ErrHalting,
	} {
		if errors.Is(err, known) {
			return
		}
	}

	if !errors.As(err, new(*actors.DeadlockError)) && ctx.Err() == nil {
		p.audit.Violatef("M5", "%s got an answer that is not documented: %v", p.path, err)
	}
}

// patience is how much longer than its context an ask may take.
const patience = 5 * time.Second

// ask asks and waits for the answer, for as long as given.
func (p post) ask(ctx context.Context, to actors.Ref[Msg], m Msg, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()

	m.Token = p.audit.Ask(p.path)
	began := time.Now()

	value, err := actors.Ask(ctx, to, func(r actors.Reply[uint64]) Msg {
		m.Stamp = p.audit.Offer(p.stream, to.Path(), mailbox.Data)
		m.Reply = r

		return m
	})

	p.audit.Asked(m.Token, value, err, ctx.Err() != nil)

	if took := time.Since(began); took > most+patience {
		p.audit.Violatef("A3", "an ask of %s to %s took %v, its context ended after %v", p.path, to.Path(), took, most)
	}

	switch {
	case m.ID == 0: // refused before there was a message
	case err == nil:
		p.audit.Accept(m.Stamp)
	default:
		p.audit.Wonder(m.Stamp)
		p.audit.Deadlock(p.path, err)
	}

	return err
}
