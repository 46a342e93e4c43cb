package lifecycle

import (
	"iter"
	"slices"

	"github.com/troupe-go/troupe/supervision"
)

// A supervisor brings children down in reverse start order and up in start order, one by one, each awaited. What is to
// come down is doomed, what is to come up is pending; both can grow at any time, because a child fails meanwhile, and
// what is doomed always goes first. That is all there is to the start of a tree, its halt, and the restart of a group:
//
//	start:          all children are pending
//	halt:           all children are doomed
//	group restart:  all of the group are pending, those of it that are up are doomed too
//
// Children that restart by themselves, as all do under one-for-one, are neither.

// link appends a child.
func (n *entry) link(c *entry) {
	c.parent, c.prev = n, n.last
	n.count++

	if n.last == nil {
		n.first = c
	} else {
		c.order = n.last.order + 1
		n.last.next = c
	}

	n.last = c
}

// unlink removes a child that is gone.
func (n *entry) unlink(c *entry) {
	n.count--

	if c.prev == nil {
		n.first = c.next
	} else {
		c.prev.next = c.next
	}

	if c.next == nil {
		n.last = c.prev
	} else {
		c.next.prev = c.prev
	}

	if n.cursor == c {
		n.cursor = c.next
	}

	if n.halt == c {
		n.halt = c.prev
	}
}

// children yields the children in start order.
func (n *entry) children() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		if n.supervisor == nil {
			return
		}

		for c := n.first; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}

// await makes a child pending.
func (n *entry) await(c *entry) {
	c.pending = true

	if n.cursor == nil || c.order < n.cursor.order {
		n.cursor = c
	}
}

// doom makes a child one that is to come down.
func (n *entry) doom(c *entry) {
	if c.doomed {
		return
	}

	c.doomed = true
	n.doomedOnes++

	if n.halt == nil || c.order > n.halt.order {
		n.halt = c
	}
}

// spare is called when a doomed child is down, or is to stay up after all. It reports whether it was doomed.
func (n *entry) spare(c *entry) bool {
	if !c.doomed {
		return false
	}

	c.doomed = false
	n.doomedOnes--

	return true
}

// gone reports whether a child has ended for good or is about to.
func (n *entry) gone() bool { return n.state == Stopped || n.state == Finishing }

// isDown reports whether nothing of a child is running.
func (n *entry) isDown() bool { return n.state == Idle || n.state == BackingOff || n.gone() }

// goOn takes the next step of bringing a supervisor's children down and up. In a shutdown everybody goes by himself.
func (m *Machine) goOn(p *entry) {
	switch {
	case m.stopping():
	case p.state == Halting, p.doomedOnes > 0:
		m.haltNext(p)
	case p.state == Starting, p.state == Running:
		m.startNext(p)
	default: // it is down itself
	}
}

// haltNext brings the last doomed child down; when there is none, the supervisor has halted or goes on with starting.
func (m *Machine) haltNext(p *entry) {
	for ; p.halt != nil; p.halt = p.halt.prev {
		c := p.halt

		switch {
		case !c.doomed:
			continue
		case c.state == Finishing && p.sheds(): // it is down, and its name is free when it is gone
			return
		case c.isDown():
			p.spare(c)

			continue
		case c.state != Running && c.state != Starting: // it is on its way down
			m.letGo(c)
		case !c.isActor():
			m.haltAll(c, nil)
		case c.state == Running:
			m.haltActor(c)
		default: // its Started is awaited
			m.cancelStart(c)
		}

		return // this one is awaited
	}

	if p.state == Halting {
		m.set(p, Idle)
		m.halted(p)
	} else {
		m.startNext(p)
	}
}

// isLetGo is the bit of entry.bits which says that an actor has been let go, and that has not been taken back.
const isLetGo = 1 << 5

// letGo sees to it that a child that is on its way down does not wait for those that come up only when it is down. Who
// halts knows that, and a supervisor lets its own go.
func (m *Machine) letGo(n *entry) {
	if n.isActor() && n.state != Halting && n.bits&isLetGo == 0 {
		n.bits |= isLetGo
		m.emit(LetGo{ID: n.id})
	}
}

// takeBack is called when a shutdown begins, which has everybody come up at once: nobody is awaited for that any more.
func (m *Machine) takeBack(n *entry) {
	if n.bits&isLetGo != 0 {
		n.bits &^= isLetGo
		m.emit(LetGo{ID: n.id, TakenBack: true})
	}
}

// startNext starts the first pending child that may start. When none is pending, a supervisor that starts has started.
func (m *Machine) startNext(p *entry) {
	p.trim()

	for c := p.cursor; c != nil; c = c.next {
		switch {
		case !c.pending:
		case c.state == Idle && !m.blocked(p, c):
			m.start(c)

			return // this one is awaited
		case c.state == Starting:
			return
		case p.spec.Strategy != supervision.DependentsForOne:
			return // it backs off, or ends, and the others wait for it
		}
	}

	if p.state == Starting && p.cursor == nil {
		m.treeStarted(p)
	}
}

// trim moves the cursor to the first child that is pending.
func (n *entry) trim() {
	for c := n.cursor; c != nil; c = c.next {
		if c.gone() {
			c.pending = false // for good: a restart of its supervisor does not bring it back
		}

		if c.pending {
			break
		}

		n.cursor = c.next
	}
}

// blocked reports whether a child must not start yet though nobody before it in the order is being started.
func (m *Machine) blocked(p, c *entry) bool {
	if p.spec.Strategy != supervision.DependentsForOne {
		return false
	}

	for b := p.cursor; b != c; b = b.next {
		if b.pending && slices.Contains(p.dependents[b], c) {
			return true
		}
	}

	return false
}
