// Package inventory knows what there is of each product.
package inventory

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/store"
)

// Msg is what the inventory understands.
type Msg interface{ isInventory() }

// Check asks for the lines of an order with their prices, if everything is there; else it is answered with
// [ErrUnknownProduct] or [ErrOutOfStock]. It reserves nothing.
type Check struct {
	actors.Reply[[]order.Line]

	Lines []order.Line
}

// Levels asks how many pieces there are of each product.
type Levels struct{ actors.Reply[map[string]int] }

func (Check) isInventory()  {}
func (Levels) isInventory() {}

// Inventory holds nothing that could be lost: what is taken is what the store's events say, and it reads those it has
// not seen before it answers. There are no reservations, because there is one desk, which finishes one order before it
// checks the next.
type Inventory struct {
	store     actors.Ref[store.Msg]
	stock     *Stock
	catalogue Catalogue
	position  uint64 // the number of the last event in stock
}

// New makes the inventory of a catalogue.
func New(events actors.Ref[store.Msg], c Catalogue) *Inventory {
	return &Inventory{store: events, catalogue: c, stock: NewStock(c)}
}

// Start learns everything from the store.
func (i *Inventory) Start(ctx *actors.Context[Msg]) error { return i.catchUp(ctx) }

// Receive answers questions.
func (i *Inventory) Receive(ctx *actors.Context[Msg], m Msg) error {
	if err := i.catchUp(ctx); err != nil {
		return err
	}

	switch m := m.(type) {
	case Check:
		lines, err := i.stock.Price(m.Lines)
		if err != nil {
			return m.Fail(err)
		}

		return m.Send(lines)
	case Levels:
		return m.Send(i.stock.Left())
	default:
		return fmt.Errorf("inventory: unknown message %T", m)
	}
}

func (i *Inventory) catchUp(ctx context.Context) (err error) {
	i.position, err = store.Replay(ctx, i.store, i.position, i.stock.Apply)

	return err
}
