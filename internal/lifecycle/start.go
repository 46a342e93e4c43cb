package lifecycle

import (
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// start starts a child that is down.
func (m *Machine) start(n *entry) {
	if n.isActor() {
		m.begin(n)
	} else {
		m.startAll(n)
	}
}

// begin starts an incarnation.
func (m *Machine) begin(n *entry) {
	n.incarnation++
	n.known, n.cancelled, n.failed = true, false, false

	if t := n.was(); t != nil {
		t.again = false
	}

	m.stepInto(n, Starting, n.spec.Deadlines.Start)
	m.emit(m.begins.put(Begin{ID: n.id, Incarnation: n.incarnation, Deadline: m.time(n.cutAt)}))
}

// startAll starts a supervisor with all its children in order, each awaited.
func (m *Machine) startAll(s *entry) {
	m.set(s, Starting)
	s.failed = false
	s.window = supervision.NewWindow(s.spec.Budget)

	for c := range s.children() {
		if !c.gone() {
			c.fresh = true
			s.await(c)
		}
	}

	if s.spec.Size > 0 && s.count == 0 {
		m.populate(s)
	} else {
		m.startNext(s)
	}
}

// treeStarted notes that a supervisor has started with all its children.
func (m *Machine) treeStarted(s *entry) {
	m.set(s, Running)
	m.tell(s, supervision.Event{Kind: supervision.Started})

	if p := s.parent; p != nil {
		m.childStarted(p, s)
	} else if m.phase == Booting {
		m.phase = Serving
		m.began[Serving] = m.now
		m.emit(Booted{})
	}
}

// childStarted goes on with what the supervisor waits for this child for.
func (m *Machine) childStarted(p, c *entry) {
	c.fresh = false

	if c.pending {
		c.pending = false
		m.goOn(p)
	}
}

func (m *Machine) actorStarted(n *entry) {
	m.stopTimer(n)
	n.instance = true

	if n.cut != nil {
		// Too late: its context has ended, and with it all that it may have started.
		m.fail(n, n.cut, node.Restart)
		m.order(n, Ending, node.Halt, n.spec.Deadlines.Close)

		return
	}

	m.set(n, Running)
	m.tell(n, supervision.Event{Kind: supervision.Started, Incarnation: n.incarnation})

	if n.alone == no { // else whoever has added it hears when it is gone
		m.spawned(n, nil)
	}

	switch {
	case n.visited:
		m.drainVisit(n)
	case n.alone != no:
		m.stopOneRunning(n)
	default:
		m.childStarted(n.parent, n)
	}
}

// startFailed handles an actor whose start failed.
func (m *Machine) startFailed(n *entry, err error, d node.Directive) {
	m.fail(n, err, d)
	m.set(n, Idle)
	m.down(n, n.cause, n.directive)
}

// cancelStart ends the start of an actor that is not wanted any more.
func (m *Machine) cancelStart(n *entry) {
	n.cancelled = true

	if n.cut == nil {
		m.cut(n, errCancelled)
	}
}
