package actors

import (
	"context"

	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// Ask sends the message that build makes around a reply port and waits for the answer. The error is what [Ref.Tell]
// would return if the message was not accepted; the error given to [Reply.Fail]; or, wrapped in a [*mailbox.SendError]
// naming the target, the context's error, or what became of the actor that should have answered: its failure on the
// message, [mailbox.ErrStopped], a dead letter's cause; or the [*mailbox.DroppedError] of a full lane's policy. It does
// not sit out its deadline when the answer can no longer come. An actor that would wait for itself, directly or around
// a cycle, gets a [*DeadlockError].
//
// A panic of build comes out of Ask as it would out of any call of it, before anything is sent: in an actor it is the
// actor's failure, and elsewhere the caller's.
//
//	total, err := actors.Ask(ctx, ledger, func(r actors.Reply[int64]) ledger.Msg { return ledger.Total{Reply: r} })
func Ask[R, M any](ctx context.Context, to Ref[M], build func(Reply[R]) M) (R, error) {
	var zero R

	if err := to.check(ctx, "Ask", build != nil); err != nil {
		return zero, err
	}

	spares := to.spares()

	p, _ := spares.take().(*pending[R])
	if p == nil { // none, or one that waits for answers of another type
		p = newPending[R]()
	}

	m := build(Reply[R]{p, p.generation})

	var edge *waits.Edge

	for sent := false; !sent; {
		c, err := to.target(m)
		if err != nil {
			return zero, err
		}

		p.held, p.holder = &p.ticket, &c.box

		if edge, err = p.asks(ctx, &c.box); err != nil {
			return zero, err
		}

		if sent, err = to.submit(ctx, c, m, &p.ticket); err != nil {
			return zero, err
		}
	}

	value, err := p.wait(ctx, edge, to.Path())

	if p.release() {
		spares.put(p)
	}

	return value, err
}

// Forward hands the duty to answer to another actor: it sends the message that build makes around the same reply
// port, and from then on the asker learns of that actor's failure or stop instead of this one's. The error is what
// [Ref.Tell] would return, and then the duty stays here; [ErrNoReply] for the zero Reply; or [ErrReplied] if it is
// answered already.
func Forward[R, M any](ctx context.Context, to Ref[M], r Reply[R], build func(Reply[R]) M) error {
	if r.pending == nil {
		return ErrNoReply
	}

	if err := to.check(ctx, "Forward", build != nil); err != nil {
		return err
	}

	m := build(r)

	turn, err := r.pending.take(r.generation)
	if err != nil {
		return err
	}

	t := &mailbox.Ticket{Loser: r.pending}

	for {
		c, err := to.target(m)
		if err != nil {
			return err
		}

		if sent, err := to.submit(ctx, c, m, t); sent {
			r.pending.hold(t, &c.box, turn)
			c.place.Host.Waits().Recheck(&c.box)

			return nil
		} else if err != nil {
			return err
		}
	}
}

// check reports what makes an ask impossible from the start.
func (r Ref[M]) check(ctx context.Context, method string, hasBuild bool) error {
	switch {
	case ctx == nil:
		return misuse(r.Path(), method, mailbox.ErrNilContext)
	case !hasBuild:
		return misuse(r.Path(), method, ErrNilFunc)
	case r.cell == nil && r.front == nil:
		return ErrNoRef
	}

	if err := r.gate.Err(); err != nil {
		return &mailbox.SendError{Target: r.Path(), Err: err}
	}

	return nil
}

// spares returns where pending asks are kept to be used again.
func (r Ref[M]) spares() *spares {
	if r.cell != nil {
		return &r.cell.needs().spares
	}

	return &r.front.spares
}

// submit sends a message under a ticket. If it was not sent and there is no error, c has left the pool meanwhile, and
// the message is for another one.
func (r Ref[M]) submit(ctx context.Context, c *cell[M], m M, t *mailbox.Ticket) (sent bool, err error) {
	err = c.box.SendTicket(ctx, mailbox.Data, m, t)
	if err == nil || r.left(c, err) {
		return err == nil, nil
	}

	c.refused(m, nil, err)

	return false, err
}
