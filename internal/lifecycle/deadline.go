package lifecycle

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// cut ends the context of a step: in its last tenth, so that it can return in time, or because it is not wanted.
func (m *Machine) cut(n *entry, cause error) {
	n.cut = cause
	n.wake() // the next order makes the cut undone

	if n.state == Draining { // before the message in hand is told, so that no other follows it
		n.leftover = m.config.Unfinished(n.id) > 0
		m.post(Order{ID: n.id, Command: node.Cut, Deadline: m.time(n.hardAt)})
	}

	m.emit(Cancel{ID: n.id, Cause: cause})

	m.wait(n, n.hardAt)
}

func (n *entry) overdue() *supervision.DeadlineError {
	step := map[State]string{
		Starting: "start", Ending: "end", Halting: "end", Leaving: "end", Draining: "drain", Flushing: "flush",
		Closing: "close",
	}[n.state]

	return &supervision.DeadlineError{Step: step, After: time.Duration(n.hardAt - n.began)}
}

// abandon gives up on an incarnation that is past its deadline.
func (m *Machine) abandon(n *entry) {
	cause := n.overdue()
	state := n.state

	t := m.ill(n)
	t.abandoned = append(t.abandoned, Abandoned{Incarnation: n.incarnation, Step: cause.Step, At: m.now})
	t.everLeft++

	m.emit(Abandon{ID: n.id, Incarnation: n.incarnation, Cause: cause})
	m.tell(n, supervision.Event{Kind: supervision.Abandoned, Err: cause, Incarnation: n.incarnation})
	m.lost(n)

	if m.stopping() {
		m.gaveUp = true
		m.errs = append(m.errs, &supervision.FailureError{Path: m.path(n), Err: cause})
	}

	switch state {
	case Starting:
		m.startFailed(n, cause, node.Restart)
	case Ending, Halting:
		m.ended(n, nil, 0)
	case Draining:
		m.stepOver(n, Drain, cause)
		m.post(Order{ID: n.id, Command: node.Cut})
		m.withoutInstance(n)
	case Leaving:
		m.withoutInstance(n)
	case Flushing:
		m.stepOver(n, Flush, cause)
		m.withoutInstance(n)
	case Closing:
		m.stepOver(n, Close, cause)
		m.finish(n)
	default: // has no deadline
	}
}

// withoutInstance goes on with the stop of an actor that has none any more.
func (m *Machine) withoutInstance(n *entry) {
	if n.alone != no {
		m.finish(n)

		return
	}

	m.set(n, Idle)
	m.done(n)
}

// returned notes that an abandoned incarnation came back.
func (m *Machine) returned(n *entry, incarnation uint64) {
	for i, a := range n.hanging() {
		if a.Incarnation == incarnation {
			n.abandoned = append(n.abandoned[:i:i], n.abandoned[i+1:]...)
			m.tell(n, supervision.Event{Kind: supervision.Returned, Incarnation: incarnation})
			m.remove(n)

			return
		}
	}
}
