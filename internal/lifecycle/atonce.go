package lifecycle

import (
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Most actors of a large tree have nothing to do for a step of the shutdown: they are at rest, nothing is queued, they
// have no such hook. Such a step is over in the moment its turn comes, in the same order as all others.

// atOnce reports whether an actor has done what a command orders.
func (m *Machine) atOnce(n *entry, c mailbox.Command) bool {
	if m.config.AtOnce == nil || n.sleepsFor(c) {
		return false
	}

	done, hooks := m.config.AtOnce(n.id, c)
	n.fallAsleep(hooks)

	return done
}

// pass moves an actor to a state behind a step of the shutdown that was over at once, and notes that.
func (m *Machine) pass(n *entry, s State) {
	n.state, n.since = s, m.at // and no more, as no step was in progress, and it will not restart

	if m.now.Equal(m.began[m.phase]) {
		n.bits |= 1 << (m.phase - Drain) // which says all there is to say of it
	} else {
		m.needs(n).stop[m.phase-Drain] = done{began: n.since}
	}
}

// stepOver notes that the step in progress is over, which is that of a phase.
func (m *Machine) stepOver(n *entry, p Phase, err error) {
	m.needs(n).stop[p-Drain] = done{n.since, time.Duration(m.at - n.since)} // it began when the actor came into the state

	if err != nil {
		m.ill(n).wrong[p-Drain] = err
	}
}

// steps returns the steps of an actor's stop.
func (m *Machine) steps(n *entry) (all Steps) {
	for p := Drain; p <= Close; p++ {
		s, i := all.of(p), p-Drain

		switch {
		case n.bits&(1<<i) != 0:
			s.Began = m.began[p]
		case n.seldom != nil && n.stop[i].began != 0:
			s.Began, s.Took = m.time(n.stop[i].began), n.stop[i].took
		}

		if t := n.was(); t != nil {
			s.Err = t.wrong[i]
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
