package lifecycle

import "slices"

// walk goes through the tree in the order of a stop: a node may begin when everything that depends on it, and
// everything that depends on a supervisor above it, is done; a supervisor is done when its children are. Nodes that do
// not depend on each other are side by side.
type walk struct {
	nodes []walkNode           // by slot; nil if it is only through some
	some  map[*entry]*walkNode // these, if it is the stop of a part, and the supervisors above
	root  *walkNode
	ready []*entry // may begin, and from taken on have not been taken; at most all actors
	taken int
	tasks []*task // the same; at most all of the phase
	open  int     // tasks of the phase that are not over
}

type walkNode struct {
	blockers int // dependents not done, plus one for the supervisor that has not begun
	children int // not done
	entered  bool
	done     bool
	outside  bool // a supervisor above a part that is stopped
}

// of returns what the walk knows of a node, or nil if it does not come to it.
func (w *walk) of(n *entry) *walkNode {
	if w.some != nil {
		return w.some[n]
	}

	return &w.nodes[slotOf(n.id)]
}

// begin starts a walk; the actors that may begin at once are in ready, in the tree's order.
func (w *walk) begin(m *Machine) {
	w.nodes = append(w.nodes[:0], make([]walkNode, len(m.nodes))...)
	w.ready, w.taken, w.root = slices.Grow(w.ready[:0], len(m.nodes)), 0, &w.nodes[0]
	w.beginTasks(m)

	if m.phase == Intake { // in which actors have no part
		w.root.done = true

		return
	}

	for n := range m.present() {
		if n.supervisor != nil {
			w.of(n).children = n.count
		}

		if n.parent != nil {
			w.of(n).blockers++
		}

		if n.bits&depends == 0 {
			continue
		}

		for _, on := range n.spec.DependsOn {
			w.nodes[on].blockers++
		}
	}

	w.enter(m, m.nodes[0])
}

// enter is called when nothing blocks a node any more.
func (w *walk) enter(m *Machine, n *entry) {
	switch at := w.of(n); {
	case at.entered:
	case n.isActor():
		at.entered = true
		w.ready = append(w.ready, n)
	case at.children == 0:
		w.finish(m, n)
	default:
		for c := range n.children() {
			w.unblock(m, c)
		}
	}
}

func (w *walk) unblock(m *Machine, n *entry) {
	at := w.of(n)
	if at == nil {
		return
	}

	at.blockers--

	if at.blockers == 0 {
		w.enter(m, n)
	}
}

// finish marks a node done and lets in what waited for it.
func (w *walk) finish(m *Machine, n *entry) {
	at := w.of(n)
	if at == nil || at.done {
		return
	}

	at.done = true

	switch {
	case w.some == nil:
		w.unblockTasks(m.tasks.after[n])
	case n.supervisor != nil && !at.outside:
		m.endSupervisor(n)
	}

	if n.bits&depends != 0 && !at.outside {
		for _, on := range n.spec.DependsOn {
			w.unblock(m, m.nodes[on])
		}
	}

	if p := n.parent; p != nil {
		above := w.of(p)
		above.children--

		if above.children == 0 && above.blockers == 0 { // else it is when its turn comes
			w.finish(m, p)
		}
	}
}

// hurry lets every actor begin that has not: there is no time left to wait for its turn.
func (w *walk) hurry(m *Machine) {
	w.hurryTasks(m)

	if m.phase == Intake {
		return
	}

	for n := range m.present() {
		if at := w.of(n); n.isActor() && !at.entered {
			at.entered = true
			w.ready = append(w.ready, n)
		}
	}
}

// next takes an actor that may begin, or returns nil.
func (w *walk) next() *entry {
	if w.taken == len(w.ready) {
		w.ready, w.taken = w.ready[:0], 0

		return nil
	}

	n := w.ready[w.taken]
	w.ready[w.taken] = nil
	w.taken++

	return n
}

// left returns how many actors may begin that have not been taken.
func (w *walk) left() int { return len(w.ready) - w.taken }

// over reports whether everything is done.
func (w *walk) over() bool { return w.root.done && w.open == 0 }
