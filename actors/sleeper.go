package actors

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// sleeper is an incarnation that is stopped in its sleep: it was drained without a turn, and has no runner that could
// call its hooks. Whoever calls one takes the incarnation out of quiet into hooked first, and when the hook is over
// back or, behind Close, to absent. An incarnation that is abandoned meanwhile is absent at once: then the hook's end
// is its return.
type sleeper[M any] incarnation[M]

var _ node.Sleeper = (*sleeper[int])(nil)

// Hook implements [node.Controlled].
func (c *cell[M]) Hook(command mailbox.Command, deadline time.Time) node.Sleeper {
	inc := c.current.Load()
	if inc == nil || command != node.Flush && command != node.Close ||
		!inc.asleep.CompareAndSwap(uint32(quiet), uint32(hooked)) {
		return nil
	}

	inc.setDeadline(deadline)

	return (*sleeper[M])(inc)
}

// Call implements [node.Sleeper].
func (s *sleeper[M]) Call(command mailbox.Command) node.Report {
	inc := (*incarnation[M])(s)
	if phase(inc.asleep.Load()) != hooked {
		return s.Over(command, nil) // it was abandoned before its turn came
	}

	if !inc.takes(command) {
		return s.Over(command, nil)
	}

	h := inc.newHook(command)

	waits.Run(h)

	return s.Over(command, h.err)
}

// takes reports whether the instance has the hook that a command is for, and it is for the caller to call it.
func (i *incarnation[M]) takes(command mailbox.Command) bool {
	if command == node.Close {
		return i.takeClose()
	}

	_, flushes := i.instance().(Flusher)

	return flushes
}

// Over implements [node.Sleeper].
func (s *sleeper[M]) Over(command mailbox.Command, err error) node.Report {
	inc := (*incarnation[M])(s)
	r := node.Report{ID: inc.cell.place.ID, Incarnation: inc.number, Event: node.Flushed, Err: inc.because(err)}
	then := quiet

	if command == node.Close {
		r.Event, then = node.Closed, absent

		if n := inc.noticed(); n != nil { // made by a hook
			n.leaveStrangers()
		}
	}

	if !inc.asleep.CompareAndSwap(uint32(hooked), uint32(then)) {
		_ = inc.close() // nobody waits for its outcome any more
		r.Event, r.Err = node.Returned, nil
	}

	return r
}
