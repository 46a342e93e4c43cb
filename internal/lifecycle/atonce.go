package lifecycle

import "github.com/troupe-go/troupe/mailbox"

// Most actors of a large tree have nothing to do for a step of the shutdown: they are at rest, nothing is queued, they
// have no such hook. Such a step is over in the moment its turn comes, in the same order as all others.

// atOnce reports whether an actor has done what a command orders.
func (m *Machine) atOnce(n *entry, c mailbox.Command) bool {
	return m.config.AtOnce != nil && m.config.AtOnce(n.id, c)
}

// pass moves an actor to a state behind a step of the shutdown that was over at once, and notes that.
func (m *Machine) pass(n *entry, s State) {
	m.set(n, s)

	if m.now.Equal(m.began[m.phase]) {
		n.passed |= 1 << (m.phase - Drain) // which says all there is to say of it

		return
	}

	*m.ill(n).steps.of(m.phase) = Step{Began: m.now}
}

// steps returns the steps of an actor's stop.
func (m *Machine) steps(n *entry) (all Steps) {
	if n.seldom != nil {
		all = n.steps
	}

	for p := Drain; p <= Close; p++ {
		if n.passed&(1<<(p-Drain)) != 0 {
			*all.of(p) = Step{Began: m.began[p]}
		}
	}

	return all
}

// of returns the step of a phase.
func (s *Steps) of(p Phase) *Step {
	switch p {
	case Drain:
		return &s.Drain
	case Flush:
		return &s.Flush
	default:
		return &s.Close
	}
}
