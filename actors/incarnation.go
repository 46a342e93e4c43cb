package actors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// incarnation is one life of an actor, from its factory to its Close. The runtime makes it, the runner lives it.
type incarnation[M any] struct {
	number uint64
	gate   node.Gate     // what this incarnation's references pass; fenced when it is abandoned
	course atomic.Uint32 // what has become of it
	asleep atomic.Uint32 // the phase in which it is at rest and has no runner, hooked, or forsaken; absent otherwise
	// decision is about the failure that ends the incarnation, or 0; the runner's own.
	decision node.Directive
	reports  bool // the instance has a Health hook; guarded by owned.mu
	closed   bool // Close has been called; guarded by owned.mu
	// owned are its goroutines. Their mutex is the incarnation's: it guards what is said to be.
	owned owned
	cell  *cell[M]
	actor Actor[M] // what receives, the runner's own; nil until the factory returned
	// lease is what its messages are taken under. Set before any code of the user's has its context; nil while the
	// incarnation is asleep, when it has had none.
	lease atomic.Pointer[mailbox.Lease[M]]
	due   instant // when the step in progress is to be over; guarded by owned.mu
	// seldom is nil until something of it is needed. Written with owned.mu held.
	seldom atomic.Pointer[moments[M]]
}

// What becomes of an incarnation, as bits. It may end before it has started.
const (
	hasStarted uint32 = 1 << iota // it works off the queue
	workOver                      // work has ended
	allGone                       // all has
)

// isOver reports whether work has ended.
func (i *incarnation[M]) isOver() bool { return i.course.Load()&workOver != 0 }

// rise notes that the incarnation begins to work off the queue.
func (i *incarnation[M]) rise() {
	i.course.Or(hasStarted)
	i.graph().Up(i)
}

// fall notes that all of the incarnation has ended: nobody works off the queue until a successor does.
func (i *incarnation[M]) fall() {
	i.course.Or(allGone)
	i.graph().Down(i)
}

// Down implements [waits.Owner].
func (c *receiver[M]) Down() (path string, is bool) {
	inc := c.current.Load()
	if inc == nil || c.box.Closed() {
		return "", false
	}

	course := inc.course.Load()
	first := inc.number == 1 // which is not down before it has started

	return c.place.Path, course&allGone != 0 || course&hasStarted == 0 && !first || inc.wasAbandoned()
}

// moments are what an incarnation that only handles messages never needs: the contexts of those who ask for one, and
// how it ends. It is the place for whatever else only some incarnations need, so that an idle actor costs little.
// Guarded by the incarnation's mutex, but for started.
type moments[M any] struct {
	// notices is nil until the incarnation first asks for something.
	notices atomic.Pointer[notices[M]]

	work    *properContext  // made when first asked for
	hook    *hookContext[M] // of the hook that is running; nil if none is
	cut     error           // the time of the step in progress is over; nil while it is not
	ended   error           // why work has ended
	under   context.Context // of the send whose goroutine runs the turn, with mailbox.Synchronous; or nil
	started sync.Once       // its start has been reported, with dispatch mailbox.Synchronous
	died    bool            // of a failure, which is ended
	silent  bool            // it gets nothing from itself any more
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
	return &incarnation[M]{number: number, cell: c, due: instantOf(deadline)}
}

// needs returns what is seldom needed, making it when that is first so. Called with mu held.
func (i *incarnation[M]) needs() *moments[M] {
	m := i.seldom.Load()
	if m == nil {
		m = new(moments[M])
		if i.isOver() {
			m.ended = errEnded
		}

		i.seldom.Store(m)
	}

	return m
}

// noticed returns what there is for the incarnation from itself, or nil if it has never asked for anything.
func (i *incarnation[M]) noticed() *notices[M] {
	if m := i.seldom.Load(); m != nil {
		return m.notices.Load()
	}

	return nil
}

// since returns the first of the incarnations of its runner; its own number while it has none.
func (i *incarnation[M]) since() uint64 {
	if l := i.lease.Load(); l != nil {
		if r, _ := l.Local.(*runner[M]); r != nil { // which was there before the lease was the incarnation's
			return r.since.Load()
		}
	}

	return i.number
}

// reportsHealth reports whether the instance has a Health hook.
func (i *incarnation[M]) reportsHealth() bool {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	return i.reports
}

// announce reports the start, once, if senders run the turns. Called before the first message is handled.
func (i *incarnation[M]) announce() {
	i.owned.mu.Lock()
	m := i.needs()
	i.owned.mu.Unlock()

	m.started.Do(i.reportStarted)
}

