package lifecycle

import (
	"github.com/troupe-go/troupe/supervision"
)

// regroup makes ready to restart a group: everybody who is restarted with a child that has failed and is down. Under
// one-for-one that is nobody else, and the child restarts by itself.
func (m *Machine) regroup(p, failed *entry) {
	switch p.spec.Strategy {
	case supervision.OneForOne:
		return
	case supervision.AllForOne:
		for c := range p.children() {
			m.restartWith(p, failed, c)
		}
	case supervision.RestForOne:
		for c := failed; c != nil; c = c.next {
			m.restartWith(p, failed, c)
		}
	case supervision.DependentsForOne:
		m.restartWith(p, failed, failed)

		for _, c := range p.dependents[failed] {
			m.restartWith(p, failed, c)
		}
	}
}

// restartWith makes one of the group come down, if it is up, and start when its turn comes. A temporary child comes
// down for good, and whoever is about to end for good anyway is left to it.
func (m *Machine) restartWith(p, failed, c *entry) {
	if c.gone() || c.alone != no {
		return
	}

	if c != failed && !c.isDown() {
		p.doom(c)
	}

	if c == failed || c.spec.Restart != supervision.Temporary || c.fresh {
		p.await(c)
	}
}

// linkDependents finds out, for a supervisor with that strategy, who is restarted with whom: all that depend on a
// child, directly or through each other, by the declared graph.
func (m *Machine) linkDependents(p *entry) {
	if p.spec.Strategy != supervision.DependentsForOne {
		return
	}

	p.dependents = make(map[*entry][]*entry)

	for c := range p.children() {
		affected := map[*entry]bool{c: true}

		for b := c; b != nil; b = b.next { // dependents come later in the order, so that one pass finds them all
			for _, id := range b.spec.Dependents {
				affected[m.nodes[id]] = affected[m.nodes[id]] || affected[b]
			}

			if affected[b] && b != c {
				p.dependents[c] = append(p.dependents[c], b)
			}
		}
	}
}
