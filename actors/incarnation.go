package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strconv"
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
	closed   bool      // guarded by mu: Close has been called
	silent   bool      // guarded by mu: it gets nothing from itself any more
	died     bool      // guarded by mu: of a failure, which is ended
	owned    owned
	ctx      Context[M]
	actor    Actor[M]                   // what receives, the runner's own; nil until the factory returned
	lease    *mailbox.Lease[M]          // what its messages are taken under; set before any user code has the context
	notices  atomic.Pointer[notices[M]] // nil until the incarnation first asks for something; written with mu held
	labels   context.Context            // bears the labels of the incarnation's goroutines
	mark     mark
	over     atomic.Bool    // work has ended
	decision node.Directive // about the failure that ends the incarnation, or 0; the runner's own
	started  sync.Once      // its start has been reported
	mu       sync.Mutex
	work     context.Context         // guarded by mu; made when first asked for, so that an idle actor has none
	cancel   context.CancelCauseFunc // guarded by mu
	hook     context.CancelCauseFunc // guarded by mu: cancels the Flush or Close that is running
	cut      error                   // guarded by mu: the time of the step in progress is over; nil while it is not
	ended    error                   // guarded by mu: why work has ended
	deadline time.Time               // guarded by mu: of the step in progress; zero if it has none
	under    context.Context         // guarded by mu: of the send whose goroutine runs the turn, with Synchronous; or nil
}

func newIncarnation[M any](c *cell[M], number uint64, deadline time.Time) *incarnation[M] {
	inc := &incarnation[M]{number: number, deadline: deadline}
	inc.owned.limit = c.place.Limits.Goroutines
	inc.ctx = Context[M]{cell: c, inc: inc}
	inc.labels = pprof.WithLabels(context.Background(), pprof.Labels(
		node.LabelActor, c.place.Path, node.LabelIncarnation, strconv.FormatUint(number, 10)))
	inc.mark.Context = inc.labels

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
		i.work, i.cancel = context.WithCancelCause(i.labels)

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

	if i.ended == nil {
		i.ended = cause
		i.over.Store(true)

		if i.cancel != nil {
			i.cancel(cause)
		}
	}

	n := i.notices.Load()
	i.mu.Unlock()

	if n != nil {
		n.end()
	}
}

// die notes that the incarnation has ended of a failure.
func (i *incarnation[M]) die(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.ended, i.died = cause, true
}

// failure returns what the incarnation has died of, or nil.
func (i *incarnation[M]) failure() error {
	i.mu.Lock()
	defer i.mu.Unlock()

	if i.died {
		return i.ended
	}

	return nil
}

// instance returns what the factory made, which has the hooks.
func (i *incarnation[M]) instance() Actor[M] {
	if n := i.notices.Load(); n != nil && n.instance != nil {
		return n.instance
	}

	return i.actor
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

	ctx, cancel := context.WithCancelCause(i.labels)
	deadline := i.deadline
	i.hook = cancel

	if i.cut != nil {
		cancel(i.cut)
	}

	i.mu.Unlock()

	defer cancel(errEnded)

	return i.because(call(func() error { return hook(deadlineContext{ctx, deadline, i}) }))
}

// because adds to an error that only says that the context has ended why it has.
func (i *incarnation[M]) because(err error) error {
	i.mu.Lock()
	defer i.mu.Unlock()

	if err != nil && i.cut != nil && errors.Is(err, context.Canceled) && !errors.Is(err, i.cut) {
		return fmt.Errorf("%w: %w", i.cut, err)
	}

	return err
}

func (i *incarnation[M]) setDeadline(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.deadline, i.cut = t, nil
}

// endsSlowly reports whether there is something to wait for when the incarnation ends: goroutines or a Close hook.
// Called when no more goroutines can start.
func (i *incarnation[M]) endsSlowly() bool {
	_, closes := i.instance().(Closer)

	return closes || i.owned.count() > 0
}

// close runs the Close hook of the instance, if there is one and it was not run before.
func (i *incarnation[M]) close() error {
	c, ok := i.instance().(Closer)

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
	at       time.Time
	observer mailbox.Observer
}

// Deadline returns the time the step is to be over.
func (c deadlineContext) Deadline() (time.Time, bool) { return c.at, !c.at.IsZero() }

// Value returns whose hook it is, for sends that wait.
func (c deadlineContext) Value(key any) any {
	if key == (mailbox.ObserverKey{}) {
		return c.observer
	}

	return c.Context.Value(key)
}

// mark is a context only for [pprof.SetGoroutineLabels], which asks it for one value: it looks that up once.
type mark struct {
	context.Context
	labels any
}

// Value returns the labels.
func (m *mark) Value(key any) any {
	if m.labels == nil {
		m.labels = m.Context.Value(key)
	}

	return m.labels
}
