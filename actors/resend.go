package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

var (
	_ node.Resender = (*cell[int])(nil)
	_ node.Resender = (*front[int])(nil)
)

// Resend implements [node.Resender].
func (c *cell[M]) Resend(message any, sender *actor.PID, at mailbox.Delivery) error {
	m, ok := message.(M)
	if !ok {
		return &mailbox.SendError{Target: c.place.Path, Err: node.ErrMismatch}
	}

	if sender != nil && keepsEnvelopes[M]() {
		m, _ = any(&actor.MessageEnvelope{Message: message, Sender: sender}).(M)
	}

	if err := c.place.Host.Intake().Err(); err != nil {
		return &mailbox.SendError{Target: c.place.Path, Err: err}
	}

	return c.box.TryResend(mailbox.Data, m, at)
}

// Resend implements [node.Resender]: a member gets it.
func (f *front[M]) Resend(message any, sender *actor.PID, at mailbox.Delivery) error {
	m, ok := message.(M)
	if !ok {
		return &mailbox.SendError{Target: f.place.Path, Err: node.ErrMismatch}
	}

	for {
		var c *cell[M]

		// The key is the user's function.
		if err := protect(func() error { c = f.route(m); return nil }); err != nil {
			return &mailbox.SendError{Target: f.place.Path, Err: err}
		}

		if c == nil {
			return &mailbox.SendError{Target: f.place.Path, Err: mailbox.ErrStopped}
		}

		if err := c.Resend(message, sender, at); err == nil || !f.left(c, err) {
			return err
		}
	}
}
