package actors

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Context is what an actor runs in. It is a [context.Context] that ends when the incarnation is to return at once: it
// failed, was cut short at a stop, or was abandoned. Pass it on to everything that takes a context. Its methods are
// safe for concurrent use, also from goroutines started with [Context.Go].
//
// Contexts come from the framework; nil and the zero Context are those of no actor, and have ended: Done is closed, Err
// is [context.Canceled], what returns an error returns [ErrNotRunning], and the rest does nothing and returns zeros.
type Context[M any] incarnation[M]

var _ context.Context = (*Context[int])(nil)

// closed is the Done channel of a context of no actor.
var closed = func() <-chan struct{} { //nolint:gochecknoglobals // immutable
	c := make(chan struct{})
	close(c)

	return c
}()

// asContext returns the incarnation as its user sees it.
func (i *incarnation[M]) asContext() *Context[M] { return (*Context[M])(i) }

// inc returns the incarnation whose context it is.
func (c *Context[M]) inc() *incarnation[M] { return (*incarnation[M])(c) }

// ofNobody reports whether it is the context of no actor.
func (c *Context[M]) ofNobody() bool { return c == nil || c.cell == nil }

// Deadline reports no deadline: an actor runs until it is stopped.
func (c *Context[M]) Deadline() (at time.Time, ok bool) { return time.Time{}, false }

// Done returns a channel that is closed when the incarnation is to return at once.
func (c *Context[M]) Done() <-chan struct{} {
	if c.ofNobody() {
		return closed
	}

	return c.inc().context().Done()
}

// Err returns nil until Done is closed, and [context.Canceled] after; [context.Cause] knows why.
func (c *Context[M]) Err() error {
	if c.ofNobody() {
		return context.Canceled
	}

	return c.inc().err()
}

// Value returns what the context holds for the key, as [context.Context] says.
func (c *Context[M]) Value(key any) any {
	switch {
	case c.ofNobody():
		return nil
	case key == (mailbox.ObserverKey{}):
		return c.inc()
	default:
		return c.inc().context().Value(key)
	}
}

// Self returns a reference to this actor, for others to send to. It is as stable as a reference can be: it outlives
// this incarnation, and passes neither the fence of an abandoned one nor the intake of the system.
func (c *Context[M]) Self() Ref[M] {
	if c.ofNobody() {
		return Ref[M]{}
	}

	return Ref[M]{cell: c.cell}
}

// Path returns the actor's path, such as "/shop/orders".
func (c *Context[M]) Path() string { return c.Self().Path() }

// PID returns the actor's identity in protoactor.
func (c *Context[M]) PID() *actor.PID { return c.Self().PID() }

// Incarnation returns which life of the actor this is, beginning with 1.
func (c *Context[M]) Incarnation() uint64 {
	if c.ofNobody() {
		return 0
	}

	return c.number
}

// Stop ends the actor in an orderly way after the message in hand: nothing more is received, Flush and Close run, and
// what is left in the queue becomes dead letters with reason stopped. Whether it is started again is for its restart
// type to say: a permanent actor is, and then the queue is kept instead.
func (c *Context[M]) Stop() {
	if c.ofNobody() {
		return
	}

	c.inc().owned.stop()
	c.cell.box.Signal(node.Owned)
}

// Go starts a goroutine that belongs to the actor: the context it gets ends with the incarnation, the incarnation is
// not over before the function returned, and its error or panic is a failure of the actor. Go returns a
// [*GoroutineLimitError] if the actor has as many as it may, [ErrNotRunning] if the incarnation is ending, and
// [ErrNilFunc].
//
// At a stop, the queue is worked off first; then the context ends.
func (c *Context[M]) Go(f func(ctx context.Context) error) error {
	if f == nil {
		return misuse(c.Path(), "Go", ErrNilFunc)
	}

	return c.start(false, func(*bool) error { return f(c) })
}

// Pipe runs work on a goroutine of the actor, as [Context.Go] does, and sends what it returns to the actor as a
// message, made by into. Who handles that message can start the next one: the goroutine does not count any more. A stop
// waits for it, and the message is still accepted while the queue is worked off. If the incarnation fails meanwhile, or
// its time to work off the queue is over, the result is dropped, of which nothing tells; if the message is refused the
// actor fails with the refusal. Errors are those of Go.
func Pipe[T, M any](
	ctx *Context[M], work func(ctx context.Context) (T, error), into func(value T, err error) M,
) error {
	if work == nil || into == nil {
		return misuse(ctx.Path(), "Pipe", ErrNilFunc)
	}

	return ctx.start(true, func(delivered *bool) error {
		value, err := work(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the incarnation that asked is gone
		}

		m := into(value, err)

		err = ctx.inc().owned.send(func(accepted *atomic.Int32) error {
			ctx.cell.place.Host.Waits().Recheck(&ctx.cell.box)

			return ctx.cell.box.SendInner(ctx, mailbox.Data, m, accepted)
		})
		*delivered = err == nil

		return err
	})
}

// start starts a goroutine. The function says whether it has delivered a result.
func (c *Context[M]) start(pipe bool, f func(delivered *bool) error) error {
	if c.ofNobody() {
		return ErrNotRunning
	}

	if err := c.inc().owned.add(pipe, c.cell.place.Limits.Goroutines, c.cell.place.Path); err != nil {
		return err
	}

	go func() {
		err, delivered := ErrExited, false // unless f returns or panics

		defer func() {
			c.inc().owned.done(pipe, delivered, err)
			c.cell.place.Host.Waits().Recheck(&c.cell.box)
			c.cell.box.Signal(node.Owned)
		}()

		err = protect(func() error { return f(&delivered) })
		if c.inc().saysEnded(err) {
			err = nil // it was told to end, and says so
		}
	}()

	return nil
}
