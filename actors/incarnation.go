package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// incarnation is one life of an actor, from its factory to its Close. The runtime makes it, the runner lives it.
type incarnation[M any] struct {
	number   uint64
	gate     node.Gate // what this incarnation's references pass; fenced when it is abandoned
	owned    owned
	ctx      Context[M]
	actor    Actor[M]          // the runner's own; nil until the factory returned
	lease    *mailbox.Lease[M] // what its messages are taken under; set before any code of the user's has its context
	mark     mark              // the runner's own
	over     atomic.Bool       // work has ended
	started  sync.Once         // its start has been reported
	mu       sync.Mutex
	work     context.Context         // guarded by mu; made when first asked for, so that an idle actor has none
	cancel   context.CancelCauseFunc // guarded by mu
	hook     context.CancelCauseFunc // guarded by mu: cancels the Flush or Close that is running
	cut      error                   // guarded by mu: the time of the step in progress is over; nil while it is not
	closed   bool                    // guarded by mu: Close has been called
	ended    error                   // guarded by mu: why work has ended
	deadline time.Time               // guarded by mu: of the step in progress; zero if it has none
}

func newIncarnation[M any](c *cell[M], number uint64, deadline time.Time) *incarnation[M] {
	inc := &incarnation[M]{number: number, deadline: deadline}
	inc.owned.limit = c.place.Limits.Goroutines
	inc.ctx = Context[M]{cell: c, inc: inc}

	return inc
}

// announce reports the start, once. Called before the first message is handled.
func (i *incarnation[M]) announce() {
	i.started.Do(func() {
		p := &i.ctx.cell.place
		p.Host.Report(node.Report{ID: p.ID, Incarnation: i.number, Event: node.Started})
	})
}

// context returns what Receive, Start and the actor's goroutines run under.
func (i *incarnation[M]) context() context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()

	if i.work == nil {
		i.work, i.cancel = context.WithCancelCause(i.labels())

		if i.ended != nil {
			i.cancel(i.ended)
		}
	}

	return i.work
}

func (i *incarnation[M]) err() error {
	if i.over.Load() {
		return context.Canceled
	}

	return nil
}

// saysEnded reports whether err says no more than that the context has ended.
func (i *incarnation[M]) saysEnded(err error) bool {
	i.mu.Lock()
	defer i.mu.Unlock()

	return i.ended != nil && (errors.Is(err, context.Canceled) || errors.Is(err, i.ended))
}

// endWork cancels Receive, Start and the actor's goroutines.
func (i *incarnation[M]) endWork(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()

	if i.ended == nil {
		i.ended = cause
		i.over.Store(true)

		if i.cancel != nil {
			i.cancel(cause)
		}
	}
}

// endAll cancels the hook that is running too.
func (i *incarnation[M]) endAll(cause error) {
	i.endWork(cause)
	i.mu.Lock()
	defer i.mu.Unlock()

	i.cut = cause // also for a hook that is yet to begin

	if i.hook != nil {
		i.hook(cause)
	}
}

// run calls a hook under a context of its own, which ends at the step's deadline.
func (i *incarnation[M]) run(hook func(context.Context) error) error {
	i.mu.Lock()

	ctx, cancel := context.WithCancelCause(i.labels())
	deadline := i.deadline
	i.hook = cancel

	if i.cut != nil {
		cancel(i.cut)
	}

	i.mu.Unlock()

	defer cancel(errEnded)

	return i.because(call(func() error { return hook(deadlineContext{ctx, deadline}) }))
}

// because adds to an error that only says that the context has ended why it has.
func (i *incarnation[M]) because(err error) error {
	if err == nil {
		return nil
	}

	i.mu.Lock()
	defer i.mu.Unlock()

	if i.cut != nil && errors.Is(err, context.Canceled) && !errors.Is(err, i.cut) {
		return fmt.Errorf("%w: %w", i.cut, err)
	}

	return err
}

func (i *incarnation[M]) setDeadline(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.deadline, i.cut = t, nil
}

// close runs the Close hook of the instance, if there is one and it was not run before.
func (i *incarnation[M]) close() error {
	c, ok := i.actor.(Closer)

	i.mu.Lock()
	again := i.closed
	i.closed = true
	i.mu.Unlock()

	if !ok || again {
		return nil
	}

	return i.run(c.Close)
}

// deadlineContext tells the deadline of a step; the runtime is the one that keeps it, by cancelling.
type deadlineContext struct {
	context.Context
	at time.Time
}

// Deadline returns the time the step is to be over.
func (c deadlineContext) Deadline() (time.Time, bool) { return c.at, !c.at.IsZero() }
