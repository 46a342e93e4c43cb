package actors

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// An incarnation that nobody has woken has no runner. So the runtime makes its instance, if it was prepared for that,
// and calls its hooks, if it was drained in its sleep. Whoever does takes the incarnation to hooked first, out of
// unmade or quiet; and when that is over to born or back or, behind Close, to absent. Abandoning it takes it to
// forsaken from any of them: then the end of the call is its return, or the next call, which only closes it. One that
// was awake when it was abandoned is the runner's, and so is its return.

// Prepare implements [node.Controlled].
func (c *cell[M]) Prepare(number uint64, deadline time.Time) bool {
	if c.synchronous() || c.place.Holder != nil {
		return false
	}

	inc := newIncarnation(c, number, deadline)
	inc.asleep.Store(uint32(unmade))
	c.current.Store(inc)

	return true
}

// Call implements [node.Controlled].
func (c *cell[M]) Call(command mailbox.Command, deadline time.Time) (r node.Report, called bool) {
	inc := c.current.Load()

	from := phaseOf(command)
	if inc == nil || from == absent {
		return node.Report{}, false
	}

	if !inc.asleep.CompareAndSwap(uint32(from), uint32(hooked)) {
		if phase(inc.asleep.Load()) == forsaken {
			return c.backAsleep(inc), true
		}

		return node.Report{}, false
	}

	if command == node.Start {
		return c.madeAsleep(inc, protect(inc.make))
	}

	var err error

	if inc.takes(command) {
		h := inc.newHook(command, instantOf(deadline))

		waits.Run(h)

		err = h.err
	}

	return c.Over(command, err), true
}

// phaseOf returns the phase out of which a call for a command takes an incarnation; absent if there is none.
func phaseOf(command mailbox.Command) phase {
	switch command {
	case node.Start:
		return unmade
	case node.Flush, node.Close:
		return quiet
	default:
		return absent
	}
}

// takes reports whether the instance has the hook that a command is for, and it is for the caller to call it.
func (i *incarnation[M]) takes(command mailbox.Command) bool {
	if command == node.Close {
		return i.takeClose()
	}

	_, flushes := i.instance().(Flusher)

	return flushes
}

// Over implements [node.Controlled].
func (c *cell[M]) Over(command mailbox.Command, err error) node.Report {
	inc := c.current.Load()

	if command == node.Start {
		r, _ := c.madeAsleep(inc, err)

		return r
	}

	r := node.Report{ID: c.place.ID, Incarnation: inc.number, Event: node.Flushed, Err: inc.because(err)}
	then := quiet

	if command == node.Close {
		r.Event, then = node.Closed, absent

		if n := inc.noticed(); n != nil { // made by a hook
			n.leaveStrangers()
		}
	}

	if !inc.asleep.CompareAndSwap(uint32(hooked), uint32(then)) {
		return c.backAsleep(inc)
	}

	if command == node.Close {
		r.Gone = c.finishAtOnce()
	}

	return r
}

// madeAsleep goes on behind the factory that the runtime has called. It returns what is to be reported, or false if the
// incarnation has a Start hook, for which it gets a runner.
func (c *cell[M]) madeAsleep(inc *incarnation[M], err error) (r node.Report, over bool) {
	r = node.Report{ID: c.place.ID, Incarnation: inc.number, Event: node.Started, Err: inc.because(err)}

	if _, starts := inc.actor.(Starter[M]); starts && r.Err == nil {
		if c.rouse(inc) {
			return node.Report{}, false
		}

		return c.backAsleep(inc), true
	}

	then := born

	if r.Err == nil {
		inc.knowHooks()
		inc.rise()
	} else {
		then = absent

		inc.owned.close()
		inc.endWork(r.Err)
		inc.fall()
		inc.die(r.Err)
		r.Directive = c.decide(r.Err)
	}

	if !inc.asleep.CompareAndSwap(uint32(hooked), uint32(then)) {
		return c.backAsleep(inc), true
	}

	if then == born && !c.box.RestSpared() {
		// For what has come meanwhile: who wakes it finds it started. It may have been abandoned since, or another one may
		// be there: that is nothing to start.
		c.box.Signal(node.Owned)
	}

	return r, true
}

// rouse gives an incarnation whose instance was made a runner. It reports whether it was not abandoned meanwhile.
func (c *cell[M]) rouse(inc *incarnation[M]) bool {
	c.mu.Lock() // so that it is abandoned before that or with its runner
	defer c.mu.Unlock()

	if !inc.asleep.CompareAndSwap(uint32(hooked), uint32(absent)) {
		return false
	}

	c.box.Signal(node.Start)

	return true
}

// backAsleep closes an incarnation that was abandoned without a runner, and returns the report that it is back.
func (c *cell[M]) backAsleep(inc *incarnation[M]) node.Report {
	_ = inc.close() // nobody waits for its outcome any more

	return node.Report{ID: c.place.ID, Incarnation: inc.number, Event: node.Returned}
}
