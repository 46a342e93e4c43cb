package actors

import (
	"context"

	"github.com/troupe-go/troupe/mailbox"
)

// Ask sends the message that build makes around a reply port and waits for the answer. The error is what [Ref.Tell]
// would return if the message was not accepted; the error given to [Reply.Fail]; the context's error; or, wrapped in
// a [*mailbox.SendError] naming the target, what became of the actor that should have answered: its failure on the
// message, [mailbox.ErrStopped], a dead letter's cause. It does not sit out its deadline when the answer can no
// longer come.
//
//	total, err := actors.Ask(ctx, ledger, func(r actors.Reply[int64]) ledger.Msg { return ledger.Total{Reply: r} })
func Ask[R, M any](ctx context.Context, to Ref[M], build func(Reply[R]) M) (R, error) {
	p := &pending[R]{answered: make(chan struct{})}
	p.ticket.Loser = p

	var zero R

	if err := submit(ctx, p, &p.ticket, to, build); err != nil {
		return zero, err
	}

	select {
	case <-p.answered:
	case <-ctx.Done():
		p.end(ctx.Err()) // unless there is an answer after all
	}

	p.forget()

	return p.value, p.err
}

// Forward hands the duty to answer to another actor: it sends the message that build makes around the same reply
// port, and from then on the asker learns of that actor's failure or stop instead of this one's. The error is what
// [Ref.Tell] would return, and then the duty stays here; or [ErrNoReply] for the zero Reply.
func Forward[R, M any](ctx context.Context, to Ref[M], r Reply[R], build func(Reply[R]) M) error {
	if r.pending == nil {
		return ErrNoReply
	}

	return submit(ctx, r.pending, &mailbox.Ticket{Loser: r.pending}, to, build)
}

// submit sends the built message under the ticket, and makes that ticket the one the ask depends on.
func submit[R, M any](
	ctx context.Context, p *pending[R], t *mailbox.Ticket, to Ref[M], build func(Reply[R]) M,
) error {
	if build == nil {
		return ErrNilFunc
	}

	if to.cell == nil {
		return ErrNoRef
	}

	if err := to.gate.Err(); err != nil {
		return &mailbox.SendError{Target: to.cell.place.Path, Err: err}
	}

	m, turn := build(Reply[R]{p}), p.take()

	if err := to.cell.box.SendTicket(ctx, mailbox.Data, m, t); err != nil {
		to.cell.refused(m, nil, err)

		return err
	}

	p.hold(t, to.cell.box, turn)

	return nil
}
