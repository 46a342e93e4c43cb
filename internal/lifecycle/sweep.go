package lifecycle

import (
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Most actors of a large tree are drained in their sleep, and then are flushed and closed all at one time. They are
// swept: a sweep is a step that begins for all of them at one time and has one deadline. Nobody of them has a step of
// its own, nor a timer, nor is there an order for each. One gets a step of its own out of the sweep when the time is
// over for it, or when somebody has woken it.
type sweep struct {
	Sweep
	step

	state State
	limit time.Duration
	over  int // all before that one of IDs are over, or have steps of their own
}

// fewest is how many are swept at least; less are told one by one.
const fewest = 4

// mostSweeps is how many there are at a time at most: each is looked at whenever something happens. Where limits change
// more often from one actor to the next, the others are told one by one.
const mostSweeps = 16

// hookBit returns the bit of entry.bits which says that the actor was drained in its sleep, and has a hook for a
// command. It is taken away when the actor is cut, because the order after that makes the cut undone.
func hookBit(c mailbox.Command) uint8 {
	const first = 1 << 3 // behind those of the steps that were over at once

	switch c {
	case node.Flush:
		return first
	case node.Close:
		return first << 1
	default:
		return 0
	}
}

// sleepsFor reports whether a command is for a hook that nobody is there to call, unless somebody has woken the actor.
func (n *entry) sleepsFor(c mailbox.Command) bool { return n.bits&hookBit(c) != 0 }

// fallAsleep notes that the actor was drained in its sleep, and which hooks it has for its stop.
func (n *entry) fallAsleep(hooks mailbox.Command) {
	for _, c := range []mailbox.Command{node.Flush, node.Close} {
		if hooks&c != 0 {
			n.bits |= hookBit(c)
		}
	}
}

// wake notes that what the actor is told from now on is to be an order.
func (n *entry) wake() { n.bits &^= hookBit(node.Flush) | hookBit(node.Close) }

// hook begins the step of a hook of the stop.
func (m *Machine) hook(n *entry, s State, c mailbox.Command, limit time.Duration) {
	w := m.sweepFor(n, s, c, limit)
	if w == nil {
		m.order(n, s, c, limit)

		return
	}

	n.state, n.since = s, m.at // and no more, as no step was in progress
	w.IDs = append(w.IDs, n.id)
}

// sweepFor returns the sweep that an actor takes part in, or nil if it is told by itself. A step begins one sweep, and
// more only if there are few limits.
func (m *Machine) sweepFor(n *entry, s State, c mailbox.Command, limit time.Duration) *sweep {
	last := m.sweeping

	switch {
	case !n.sleepsFor(c):
		return nil
	case last != nil && last.state == s && last.limit == limit:
		return last
	case m.walk.left() < fewest-1, last != nil && len(last.IDs) < fewest:
		return nil
	case len(m.sweeps) == mostSweeps:
		m.sweeps = slices.DeleteFunc(m.sweeps, m.isOver)
	}

	if len(m.sweeps) == mostSweeps {
		return nil
	}

	w := &sweep{step: m.stepOf(limit, false), state: s, limit: limit}
	w.Sweep = Sweep{Command: c, IDs: make([]int, 0, 1+m.walk.left()), Deadline: m.time(w.cutAt)}
	m.sweeps = append(m.sweeps, w)
	m.sweeping = w
	m.emit(&w.Sweep)

	return w
}

// has reports whether an actor that was swept is still in that step, and has not got one of its own.
func (w *sweep) has(n *entry) bool {
	return n != nil && n.state == w.state && n.since == w.began && !n.stepping()
}

// isOver reports whether nobody is in a sweep any more. It does not look twice at those who are not.
func (m *Machine) isOver(w *sweep) bool {
	for ; w.over < len(w.IDs); w.over++ {
		if w.has(m.node(w.IDs[w.over])) {
			return false
		}
	}

	return true
}

// leaveSweep gives an actor a step of its own.
func (m *Machine) leaveSweep(w *sweep, n *entry) {
	m.takeStep(n, w.step)
	m.wait(n, n.cutAt)
}

// woken orders a hook anew that was not called, because somebody is there.
func (m *Machine) woken(n *entry) {
	if w := m.sweepOf(n); w != nil {
		m.leaveSweep(w, n)
	}

	if !n.stepping() {
		return // it was given up on
	}

	n.wake()

	switch n.state {
	case Flushing:
		m.post(Order{ID: n.id, Command: node.Flush, Deadline: m.time(n.cutAt)})
	case Closing:
		m.post(Order{ID: n.id, Command: node.Close, Deadline: m.time(n.cutAt)})
	default:
		return
	}

	if n.cut != nil {
		m.emit(Cancel{ID: n.id, Cause: n.cut})
	}
}

// sweepOf returns the sweep that an actor is in, or nil. One that was begun for the same state, at the same time and
// with the same limit is as good.
func (m *Machine) sweepOf(n *entry) *sweep {
	limit := n.spec.Deadlines.Flush
	if n.state == Closing {
		limit = n.spec.Deadlines.Close
	}

	i := slices.IndexFunc(m.sweeps, func(w *sweep) bool { return w.has(n) && w.limit == limit })
	if i < 0 {
		return nil
	}

	return m.sweeps[i]
}

// nextSweep returns when the time of a sweep is over, or the zero time.
func (m *Machine) nextSweep() (next time.Time) {
	for _, w := range m.sweeps {
		if at := m.time(w.cutAt); next.IsZero() || at.Before(next) {
			next = at
		}
	}

	return next
}

// expireSweep gives those a step of their own who are still in a sweep whose time is over. It reports whether there was
// such a sweep.
func (m *Machine) expireSweep() bool {
	i := slices.IndexFunc(m.sweeps, func(w *sweep) bool { return w.cutAt <= m.at })
	if i < 0 {
		return false
	}

	w := m.sweeps[i]
	m.sweeps = slices.Delete(m.sweeps, i, i+1)

	for _, id := range w.IDs {
		if n := m.node(id); w.has(n) {
			m.leaveSweep(w, n)
		}
	}

	return true
}

// reclampSweeps applies the phase's end to the sweeps in progress.
func (m *Machine) reclampSweeps() {
	for _, w := range m.sweeps {
		m.keepWithin(&w.step, m.actorsPhase(), false)
	}
}
