package actors

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// An incarnation that was drained in its sleep has no runner that could call its hooks. Whoever calls one takes the
// incarnation out of quiet into hooked first, and when the hook is over back or, behind Close, to absent. Abandoning it
// takes it to absent from either: then the end of the hook is its return, or the next call, which only closes it.

// CallHook implements [node.Controlled].
func (c *cell[M]) CallHook(command mailbox.Command, deadline time.Time) (r node.Report, called bool) {
	inc := c.current.Load()
	if inc == nil || command != node.Flush && command != node.Close {
		return node.Report{}, false
	}

	if !inc.asleep.CompareAndSwap(uint32(quiet), uint32(hooked)) {
		if inc.wasAbandoned() {
			return c.HookOver(command, nil), true
		}

		return node.Report{}, false
	}

	var err error

	if inc.takes(command) {
		h := inc.newHook(command, instantOf(deadline))

		waits.Run(h)

		err = h.err
	}

	return c.HookOver(command, err), true
}

// takes reports whether the instance has the hook that a command is for, and it is for the caller to call it.
func (i *incarnation[M]) takes(command mailbox.Command) bool {
	if command == node.Close {
		return i.takeClose()
	}

	_, flushes := i.instance().(Flusher)

	return flushes
}

// HookOver implements [node.Controlled].
func (c *cell[M]) HookOver(command mailbox.Command, err error) node.Report {
	inc := c.current.Load()
	r := node.Report{ID: c.place.ID, Incarnation: inc.number, Event: node.Flushed, Err: inc.because(err)}
	then := quiet

	if command == node.Close {
		r.Event, then = node.Closed, absent

		if n := inc.noticed(); n != nil { // made by a hook
			n.leaveStrangers()
		}
	}

	switch {
	case !inc.asleep.CompareAndSwap(uint32(hooked), uint32(then)):
		_ = inc.close() // nobody waits for its outcome any more
		r.Event, r.Err = node.Returned, nil
	case command == node.Close:
		r.Gone = c.finishAtOnce()
	}

	return r
}
