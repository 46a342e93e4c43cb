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
	cell *cell[M]
	gate *node.Gate
}

// Resolve makes a reference to a node. It is for package supervision: users cannot name a node.
func Resolve[M any](n node.Node, gate *node.Gate) Ref[M] {
	c, _ := n.(*cell[M])

	return Ref[M]{cell: c, gate: gate}
}

// Tell sends a message to the data lane. It returns nil if the message was accepted, and otherwise why it was not: a
// [*mailbox.FullError] if the mailbox is full and does not block; [mailbox.ErrStopping] or [mailbox.ErrStopped]; or
// the context's error. If the mailbox is full and blocks, Tell waits for room until ctx ends.
func (r Ref[M]) Tell(ctx context.Context, m M) error { return r.send(ctx, mailbox.Data, m) }

// TellControl is [Ref.Tell] to the control lane, which is taken before everything in the data lane.
func (r Ref[M]) TellControl(ctx context.Context, m M) error { return r.send(ctx, mailbox.Control, m) }

// TryTell is [Ref.Tell] that never blocks: a full mailbox answers with a [*mailbox.FullError] at once.
func (r Ref[M]) TryTell(m M) error { return r.trySend(mailbox.Data, m) }

// TryTellControl is [Ref.TellControl] that never blocks.
func (r Ref[M]) TryTellControl(m M) error { return r.trySend(mailbox.Control, m) }

// Path returns the actor's path, such as "/shop/orders", or "" for the zero Ref.
func (r Ref[M]) Path() string {
	if r.cell == nil {
		return ""
	}

	return r.cell.place.Path
}

// PID returns the actor's identity in protoactor, or nil for the zero Ref.
func (r Ref[M]) PID() *actor.PID {
	if r.cell == nil {
		return nil
	}

	return r.cell.pid
}

func (r Ref[M]) send(ctx context.Context, lane mailbox.Lane, m M) error {
	if r.cell == nil {
		return ErrNoRef
	}

	if err := r.gate.Err(); err != nil {
		return &mailbox.SendError{Target: r.cell.place.Path, Err: err}
	}

	err := r.cell.box.Send(ctx, lane, m)
	if err != nil {
		r.cell.refused(m, nil, err)
	}

	return err
}

func (r Ref[M]) trySend(lane mailbox.Lane, m M) error {
	if r.cell == nil {
		return ErrNoRef
	}

	if err := r.gate.Err(); err != nil {
		return &mailbox.SendError{Target: r.cell.place.Path, Err: err}
	}

	err := r.cell.box.TrySend(lane, m)
	if err != nil {
		r.cell.refused(m, nil, err)
	}

	return err
}

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
