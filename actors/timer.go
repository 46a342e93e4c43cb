package actors

import (
	"fmt"
	"time"
)

// MaxTimers is how many timers an actor may have at a time.
const MaxTimers = 1024

// Timer is a timer of an actor. Its messages, the ticks, are not sent: they do not take room in the mailbox and are not
// refused by a full one. A tick that is due is handled before what waits in the lanes; but after those that were due
// together, one message that waits has its turn. Semantics are those of Akka's TimerScheduler.
//
// A timer ends with its incarnation. It ticks no more once its actor works off its queue to stop: intake is over then.
type Timer[M any] struct {
	of      *notices[M]
	m       M
	period  time.Duration // 0 for one tick only
	clock   *time.Timer   // guarded by of.mu
	planned time.Time     // guarded by of.mu: the next tick
}

// After sets a timer for one tick: d from now, m is handed to Receive. Errors are [ErrDuration] if d is not positive,
// [ErrNotRunning] if the incarnation is ending, or a [*TimerLimitError]. While the actor works off its queue to stop, a
// new timer is one that never ticks.
func (c *Context[M]) After(d time.Duration, m M) (*Timer[M], error) { return c.timer(d, 0, m) }

// Every sets a timer for a tick with m every d, the first of them d from now. Errors are those of [Context.After].
//
// The schedule is fixed, as that of [time.Ticker]: a tick that is handled late does not put off those after it. A tick
// is left out if the one before it still waits to be handled. So at most one waits, however slow the actor is.
func (c *Context[M]) Every(d time.Duration, m M) (*Timer[M], error) { return c.timer(d, d, m) }

func (c *Context[M]) timer(d, period time.Duration, m M) (*Timer[M], error) {
	n, err := c.notices()
	if err != nil {
		return nil, err
	}

	if d <= 0 {
		return nil, fmt.Errorf("%s: timer of %v: %w", c.Path(), d, ErrDuration)
	}

	n.mu.Lock()
	defer n.mu.Unlock()

	t := &Timer[M]{of: n, m: m, period: period}

	switch {
	case n.ended:
		return nil, ErrNotRunning
	case n.silent:
		return t, nil
	case len(n.timers) >= MaxTimers:
		return nil, &TimerLimitError{Path: c.Path(), Limit: MaxTimers}
	}

	if n.timers == nil {
		n.timers = make(map[*Timer[M]]struct{})
	}

	n.timers[t] = struct{}{}
	t.planned = time.Now().Add(d)
	t.clock = time.AfterFunc(d, t.fire)

	return t, nil
}

// Cancel ends the timer: no tick of it has its turn from now on, also none that is due already. It reports whether it
// was in time, which is a promise: no tick arrives any more. It was not if the timer is over, because it was cancelled,
// its one tick had its turn, or its incarnation has ended. Nor was it if a tick of [Context.Every] has its turn at the
// moment: Receive is about to get it or has not returned. That is the last one. In the very Receive that handles it,
// Cancel is in time for those that would follow.
//
// Cancel does not block, and can be called from any goroutine.
func (t *Timer[M]) Cancel() bool {
	if t == nil || t.of == nil {
		return false
	}

	set, inHand := t.end()

	return set && (!inHand || t.of.cell.onOwn())
}

// end ends the timer. It reports whether that was set, and whether a tick of it is in the runner's hands.
func (t *Timer[M]) end() (set, inHand bool) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()

	if _, set = t.of.timers[t]; !set {
		return false, false
	}

	delete(t.of.timers, t)
	t.clock.Stop()
	t.of.remove(t)

	return true, t.of.hand == source[M](t)
}

// fire makes a tick due.
func (t *Timer[M]) fire() {
	t.of.mu.Lock()
	_, set := t.of.timers[t]
	tell := set && t.of.add(t)
	t.of.mu.Unlock()

	if tell {
		t.of.tell()
	}
}

// take implements source. The next tick is planned only now, so that a tick that waits costs nothing.
func (t *Timer[M]) take() bool {
	if t.period == 0 {
		delete(t.of.timers, t)

		return true
	}

	now := time.Now()
	left := t.period - now.Sub(t.planned)%t.period // of the schedule, whose ticks up to now are left out
	t.planned = now.Add(left)
	t.clock.Reset(left)

	return true
}

func (t *Timer[M]) message() M { return t.m }
