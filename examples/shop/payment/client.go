// Package payment charges cards: [Client] is the actor that talks to the bank, [Simulation] a bank to try it with.
package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
)

// Gateway is a connection to a bank.
type Gateway interface {
	// Charge charges an order's card once, however often it is called for the order, and reports whether the card was
	// good for it. A declined card is no error.
	Charge(ctx context.Context, o order.Order) (paid bool, err error)
}

// Charge charges an order's card and is answered with whether that was good for it. To send it again after a failure
// is safe.
type Charge struct {
	actors.Reply[bool]

	Order order.Order
}

// ErrSlow occurs when the bank does not answer in time.
var ErrSlow = errors.New("the bank does not answer")

// Client has one charge at a time on its connection. It fails when the connection does; a new one has a new connection.
type Client struct {
	gateway Gateway
	timeout time.Duration
}

// NewClient makes a client that waits for the bank for a time.
func NewClient(g Gateway, timeout time.Duration) *Client {
	return &Client{gateway: g, timeout: timeout}
}

// Receive charges one card.
func (c *Client) Receive(ctx *actors.Context[Charge], m Charge) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	paid, err := c.gateway.Charge(limited, m.Order)

	switch {
	case err == nil:
		return m.Send(paid)
	case limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("order %s: %w within %v: %w", m.Order.ID, ErrSlow, c.timeout, err)
	default:
		return err
	}
}
