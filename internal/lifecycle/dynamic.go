package lifecycle

import (
	"math/bits"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// The children of a group come and go at run time. A node of the plan has its index there as its id; that of a child
// that was added is its slot in Machine.nodes with, in the upper half, how often the slot was used before, so that what
// is late and meant for somebody who is gone reaches nobody.
const slotBits = bits.UintSize / 2

func slotOf(id int) int { return id & (1<<slotBits - 1) }

// Slot returns where a node is kept: below the most nodes there have been at a time.
func Slot(id int) int { return slotOf(id) }

func generationOf(id int) int { return id >> slotBits }

// Free returns the id of the next child to be added to a group, or why none can be. Nothing may be due when it is
// called, and Add, with the same time, must be the next step.
func (m *Machine) Free(group int) (id int, err error) {
	p := m.node(group)

	switch {
	case m.stopping():
		return 0, mailbox.ErrStopping
	case p == nil || p.gone():
		return 0, mailbox.ErrStopped
	case p.parting:
		return 0, mailbox.ErrStopping
	case p.state != Running && !p.populating:
		return 0, supervision.ErrGroupDown
	case p.count >= p.spec.MaxChildren:
		return 0, m.full(p)
	case len(m.free) > 0:
		return m.free[len(m.free)-1], nil
	default:
		return len(m.nodes), nil
	}
}

// full returns that a group has as many children as it may.
func (m *Machine) full(p *entry) error {
	err := &supervision.GroupFullError{Path: m.path(p), MaxChildren: p.spec.MaxChildren}

	for c := range p.children() {
		if c.state == Stopped { // and is still there
			err.Hanging++
		}
	}

	return err
}

// add starts a child of a group.
func (m *Machine) add(in Add) {
	id, err := m.Free(in.Parent)
	if err != nil {
		return // not as Free demands
	}

	p := m.node(in.Parent)
	n := newEntry(id, p.spec.Child)

	if slot := slotOf(id); slot < len(m.nodes) {
		m.free = m.free[:len(m.free)-1]
		m.nodes[slot] = n
	} else {
		m.nodes = append(m.nodes, n) // what is held counts more here than what is left behind
	}

	p.link(n)

	if p.populating {
		n.fresh = true
		p.await(n)

		return
	}

	n.added = true
	m.begin(n)
}

// populate asks for the members of a pool that starts for the first time.
func (m *Machine) populate(p *entry) {
	p.populating = true
	m.emit(Populate{ID: p.id, Size: p.spec.Size})
}

// populated goes on with the start of a pool.
func (m *Machine) populated(p *entry, err error) {
	if p == nil || !p.populating {
		return
	}

	p.populating = false

	if err != nil {
		p.failed = true
		m.haltAll(p, &supervision.FailureError{Path: m.path(p), Err: err})
	} else {
		m.startNext(p)
	}
}

// startError returns why a child that has ended has not started.
func (m *Machine) startError(n *entry) error {
	if failure := n.lastFailure(); failure != nil {
		return failure
	}

	return &supervision.FailureError{Path: m.path(n), Err: supervision.ErrNotStarted}
}

// spawned answers whoever has added a child, once: when it has started or, with an error, when it has ended.
func (m *Machine) spawned(n *entry, err error) {
	if n.added {
		n.added = false
		m.emit(m.spawns.put(Spawned{ID: n.id, Err: err}))
	}
}

// sheds reports whether a supervisor's children live and die with it: they end for good when it comes down. Those of a
// pool are the same for all its life.
func (n *entry) sheds() bool { return n.spec.MaxChildren > 0 && n.spec.Size == 0 }

// shed ends a child that is down because its group comes down.
func (m *Machine) shed(n *entry) {
	if n.parent.sheds() && !n.gone() {
		m.finish(n)
	}
}

// remove forgets a child of a group that has ended for good. One with incarnations that hang stays, to be seen and to
// be counted, until they have come back.
func (m *Machine) remove(n *entry) {
	p := n.parent
	if p == nil || p.spec.MaxChildren == 0 || n.state != Stopped || len(n.hanging()) > 0 || m.stopping() {
		return
	}

	p.unlink(n)

	slot := slotOf(n.id)
	m.nodes[slot] = nil
	m.free = append(m.free, (generationOf(n.id)+1)<<slotBits|slot)
	gone := Removed{ID: n.id, Parent: p.id}
	if t := n.was(); t != nil {
		gone.Restarts, gone.EverAbandoned = t.restarts, t.everLeft
	}

	m.emit(gone)
	m.partsWithout(n) // that wait for one who had ended and hung
}

// Children returns the ids of the children of a node that are there, also those about to end, in start order. Not
// there, and its name is free, is one that has ended and hangs.
func (m *Machine) Children(id int) (ids []int) {
	p := m.node(id)
	if p == nil {
		return nil
	}

	for c := range p.children() {
		if c.state != Stopped {
			ids = append(ids, c.id)
		}
	}

	return ids
}
