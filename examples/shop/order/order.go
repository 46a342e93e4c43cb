// Package order holds what all others talk about: orders, the states they go through, and the events that say so.
//
//	accepted ──▶ paid ──▶ shipped
//	    └──────▶ declined
package order

import (
	"errors"
	"fmt"
	"time"
)

// State of an order.
type State string

// The states. An order is accepted once that is on disk.
const (
	Accepted State = "accepted"
	Paid     State = "paid"
	Declined State = "declined"
	Shipped  State = "shipped"
)

// Final reports whether nothing more is to be done for an order in this state.
func (s State) Final() bool { return s == Declined || s == Shipped }

// follows reports whether an order in state s may come into the next one.
func (s State) follows(next State) bool {
	switch s {
	case Accepted:
		return next == Paid || next == Declined
	case Paid:
		return next == Shipped
	default:
		return false
	}
}

// Line is one product of an order.
type Line struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	// Price of one piece in cents, fixed when the order is accepted.
	Price int64 `json:"price,omitempty"`
}

// Order is what a customer wants.
type Order struct {
	ID string `json:"id"`
	// Key is the customer's idempotency key; empty if there is none.
	Key   string `json:"key,omitempty"`
	Lines []Line `json:"lines"`
	State State  `json:"state"`
}

// Limits of an order.
const (
	MaxLines    = 16
	MaxQuantity = 1000
	MaxKey      = 128
)

// ErrInvalid is what every error of Validate wraps.
var ErrInvalid = errors.New("invalid order")

// Validate reports everything that is wrong with the order as a customer sends it.
func (o Order) Validate() error {
	var errs []error

	if n := len(o.Lines); n < 1 || n > MaxLines {
		errs = append(errs, fmt.Errorf("%w: %d lines, must be from 1 to %d", ErrInvalid, n, MaxLines))
	}

	if n := len(o.Key); n > MaxKey {
		errs = append(errs, fmt.Errorf("%w: idempotency key of %d bytes, must be at most %d", ErrInvalid, n, MaxKey))
	}

	for i, l := range o.Lines {
		if l.Quantity < 1 || l.Quantity > MaxQuantity {
			errs = append(errs, fmt.Errorf("%w: line %d: quantity %d, must be from 1 to %d",
				ErrInvalid, i+1, l.Quantity, MaxQuantity))
		}
	}

	return errors.Join(errs...)
}

// Total returns what the order costs, in cents.
func (o Order) Total() (cents int64) {
	for _, l := range o.Lines {
		cents += l.Price * int64(l.Quantity)
	}

	return cents
}

// To returns the order in its next state, or a [*TransitionError].
func (o Order) To(next State) (Order, error) {
	if !o.State.follows(next) {
		return o, &TransitionError{ID: o.ID, From: o.State, To: next}
	}

	o.State = next

	return o, nil
}

// TransitionError says that an order cannot come from one state into the other.
type TransitionError struct {
	ID       string
	From, To State
}

// Error names the order and the states.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("order %s is %s, it cannot become %s", e.ID, e.From, e.To)
}

// Event says that an order came into its state. All events in order are the whole history of the shop.
type Event struct {
	// Seq numbers the events from 1, without gaps; 0 until the event is on disk.
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Order Order     `json:"order"`
}
