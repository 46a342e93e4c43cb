package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// What the ledger refuses with.
var (
	// ErrBusy occurs when as many orders are open as may be.
	ErrBusy = errors.New("too many open orders")
	// ErrKeyReused occurs when an idempotency key comes with another order than before.
	ErrKeyReused = errors.New("idempotency key was used for another order")
	// ErrUnknown occurs when there is no order of an id.
	ErrUnknown = errors.New("no such order")
)

// Book holds all orders, by id and by idempotency key.
type Book struct {
	orders map[string]order.Order
	keys   map[string]string // ids
	last   int               // the highest id
	open   int               // orders whose state is not final
	most   int               // bound on open
}

// NewBook returns a book without orders that may have so many open.
func NewBook(maxOpen int) *Book {
	return &Book{orders: make(map[string]order.Order), keys: make(map[string]string), most: maxOpen}
}

// Known returns the order that was accepted under the same key before.
func (b *Book) Known(o order.Order) (before order.Order, found bool, err error) {
	id, found := b.keys[o.Key]
	if o.Key == "" || !found {
		return order.Order{}, false, nil
	}

	before = b.orders[id]
	if !slices.EqualFunc(before.Lines, o.Lines, sameProducts) {
		return before, true, fmt.Errorf("%w: %s", ErrKeyReused, before.ID)
	}

	return before, true, nil
}

func sameProducts(a, b order.Line) bool { return a.Product == b.Product && a.Quantity == b.Quantity }

// Accept gives a new order its id. The book does not hold it before it is applied.
func (b *Book) Accept(o order.Order) (order.Order, error) {
	if b.open >= b.most {
		return o, fmt.Errorf("%w: %d of %d", ErrBusy, b.open, b.most)
	}

	o.ID, o.State = strconv.Itoa(b.last+1), order.Accepted

	return o, nil
}

// Move returns the order in its next state. The book holds the old one until the new one is applied.
func (b *Book) Move(id string, next order.State) (order.Order, error) {
	o, err := b.Get(id)
	if err != nil {
		return o, err
	}

	return o.To(next)
}

// Apply takes in an order's new state.
func (b *Book) Apply(o order.Order) {
	before, found := b.orders[o.ID]
	if wasOpen := found && !before.State.Final(); wasOpen {
		b.open--
	}

	if !o.State.Final() {
		b.open++
	}

	if o.Key != "" {
		b.keys[o.Key] = o.ID
	}

	if n, err := strconv.Atoi(o.ID); err == nil {
		b.last = max(b.last, n)
	}

	b.orders[o.ID] = o
}

// Get returns an order, or [ErrUnknown].
func (b *Book) Get(id string) (order.Order, error) {
	o, found := b.orders[id]
	if !found {
		return o, fmt.Errorf("%w: %q", ErrUnknown, id)
	}

	return o, nil
}

// Unfinished returns the ids of the open orders.
func (b *Book) Unfinished() []string {
	ids := make([]string, 0, b.open)

	for id, o := range b.orders {
		if !o.State.Final() {
			ids = append(ids, id)
		}
	}

	return ids
}
