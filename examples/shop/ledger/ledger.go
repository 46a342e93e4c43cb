// Package ledger knows every order and its state, and decides which state may follow which.
package ledger

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/store"
)

// Msg is what the ledger understands.
type Msg interface{ isLedger() }

// Accept takes a new order and gives it an id. It is answered once the order is on disk, or with [ErrBusy] or
// [ErrKeyReused]. An order that was accepted under the same key before is answered with its first event.
type Accept struct {
	actors.Reply[order.Event]

	Order order.Order
}

// Record brings an order into its next state. It is answered once that is on disk, or with [ErrUnknown] or an
// [*order.TransitionError].
type Record struct {
	actors.Reply[order.Event]

	ID    string
	State order.State
}

// Known asks for the order that was accepted under the same key; the zero Order says that there is none.
type Known struct {
	actors.Reply[order.Order]

	Order order.Order
}

// Get asks for an order.
type Get struct {
	actors.Reply[order.Order]

	ID string
}

// Await asks for an order and is answered when its state is final, or with [ErrBusy] if too many wait.
type Await struct {
	actors.Reply[order.Order]

	ID string
}

// Unfinished asks for the ids of the orders whose state is not final.
type Unfinished struct{ actors.Reply[[]string] }

func (Accept) isLedger()     {}
func (Record) isLedger()     {}
func (Known) isLedger()      {}
func (Get) isLedger()        {}
func (Await) isLedger()      {}
func (Unfinished) isLedger() {}

// maxWaiting bounds the Awaits that are not answered yet.
const maxWaiting = 1024

// Ledger holds all orders in memory, as the store's events tell. It applies what it hands to the store at once, and it
// is the store that answers: whoever asked for a change learns of it when it is on disk. So the ledger is ahead of the
// store by what that has yet to write, and is wrong when the store fails. It must be restarted with it.
type Ledger struct {
	store   actors.Ref[store.Msg]
	changed func()
	maxOpen int
	book    *Book
	waiting map[string][]Await // by id; count of them is waits
	waits   int
}

// New makes a ledger of at most so many open orders. Changed is called after every change that the store was given; it
// must not block.
func New(events actors.Ref[store.Msg], changed func(), maxOpen int) *Ledger {
	return &Ledger{store: events, changed: changed, maxOpen: maxOpen, waiting: make(map[string][]Await)}
}

// Start learns everything from the store.
func (l *Ledger) Start(ctx *actors.Context[Msg]) error {
	l.book = NewBook(l.maxOpen)
	_, err := store.Replay(ctx, l.store, 0, func(e order.Event) { l.book.Apply(e.Order) })

	return err
}

// Receive decides about changes and answers questions.
func (l *Ledger) Receive(ctx *actors.Context[Msg], m Msg) error {
	switch m := m.(type) {
	case Accept:
		return l.accept(ctx, m)
	case Record:
		o, err := l.book.Move(m.ID, m.State)
		if err != nil {
			return m.Fail(err)
		}

		return l.append(ctx, m.Reply, o)
	case Known:
		o, _, err := l.book.Known(m.Order)

		return answer(m.Reply, o, err)
	case Get:
		o, err := l.book.Get(m.ID)

		return answer(m.Reply, o, err)
	case Await:
		return l.await(m)
	case Unfinished:
		return m.Send(l.book.Unfinished())
	default:
		return fmt.Errorf("ledger: unknown message %T", m)
	}
}

func (l *Ledger) accept(ctx context.Context, m Accept) error {
	before, found, err := l.book.Known(m.Order)

	switch {
	case err != nil:
		return m.Fail(err)
	case found:
		return m.Send(order.Event{Order: before})
	}

	o, err := l.book.Accept(m.Order)
	if err != nil {
		return m.Fail(err)
	}

	return l.append(ctx, m.Reply, o)
}

// append hands the order's new state to the store, and to it the duty to answer.
func (l *Ledger) append(ctx context.Context, r actors.Reply[order.Event], o order.Order) error {
	err := actors.Forward(ctx, l.store, r, func(r actors.Reply[order.Event]) store.Msg {
		return store.Append{Reply: r, Event: order.Event{Order: o}}
	})
	if err != nil {
		return err
	}

	l.book.Apply(o)
	l.changed()

	if o.State.Final() {
		l.release(o)
	}

	return nil
}

func (l *Ledger) await(m Await) error {
	o, err := l.book.Get(m.ID)

	switch {
	case err != nil, o.State.Final():
		return answer(m.Reply, o, err)
	case l.waits >= maxWaiting:
		return m.Fail(fmt.Errorf("%w: %d wait for one", ErrBusy, l.waits))
	}

	l.waiting[m.ID] = append(l.waiting[m.ID], m)
	l.waits++

	return nil
}

// release answers those who wait for an order. Whoever has given up meanwhile does not want to know.
func (l *Ledger) release(o order.Order) {
	for _, m := range l.waiting[o.ID] {
		_ = m.Send(o)
	}

	l.waits -= len(l.waiting[o.ID])
	delete(l.waiting, o.ID)
}

func answer(r actors.Reply[order.Order], o order.Order, err error) error {
	if err != nil {
		return r.Fail(err)
	}

	return r.Send(o)
}
