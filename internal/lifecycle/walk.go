package lifecycle

// walk goes through the tree in the order of a stop: a node may begin when everything that depends on it, and
// everything that depends on a supervisor above it, is done; a supervisor is done when its children are. Nodes that do
// not depend on each other are side by side.
type walk struct {
	nodes []walkNode
	ready []*entry // may begin and have not been taken; at most all actors
}

type walkNode struct {
	blockers int // dependents not done, plus one for the supervisor that has not begun
	children int // not done
	entered  bool
	done     bool
}

// begin starts a walk; the actors that may begin at once are in ready, in the tree's order.
func (w *walk) begin(m *Machine) {
	w.nodes = make([]walkNode, len(m.nodes))
	w.ready = w.ready[:0]

	for id, n := range m.nodes {
		w.nodes[id].children = len(n.spec.Children)

		if n.spec.Parent >= 0 {
			w.nodes[id].blockers++
		}

		for _, on := range n.spec.DependsOn {
			w.nodes[on].blockers++
		}
	}

	w.enter(m, 0)
}

// enter is called when nothing blocks a node any more.
func (w *walk) enter(m *Machine, id int) {
	n := m.nodes[id]

	switch {
	case w.nodes[id].entered:
	case n.spec.IsActor():
		w.nodes[id].entered = true
		w.ready = append(w.ready, n)
	case len(n.spec.Children) == 0:
		w.finish(m, id)
	default:
		for _, child := range n.spec.Children {
			w.unblock(m, child)
		}
	}
}

func (w *walk) unblock(m *Machine, id int) {
	w.nodes[id].blockers--
	if w.nodes[id].blockers == 0 {
		w.enter(m, id)
	}
}

// finish marks a node done and lets in what waited for it.
func (w *walk) finish(m *Machine, id int) {
	if w.nodes[id].done {
		return
	}

	w.nodes[id].done = true

	spec := m.nodes[id].spec
	for _, on := range spec.DependsOn {
		w.unblock(m, on)
	}

	if spec.Parent >= 0 {
		w.nodes[spec.Parent].children--
		if w.nodes[spec.Parent].children == 0 {
			w.finish(m, spec.Parent)
		}
	}
}

// hurry lets every actor begin that has not: there is no time left to wait for its turn.
func (w *walk) hurry(m *Machine) {
	for id, n := range m.nodes {
		if n.spec.IsActor() && !w.nodes[id].entered {
			w.nodes[id].entered = true
			w.ready = append(w.ready, n)
		}
	}
}

// next takes an actor that may begin, or returns nil.
func (w *walk) next() *entry {
	if len(w.ready) == 0 {
		return nil
	}

	n := w.ready[0]
	w.ready = w.ready[1:]

	return n
}

// over reports whether everything is done.
func (w *walk) over() bool { return w.nodes[0].done }
