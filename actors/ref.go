package actors

import (
	"context"
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Ref is a reference to an actor that takes messages of type M: the capability to send to it. It stays valid across
// restarts of the actor, and the queue behind it does too. A Ref is a small value to be copied; the zero Ref refers
// to nobody and answers [ErrNoRef]. Safe for concurrent use.
type Ref[M any] struct {
	cell  *cell[M] // nil for a pool
	gate  *node.Gate
	front *front[M] // of a pool
}

// Resolve makes a reference to a node. It is for package supervision: users cannot name a node.
func Resolve[M any](n node.Node, gate *node.Gate) Ref[M] {
	c, _ := n.(*cell[M])

	return Ref[M]{cell: c, gate: gate}
}

// ResolveFront makes a reference to a pool. It is for package supervision: users cannot name a front.
func ResolveFront[M any](f node.Front, gate *node.Gate) Ref[M] {
	made, _ := f.(*front[M])

	return Ref[M]{front: made, gate: gate}
}

// open returns the actor that gets a message, or why nobody does. Shut is what the gate says.
func (r Ref[M]) open(m M, shut error) (*cell[M], error) {
	if shut != nil && (r.cell != nil || r.front != nil) {
		return nil, &mailbox.SendError{Target: r.Path(), Err: shut}
	}

	return r.target(m)
}

// target returns the actor that gets a message.
func (r Ref[M]) target(m M) (*cell[M], error) {
	switch {
	case r.cell != nil:
		return r.cell, nil
	case r.front == nil:
		return nil, ErrNoRef
	}

	if c := r.front.route(m); c != nil {
		return c, nil
	}

	err := &mailbox.SendError{Target: r.front.place.Path, Err: mailbox.ErrStopped}
	r.front.undelivered(m, nil, mailbox.Stopped, err)

	return nil, err
}

// Tell sends a message to the data lane. It returns nil if the message was accepted, and otherwise why it was not: a
// [*mailbox.FullError] if the mailbox is full and does not block; [mailbox.ErrStopping] or [mailbox.ErrStopped]; or
// the context's error. If the mailbox is full and blocks, Tell waits for room until ctx ends; an actor that
// would wait for itself so, directly or around a cycle, gets a [*DeadlockError], and one that is being halted may get
// [ErrHalting].
func (r Ref[M]) Tell(ctx context.Context, m M) error { return r.send(ctx, mailbox.Data, m) }

// TellControl is [Ref.Tell] to the control lane, which is taken before everything in the data lane.
func (r Ref[M]) TellControl(ctx context.Context, m M) error { return r.send(ctx, mailbox.Control, m) }

// TryTell is [Ref.Tell] that never blocks: a full mailbox answers with a [*mailbox.FullError] at once.
func (r Ref[M]) TryTell(m M) error { return r.trySend(mailbox.Data, m) }

// TryTellControl is [Ref.TellControl] that never blocks.
func (r Ref[M]) TryTellControl(m M) error { return r.trySend(mailbox.Control, m) }

// Path returns the actor's path, such as "/shop/orders", or "" for the zero Ref.
func (r Ref[M]) Path() string {
	switch {
	case r.cell != nil:
		return r.cell.place.Path
	case r.front != nil:
		return r.front.place.Path
	default:
		return ""
	}
}

// PID returns the actor's identity in protoactor, or nil for the zero Ref.
func (r Ref[M]) PID() *actor.PID {
	switch {
	case r.cell != nil:
		return r.cell.PID()
	case r.front != nil:
		return r.front.pid
	default:
		return nil
	}
}

func (r Ref[M]) send(ctx context.Context, lane mailbox.Lane, m M) error {
	c, err := r.cell, r.gate.Err()

	if c == nil || err != nil {
		if c, err = r.open(m, err); err != nil {
			return err
		}
	}

	if err = c.box.Send(ctx, lane, m); err != nil {
		if ctx == nil {
			return r.nilContext(lane)
		}

		if r.left(c, err) {
			return r.send(ctx, lane, m)
		}

		c.refused(m, nil, err)
	}

	return err
}

func (r Ref[M]) nilContext(lane mailbox.Lane) error {
	method := "Tell"
	if lane == mailbox.Control {
		method = "TellControl"
	}

	return misuse(r.Path(), method, mailbox.ErrNilContext)
}

func (r Ref[M]) trySend(lane mailbox.Lane, m M) error {
	c, err := r.cell, r.gate.Err()

	if c == nil || err != nil {
		if c, err = r.open(m, err); err != nil {
			return err
		}
	}

	if err = c.box.TrySend(lane, m); err != nil {
		if r.left(c, err) {
			return r.trySend(lane, m)
		}

		c.refused(m, nil, err)
	}

	return err
}

// left reports whether a message was refused by an actor that has left the pool since it was chosen, so that it is for
// another one.
func (r Ref[M]) left(c *cell[M], err error) bool { return r.front != nil && r.front.left(c, err) }

// refusal returns the dead-letter reason of a message that came too late, or 0 for one that its sender still holds
// and can send again: a full mailbox or an ended context loses nothing.
func refusal(err error) mailbox.Reason {
	switch {
	case errors.Is(err, mailbox.ErrStopping):
		return mailbox.Stopping
	case errors.Is(err, mailbox.ErrStopped):
		return mailbox.Stopped
	default:
		return 0
	}
}