// reportStarted reports the start.
func (i *incarnation[M]) reportStarted() {
	p := &i.cell.place
	p.Host.Report(node.Report{ID: p.ID, Incarnation: i.number, Event: node.Started})
}

// context returns what Receive, Start and the actor's goroutines run under.
func (i *incarnation[M]) context() context.Context {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	m := i.needs()
	if m.work == nil {
		m.work = properly(i.cell.labels(i.since()))

		if m.ended != nil {
			m.work.cancel(m.ended)
		}
	}

	return m.work
}

func (i *incarnation[M]) err() error {
	if i.isOver() {
		return context.Canceled
	}

	return nil
}

// saysEnded reports whether err says no more than that the context has ended.
func (i *incarnation[M]) saysEnded(err error) bool {
	i.owned.mu.Lock()

	var ended error
	if m := i.seldom.Load(); m != nil {
		ended = m.ended
	}

	i.owned.mu.Unlock()

	return ended != nil && (chain.Is(err, context.Canceled) || chain.Is(err, ended))
}

// endWork cancels Receive, Start and the actor's goroutines.
func (i *incarnation[M]) endWork(cause error) {
	i.owned.mu.Lock()

	m := i.needs()
	if m.ended == nil {
		m.ended = cause
		i.course.Or(workOver)

		if m.work != nil {
			m.work.cancel(cause)
		}
	}

	n := i.noticed()
	i.owned.mu.Unlock()

	if n != nil {
		n.end()
	}
}

// die notes that the incarnation has ended of a failure.
func (i *incarnation[M]) die(cause error) {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	m := i.needs()
	m.ended, m.died = cause, true
}

// dieAtOnce ends the incarnation of a failure if there is nothing to wait for or to tell: it has no Close hook, never
// had a goroutine, and never asked for anything. It reports whether it did; then that is all.
func (i *incarnation[M]) dieAtOnce(cause error) bool {
	_, closes := i.instance().(Closer)

	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if closes || i.owned.helpers != nil || i.noticed() != nil {
		return false
	}

	m := i.needs()
	m.ended, m.died = cause, true
	i.owned.closed, i.closed = true, true
	i.course.Or(workOver)

	if m.work != nil {
		m.work.cancel(cause)
	}

	return true
}

// failure returns what the incarnation has died of, or nil.
func (i *incarnation[M]) failure() error {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if m := i.seldom.Load(); m != nil && m.died {
		return m.ended
	}

	return nil
}

// instance returns what the factory made, which has the hooks.
func (i *incarnation[M]) instance() Actor[M] {
	if n := i.noticed(); n != nil && n.instance != nil {
		return n.instance
	}

	return i.actor
}

// endAll cancels the hook that is running too.
func (i *incarnation[M]) endAll(cause error) {
	i.endWork(cause)
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	m := i.needs()
	m.cut = cause // also for a hook that is yet to begin

	if m.hook != nil {
		m.hook.end(cause)
	}
}

// because adds to an error that only says that the context has ended why it has.
func (i *incarnation[M]) because(err error) error {
	if err == nil {
		return nil
	}

	i.owned.mu.Lock()

	var cut error
	if m := i.seldom.Load(); m != nil {
		cut = m.cut
	}

	i.owned.mu.Unlock()

	if cut != nil && chain.Is(err, context.Canceled) && !chain.Is(err, cut) {
		return chain.Both(cut, err)
	}

	return err
}

// setDeadline sets when the next step is to be over. One that was abandoned has no more time: what the actor is ordered
// after that is not meant for it, and its Close finds its context ended.
func (i *incarnation[M]) setDeadline(t time.Time) {
	if i.wasAbandoned() {
		return
	}

	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	i.due = instantOf(t)

	if m := i.seldom.Load(); m != nil {
		m.cut = nil
	}
}

// wasAbandoned reports whether the runtime has given up on the incarnation.
func (i *incarnation[M]) wasAbandoned() bool { return errors.Is(i.gate.Err(), node.ErrAbandoned) }

// endsSlowly reports whether there is something to wait for when the incarnation ends: goroutines or a Close hook.
// Called when no more goroutines can start.
func (i *incarnation[M]) endsSlowly() bool {
	_, closes := i.instance().(Closer)

	return closes || i.owned.count() > 0
}

// remains reports whether there is something left of an incarnation that was abandoned at rest: goroutines, or a Close
// hook that was not called. Called when no more goroutines can start.
func (i *incarnation[M]) remains() bool {
	i.owned.mu.Lock()
	closed := i.closed
	i.owned.mu.Unlock()

	return i.owned.count() > 0 || !closed && i.endsSlowly()
}
