package lifecycle

import (
	"iter"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// View is the state of an actor or supervisor at a moment.
type View struct {
	Path        string
	Parent      int // id of the supervisor; -1 for the root
	Actor       bool
	Restart     supervision.Restart
	Group, Pool bool
	State       State
	Since       time.Time
	Incarnation uint64
	Restarts    int
	LastFailure error
	// Failed says that it has failed since its last start began: a supervisor, that it gave up or did not start.
	Failed    bool
	Abandoned []Abandoned
	// EverAbandoned counts incarnations abandoned, also those that have come back.
	EverAbandoned int
	Steps         Steps
	// Pending says that the supervisor is to start it when its turn comes; Fresh, that it has not started since the
	// start of its supervisor began.
	Pending, Fresh bool
}

// Phase returns what the system is doing.
func (m *Machine) Phase() Phase { return m.phase }

// Began returns when a phase began, or the zero time.
func (m *Machine) Began(p Phase) time.Time { return m.began[p] }

// Forced reports whether the shutdown was forced.
func (m *Machine) Forced() bool { return m.forced }

// GaveUp reports whether an actor or a task was given up on in the shutdown.
func (m *Machine) GaveUp() bool { return m.gaveUp }

// Cause returns the failure the system stops for, or nil if it was asked to.
func (m *Machine) Cause() error { return m.cause }

// Errors returns what went wrong while stopping.
func (m *Machine) Errors() []error { return m.errs }

// All yields the ids of all nodes, supervisors before their children, in start order.
func (m *Machine) All() iter.Seq[int] {
	return func(yield func(int) bool) { m.nodes[0].all(func(n *entry) bool { return yield(n.id) }) }
}

// all yields the node and all below it. It reports whether to go on.
func (n *entry) all(yield func(*entry) bool) bool {
	if !yield(n) {
		return false
	}

	for c := range n.children() {
		if !c.all(yield) {
			return false
		}
	}

	return true
}

// View returns the state of a node; of one that is gone, the zero View.
func (m *Machine) View(id int) (v View) {
	m.Look(id, &v)

	return v
}

// Look sets v to what View returns, which is large.
func (m *Machine) Look(id int, v *View) {
	n := m.node(id)
	if n == nil {
		*v = View{}

		return
	}

	n.look(m, v)
	v.Path = m.path(n)
}

// Stopped reports whether a node has ended for good.
func (m *Machine) Stopped(id int) bool {
	n := m.node(id)

	return n == nil || n.state == Stopped
}

// Parent returns the parent of a node that is there; -1 for the root.
func (m *Machine) Parent(id int) int {
	if n := m.node(id); n != nil && n.parent != nil {
		return n.parent.id
	}

	return -1
}

// look sets v to the state of a node, but for its path.
func (n *entry) look(m *Machine, v *View) {
	*v = View{
		Parent: -1, Actor: n.isActor(), Restart: n.spec.Restart,
		Group: n.sheds(), Pool: n.spec.Size > 0,
		State: n.state, Failed: n.failed, Incarnation: n.incarnation, LastFailure: n.lastFailure(),
		Abandoned: n.hanging(), Pending: n.pending, Fresh: n.fresh,
	}

	if n.since != 0 {
		v.Since = m.time(n.since)
	}

	if t := n.was(); t != nil {
		v.Restarts, v.EverAbandoned = t.restarts, t.everLeft
	}

	v.Steps = m.steps(n)

	if n.parent != nil {
		v.Parent = n.parent.id
	}
}

// RestartsLeft returns how many restarts a supervisor's budget still allows; 0 for an actor.
func (m *Machine) RestartsLeft(id int, now time.Time) int {
	if n := m.node(id); n != nil && n.supervisor != nil {
		return n.window.Left(now)
	}

	return 0
}
