// Package fulfilment carries out orders that are accepted: it has them paid and ships them.
package fulfilment

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/payment"
)

// Done is what a worker tells itself at the end of its work.
type Done struct{ err error }

// Worker carries one order out and stops. What it has done so far is in the ledger, so another can go on where it was
// when it failed.
type Worker struct {
	id       string
	ledger   actors.Ref[ledger.Msg]
	payments actors.Ref[payment.Charge]
}

// New makes the worker of one order.
func New(id string, book actors.Ref[ledger.Msg], payments actors.Ref[payment.Charge]) *Worker {
	return &Worker{id: id, ledger: book, payments: payments}
}

// Start begins the work on a goroutine, so that it does not hold up whoever starts or halts the worker.
func (w *Worker) Start(ctx *actors.Context[Done]) error {
	return actors.Pipe(ctx, w.carryOut, func(_ order.Order, err error) Done { return Done{err} })
}

// Receive ends the worker, for good or with the failure of its work.
func (w *Worker) Receive(ctx *actors.Context[Done], m Done) error {
	if m.err == nil {
		ctx.Stop()
	}

	return m.err
}

func (w *Worker) carryOut(ctx context.Context) (o order.Order, err error) {
	o, err = actors.Ask(ctx, w.ledger, func(r actors.Reply[order.Order]) ledger.Msg {
		return ledger.Get{Reply: r, ID: w.id}
	})

	for err == nil && !o.State.Final() {
		o, err = w.step(ctx, o)
	}

	return o, err
}

// step brings an order into its next state.
func (w *Worker) step(ctx context.Context, o order.Order) (order.Order, error) {
	next := order.Shipped

	if o.State == order.Accepted {
		paid, err := actors.Ask(ctx, w.payments, func(r actors.Reply[bool]) payment.Charge {
			return payment.Charge{Reply: r, Order: o}
		})
		if err != nil {
			return o, err
		}

		next = order.Declined
		if paid {
			next = order.Paid
		}
	}

	e, err := actors.Ask(ctx, w.ledger, func(r actors.Reply[order.Event]) ledger.Msg {
		return ledger.Record{Reply: r, ID: o.ID, State: next}
	})

	return e.Order, err
}
