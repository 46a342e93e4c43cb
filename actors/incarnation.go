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
	number uint64
	gate   node.Gate   // what this incarnation's references pass; fenced when it is abandoned
	over   atomic.Bool // work has ended
	owned  owned
	ctx    Context[M]
	actor  Actor[M] // what receives, the runner's own; nil until the factory returned
	// lease is what its messages are taken under. Set before any code of the user's has its context; nil while the
	// incarnation is asleep, when it has had none.
	lease  atomic.Pointer[mailbox.Lease[M]]
	mark   mark // the runner's own
	mu     sync.Mutex
	closed bool // guarded by mu: Close has been called
	// decision is about the failure that ends the incarnation, or 0; the runner's own.
	decision node.Directive
	asleep   atomic.Bool // it is at rest and has no runner
	// notices is nil until the incarnation first asks for something; written with mu held.
	notices atomic.Pointer[notices[M]]
	due     instant // guarded by mu: when the step in progress is to be over
	// seldom is nil until something of it is needed. Guarded by mu.
	seldom *moments
}

// moments are what an incarnation that only handles messages never needs: the contexts of those who ask for one, and
// how it ends. It is the place for whatever else only some incarnations need, so that an idle actor costs little.
// Guarded by incarnation.mu, but for started.
type moments struct {
	work    context.Context // made when first asked for
	cancel  context.CancelCauseFunc
	hook    context.CancelCauseFunc // cancels the Flush or Close that is running
	cut     error                   // the time of the step in progress is over; nil while it is not
	ended   error                   // why work has ended
	died    bool                    // of a failure, which is ended
	silent  bool                    // it gets nothing from itself any more
	under   context.Context         // of the send whose goroutine runs the turn, with mailbox.Synchronous; or nil
	started sync.Once               // its start has been reported, with dispatch mailbox.Synchronous
}

// instant is a time in a third of the space, in nanoseconds since 1970; 0 is none.
type instant int64

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}

	return instant(t.UnixNano())
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}

	return time.Unix(0, int64(i))
}

func newIncarnation[M any](c *cell[M], number uint64, deadline time.Time) *incarnation[M] {
	inc := &incarnation[M]{number: number, due: instantOf(deadline)}
	inc.ctx = Context[M]{cell: c, inc: inc}

	return inc
}

// needs returns what is seldom needed, making it when that is first so. Called with mu held.
func (i *incarnation[M]) needs() *moments {
	if i.seldom == nil {
		i.seldom = new(moments)
	}

	return i.seldom
}

// announce reports the start, once, if senders run the turns. Called before the first message is handled.
func (i *incarnation[M]) announce() {
	i.mu.Lock()
	m := i.needs()
	i.mu.Unlock()

	m.started.Do(i.reportStarted)
}

// reportStarted reports the start.
func (i *incarnation[M]) reportStarted() {
	p := &i.ctx.cell.place
	p.Host.Report(node.Report{ID: p.ID, Incarnation: i.number, Event: node.Started})
}

// context returns what Receive, Start and the actor's goroutines run under.
func (i *incarnation[M]) context() context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()

	m := i.needs()
	if m.work == nil {
		m.work, m.cancel = context.WithCancelCause(i.labels())

		if m.ended != nil {
			m.cancel(m.ended)
		}
	}

	return m.work
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

	m := i.seldom

	return m != nil && m.ended != nil && (errors.Is(err, context.Canceled) || errors.Is(err, m.ended))
}

// endWork cancels Receive, Start and the actor's goroutines.
func (i *incarnation[M]) endWork(cause error) {
	i.mu.Lock()

	m := i.needs()
	if m.ended == nil {
		m.ended = cause
		i.over.Store(true)

		if m.cancel != nil {
			m.cancel(cause)
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

	m := i.needs()
	m.ended, m.died = cause, true
}

// failure returns what the incarnation has died of, or nil.
func (i *incarnation[M]) failure() error {
	i.mu.Lock()
	defer i.mu.Unlock()

	if m := i.seldom; m != nil && m.died {
		return m.ended
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

	m := i.needs()
	m.cut = cause // also for a hook that is yet to begin

	if m.hook != nil {
		m.hook(cause)
	}
}

// run calls a hook under a context of its own, which ends at the step's deadline.
func (i *incarnation[M]) run(hook func(context.Context) error) error {
	i.mu.Lock()

	m := i.needs()
	ctx, cancel := context.WithCancelCause(i.labels())
	deadline := i.due.time()
	m.hook = cancel

	if m.cut != nil {
		cancel(m.cut)
	}

	i.mu.Unlock()

	defer cancel(errEnded)

	return i.because(call(func() error { return hook(deadlineContext{ctx, deadline, i}) }))
}

// because adds to an error that only says that the context has ended why it has.
func (i *incarnation[M]) because(err error) error {
	if err == nil {
		return nil
	}

	i.mu.Lock()
	defer i.mu.Unlock()

	if m := i.seldom; m != nil && m.cut != nil && errors.Is(err, context.Canceled) && !errors.Is(err, m.cut) {
		return fmt.Errorf("%w: %w", m.cut, err)
	}

	return err
}

func (i *incarnation[M]) setDeadline(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.due = instantOf(t)

	if i.seldom != nil {
		i.seldom.cut = nil
	}
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
