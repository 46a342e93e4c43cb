package lifecycle

import (
	"slices"

	"github.com/troupe-go/troupe/internal/node"
)

// A part of the tree that is stopped while the rest runs on is gone through in the order of a shutdown: dependents
// before what they depend on, independent ones side by side. Each actor is stopped alone when its turn comes, which is
// when all of the part that depend on it have ended: drain, flush and close in one go. So whatever an actor needs to
// flush is still running. Until its turn it is supervised as ever.

// part is one that is being stopped.
type part struct {
	walk

	ask     int
	mode    node.StopMode
	members []*entry
}

// Part returns what is at and below a node, and which other nodes depend on any of that by the declared graph, directly
// or through others, and have not ended; and all that is at and below both.
func (m *Machine) Part(target int) (own, all, dependents []int) {
	t := m.node(target)
	if t == nil {
		return nil, nil, nil
	}

	var (
		users = m.users()
		in    = make(map[*entry]bool)
		tops  = []*entry{t}
	)

	visit := func(n *entry) {
		for _, id := range users[n.id] {
			if user := m.nodes[id]; !in[user] && !user.gone() && !slices.Contains(tops, user) {
				tops = append(tops, user)
			}
		}
	}

	for i := 0; i < len(tops); i++ { //nolint:intrange // it grows meanwhile
		first := len(all)

		for n := range tops[i].below {
			if !in[n] {
				in[n] = true
				all = append(all, n.id)
			}
		}

		for _, id := range all[first:] { // all of a part are known by now, so that none is taken for one outside
			visit(m.node(id))
		}

		for at := tops[i].parent; at != nil; at = at.parent {
			visit(at)
		}

		if i == 0 {
			own = slices.Clip(all)
		} else {
			dependents = append(dependents, tops[i].id)
		}
	}

	slices.Sort(dependents)

	return own, all, dependents
}

// below yields the node and all that is below it.
func (n *entry) below(yield func(*entry) bool) { n.all(yield) }

// users returns who declares a dependency on whom.
func (m *Machine) users() map[int][]int {
	users := make(map[int][]int)

	for id := range m.config.Plan.Nodes {
		for _, on := range m.config.Plan.Nodes[id].DependsOn {
			users[on] = append(users[on], id)
		}
	}

	return users
}

// stopPart begins the stop of a part.
func (m *Machine) stopPart(in StopPart) {
	if m.phase == Done {
		return // everybody has ended, and nobody is answered
	}

	p := &part{ask: in.Ask, mode: in.Mode}

	for _, id := range in.Members {
		if n := m.node(id); n != nil && n.parent != nil {
			p.members = append(p.members, n)

			if n.supervisor != nil {
				n.parting = true
			}
		}
	}

	m.parts = append(m.parts, p)

	if !m.stopping() {
		p.beginSome(m, p.members)
		m.advance(p)
	}
}

// beginSome starts a walk through some nodes, each given with all that is below it.
func (w *walk) beginSome(m *Machine, members []*entry) {
	w.some = make(map[*entry]*walkNode)
	for _, n := range members {
		w.some[n] = new(walkNode)
	}

	above := func(n *entry) (p *walkNode) {
		p, found := w.some[n.parent]
		if !found {
			p = &walkNode{outside: true}
			w.some[n.parent] = p
		}

		p.children++
		w.some[n].blockers++

		return p
	}

	for _, n := range members {
		for at := n; at.parent != nil; at = at.parent {
			_, known := w.some[at.parent]
			above(at)

			if known {
				break // and so is all above
			}
		}
	}

	for _, n := range members {
		for _, on := range n.spec.DependsOn {
			if at := w.of(m.nodes[on]); at != nil {
				at.blockers++
			}
		}
	}

	root := m.nodes[0]
	if w.some[root] == nil { // nobody is in it
		w.some[root] = &walkNode{outside: true}
	}

	w.root = w.some[root]
	w.enter(m, root)
}

// advance stops those whose turn has come, and answers when all have ended.
func (m *Machine) advance(p *part) {
	for n := p.next(); n != nil; n = p.next() {
		switch n.state {
		case Stopped:
			p.finish(m, n)
		case Finishing: // is awaited
		default:
			m.stopOne(n, p.mode)
		}
	}

	if p.over() && !m.stopping() { // else it is answered for at the end
		m.parts = slices.DeleteFunc(m.parts, func(other *part) bool { return other == p })
		m.parted(p)
	}
}

// partsWithout goes on with the parts that an actor was of which has ended for good.
func (m *Machine) partsWithout(n *entry) {
	for _, p := range slices.Clone(m.parts) {
		p.finish(m, n)
		m.advance(p)
	}
}

// endSupervisor ends a supervisor of a part, when all its children have ended.
func (m *Machine) endSupervisor(s *entry) {
	s.populating = false

	if !s.gone() {
		m.finish(s)
		m.settled(s.parent, s)
	}
}

// endParts answers for the parts that a shutdown has stopped with all the rest.
func (m *Machine) endParts() {
	for _, p := range m.parts {
		m.parted(p)
	}

	m.parts = nil
}

func (m *Machine) parted(p *part) {
	e := Parted{Ask: p.ask}
	for _, n := range p.members {
		member := Member{ID: n.id}
		n.look(m, &member.View)
		e.Members = append(e.Members, member)
	}

	m.emit(e)
}
