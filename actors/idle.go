package actors

import (
	"fmt"
	"slices"
	"time"
)

// idle is an idle timeout. Its clock is not set anew with every message: it runs to the end of an idle time as it was
// expected when the clock was set, and when it is over looks how things stand. All fields are guarded by notices.mu.
type idle[M any] struct {
	of    *notices[M]
	m     M
	after time.Duration
	clock *time.Timer
	// armed says that the clock runs. If it does not, it is set when the actor comes to rest.
	armed bool
	// rested is when the actor came to rest after it had handled a message, and seen is how many it had taken by then; as
	// long as it has taken no more it has been idle since. Zero before the first rest since the timeout was set.
	rested time.Time
	seen   uint64
}

// SetIdleTimeout has m handed to Receive whenever the actor has handled no message for d, counted from when it was done
// with the last one and none waited or, if that is later, from this call; again and again for as long as that lasts. It
// takes the place of the idle timeout that was set before; with d 0, there is none any more. Errors are [ErrDuration]
// if d is negative, and [ErrNotRunning] if the incarnation is ending. Semantics are those of Akka's setReceiveTimeout.
//
// Every message ends the idle time, also a tick, [Terminated] and m itself. If one is handled just before m has its
// turn, m does not come: it never follows another message in less than d. Like a tick, m takes no room in the mailbox,
// ends with the incarnation, and does not come while the actor works off its queue to stop. A message costs the same
// with an idle timeout; what is added is a look at the clock whenever the actor comes to rest.
func (c *Context[M]) SetIdleTimeout(d time.Duration, m M) error {
	n, err := c.notices()
	if err != nil {
		return err
	}

	if d < 0 {
		return fmt.Errorf("%s: idle timeout of %v: %w", c.Path(), d, ErrDuration)
	}

	var i *idle[M]
	if d > 0 {
		i = &idle[M]{of: n, m: m, after: d}
	}

	n.mu.Lock()

	if n.ended {
		n.mu.Unlock()

		return ErrNotRunning
	}

	if !n.silent {
		n.setIdle(i)
	}

	n.mu.Unlock()
	n.tell() // the runner takes over, also if it is at rest

	return nil
}

// setIdle sets the idle timeout, nil for none. Called with mu held.
func (n *notices[M]) setIdle(i *idle[M]) {
	if old := n.idle; old != nil {
		n.remove(old)

		if old.clock != nil {
			old.clock.Stop()
		}
	}

	n.idle = i
}

// idle notes that the actor has nothing to do, before it comes to rest.
func (r *runner[M]) idle() {
	n := r.inc.noticed()
	n.mu.Lock()
	defer n.mu.Unlock()

	i := n.idle
	if i == nil {
		return
	}

	if taken := r.cell.box.Taken(); taken != i.seen || i.rested.IsZero() {
		i.seen, i.rested = taken, time.Now()
		n.remove(i) // it became due just before that message, and the runner had not been told
	}

	if !i.armed && !slices.Contains(n.due, source[M](i)) {
		i.arm(i.after)
	}
}

// arm sets the clock.
func (i *idle[M]) arm(d time.Duration) {
	i.armed = true

	if i.clock == nil {
		i.clock = time.AfterFunc(d, i.fire)
	} else {
		i.clock.Reset(d)
	}
}

// fire looks whether the actor has been idle for long enough. If it has been for less, the clock is set for what is
// left; if it is busy, the clock is set when it comes to rest.
func (i *idle[M]) fire() {
	n := i.of
	n.mu.Lock()
	tell := n.idle == i && i.due()
	n.mu.Unlock()

	if tell {
		n.tell()
	}
}

func (i *idle[M]) due() (tell bool) {
	i.armed = false

	if i.of.cell.box.Taken() != i.seen {
		return false
	}

	if left := i.after - time.Since(i.rested); left > 0 {
		i.arm(left)

		return false
	}

	return i.of.add(i)
}

// take implements source. A message that was handled meanwhile, perhaps one that was due before this one, has ended the
// idle time.
func (i *idle[M]) take() bool { return i.of.cell.box.Taken() == i.seen }

func (i *idle[M]) message() M { return i.m }
