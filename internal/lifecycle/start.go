package lifecycle

import (
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// begin starts an incarnation.
func (m *Machine) begin(n *entry) {
	n.incarnation++
	n.current, n.again = n.incarnation, false
	m.step(n, Starting, n.spec.Deadlines.Start)
	m.emit(Begin{ID: n.id, Incarnation: n.incarnation, Deadline: n.cutAt})
}

// startChildren starts a supervisor's children in order, each awaited.
func (m *Machine) startChildren(s *entry) {
	m.set(s, Starting)
	s.cursor = 0
	s.window = supervision.NewWindow(s.spec.Budget)
	m.startNext(s)
}

func (m *Machine) startNext(s *entry) {
	for ; s.cursor < len(s.spec.Children); s.cursor++ {
		if m.stopping() {
			return // a shutdown began: what has not started stays so
		}

		c := m.nodes[s.spec.Children[s.cursor]]

		switch {
		case c.state == Stopped || c.state == Finishing:
			continue // ended for good; a restart of the tree does not bring it back
		case c.spec.IsActor():
			m.begin(c)
		default:
			m.startChildren(c)
		}

		return
	}

	m.set(s, Running)
	s.started = m.now

	if p := m.parent(s); p != nil {
		m.childStarted(p, s)
	} else if m.phase == Booting {
		m.phase = Serving
		m.began[Serving] = m.now
		m.emit(Booted{})
	}
}

// childStarted goes on with the start of a supervisor if it was waiting for this child.
func (m *Machine) childStarted(p, c *entry) {
	if p.state == Starting && p.spec.Children[p.cursor] == c.id {
		p.cursor++
		m.startNext(p)
	}
}

func (m *Machine) actorStarted(n *entry) {
	m.stopTimer(n)
	n.instance, n.started = true, m.now

	if n.cut != nil {
		// Too late: its context has ended, and with it all that it may have started.
		n.fail(n.cut, node.Restart)
		m.order(n, Ending, node.Halt, n.spec.Deadlines.Close)

		return
	}

	m.set(n, Running)

	switch {
	case n.visited:
		m.drainVisit(n)
	case n.alone != no:
		m.stopOneRunning(n)
	default:
		m.childStarted(m.parent(n), n)
	}
}

// startFailed handles an actor whose start failed.
func (m *Machine) startFailed(n *entry, err error, d node.Directive) {
	n.fail(err, d)
	m.set(n, Idle)
	m.down(n, n.cause, n.directive)
}
