package lifecycle

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// finish ends a child for good. It is down.
func (m *Machine) finish(n *entry) {
	m.stopTimer(n)

	if n.isActor() {
		m.set(n, Finishing)

		if m.phase == Close && m.atOnce(n, node.Finish) {
			m.finished(n)
		} else {
			m.post(Order{ID: n.id, Command: node.Finish})
		}

		return
	}

	m.set(n, Stopped)
	m.tell(n, supervision.Event{Kind: supervision.Stopped})

	for c := range n.children() {
		if c.state == Idle {
			m.finish(c)
		}
	}
}

// finished notes that an actor is gone.
func (m *Machine) finished(n *entry) {
	m.set(n, Stopped)
	m.tell(n, supervision.Event{Kind: supervision.Stopped, Incarnation: n.incarnation})

	if n.added {
		m.spawned(n, m.startError(n))
	}

	switch {
	case m.phase == Drain && n.visited, m.phase == Close:
		m.done(n)
	case m.stopping():
	default:
		m.settled(n.parent, n)
		m.partsWithout(n)
	}
}

// settled goes on without a child that has ended for good.
func (m *Machine) settled(p, c *entry) {
	c.pending, c.fresh = false, false
	p.spare(c)
	m.remove(c)
	m.goOn(p)
}

// rejoin lets an actor that was being stopped alone when a shutdown began go on with all others: those who depend on it
// are still there, and it is flushed and closed in its turn. One that is closing already ends.
func (m *Machine) rejoin(n *entry) {
	if n.state != Closing {
		n.alone = no
	}
}

// stopSelf handles an actor that has called Stop and handles no more messages.
func (m *Machine) stopSelf(n *entry) {
	switch {
	case m.stopping() && (n.state == Leaving || n.state == Running && n.spec.Restart != supervision.Permanent):
		m.stopTimer(n)
		m.set(n, Drained) // what it leaves in its queue is lost as it would have been; it is flushed in its turn
		m.emit(Seal{ID: n.id})
		m.done(n)
	case n.state == Leaving:
		m.flush(n) // it was told to
	case n.state != Running:
	case n.spec.Restart == supervision.Permanent:
		m.ill(n).again = true
		m.haltActor(n)
	default:
		n.alone = atOnce
		m.emit(Seal{ID: n.id})
		m.flush(n)
	}
}

// stopOne stops an actor for good on a request from outside the tree, whatever its restart type.
func (m *Machine) stopOne(n *entry, mode node.StopMode) {
	if m.stopping() || n.alone != no {
		return
	}

	n.alone = poisoned
	if mode == node.AtOnce {
		n.alone = atOnce
	}

	switch n.state {
	case Running:
		m.stopOneRunning(n)
	case Idle, BackingOff:
		m.finish(n)
	default: // goes on when it has started, or is gone as it is
	}
}

func (m *Machine) stopOneRunning(n *entry) {
	m.emit(Seal{ID: n.id})

	if n.alone == poisoned {
		m.order(n, Draining, node.Drain, limit(n.spec.Deadlines.Drain, supervision.DefaultDrainDeadline))
	} else {
		m.order(n, Leaving, node.Leave, n.spec.Deadlines.Close)
	}
}

func limit(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}

	return d
}

// flush goes on with the stop of one actor.
func (m *Machine) flush(n *entry) {
	m.order(n, Flushing, node.Flush, limit(n.spec.Deadlines.Flush, supervision.DefaultFlushDeadline))
}
