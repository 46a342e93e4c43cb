// Package desk is where orders come in: it checks them, has them accepted, and has somebody carry them out.
package desk

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/order"
)

// Place is an order of a customer. It is answered with the order, once that is accepted: on disk, so that it will be
// carried out whatever happens. Else the error is one of packages order, inventory and ledger, or says that the desk
// failed; then it is open whether the order was accepted, and the customer may send it again under the same key.
type Place struct {
	actors.Reply[order.Order]

	Order order.Order
}

// Desk takes one order at a time.
type Desk struct {
	inventory actors.Ref[inventory.Msg]
	ledger    actors.Ref[ledger.Msg]
	carryOut  func(ctx context.Context, id string) error
}

// New makes a desk. CarryOut makes sure that somebody carries an order out; it is called again for one that somebody
// does.
func New(
	stock actors.Ref[inventory.Msg], book actors.Ref[ledger.Msg], carryOut func(ctx context.Context, id string) error,
) *Desk {
	return &Desk{inventory: stock, ledger: book, carryOut: carryOut}
}

// Start has everything carried out that was accepted and is not finished: before a stop, a crash of the process, or of
// those who were at it.
func (d *Desk) Start(ctx *actors.Context[Place]) error {
	ids, err := actors.Ask(ctx, d.ledger, func(r actors.Reply[[]string]) ledger.Msg {
		return ledger.Unfinished{Reply: r}
	})
	if err != nil {
		return err
	}

	for _, id := range ids {
		if err := d.carryOut(ctx, id); err != nil {
			return fmt.Errorf("take up order %s: %w", id, err)
		}
	}

	return nil
}

// Receive takes one order. If nobody can be found to carry it out the desk fails, and takes it up when it starts again.
func (d *Desk) Receive(ctx *actors.Context[Place], m Place) error {
	o, isNew, err := d.accept(ctx, m.Order)
	if err != nil {
		return m.Fail(err)
	}

	if err := m.Send(o); err != nil || !isNew {
		return err
	}

	return d.carryOut(ctx, o.ID)
}

func (d *Desk) accept(ctx context.Context, o order.Order) (accepted order.Order, isNew bool, err error) {
	if err := o.Validate(); err != nil {
		return o, false, err
	}

	before, err := actors.Ask(ctx, d.ledger, func(r actors.Reply[order.Order]) ledger.Msg {
		return ledger.Known{Reply: r, Order: o}
	})
	if err != nil || before.ID != "" {
		return before, false, err
	}

	o.Lines, err = actors.Ask(ctx, d.inventory, func(r actors.Reply[[]order.Line]) inventory.Msg {
		return inventory.Check{Reply: r, Lines: o.Lines}
	})
	if err != nil {
		return o, false, err
	}

	e, err := actors.Ask(ctx, d.ledger, func(r actors.Reply[order.Event]) ledger.Msg {
		return ledger.Accept{Reply: r, Order: o}
	})

	return e.Order, true, err
}
