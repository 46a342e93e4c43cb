package system

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// groups is what the conductor knows of the children of groups and pools. Guarded by conductor.mu.
type groups struct {
	starting map[int]newcomer      // by id: told once how the start went
	leaving  map[int]chan struct{} // by id: closed when it has ended
	numbers  map[int]int           // by group: the last number taken as a name
	departed map[int]*departed     // by group
	many     bool                  // are being added at a time
}

// departed is what the children of one group that are no longer there have counted.
type departed struct {
	mailbox.Stats

	children, restarts, everAbandoned int
}

func newGroups() groups {
	return groups{
		starting: make(map[int]newcomer), leaving: make(map[int]chan struct{}),
		numbers: make(map[int]int), departed: make(map[int]*departed),
	}
}

var _ node.Groups = (*conductor)(nil)

// newcomer is a child whose start somebody waits for.
type newcomer struct {
	batch *node.Batch
	i     int // its number there
}

// Spawn implements [node.Groups].
func (c *conductor) Spawn(b *node.Batch) {
	now := c.enter()
	c.adding.Store(true)
	c.groups.many = len(b.Children) > sideBySide
	b.Begin()

	var err error

	for i, ok := b.Next(); ok && err == nil; i, ok = b.Next() {
		err = c.spawn(now, b, i)
	}

	b.End(err)
	c.groups.many = false
	c.adding.Store(false)
	c.hear(now)
	c.leave(now)
}

// spawn adds child number i of a batch. Called with mu held.
func (c *conductor) spawn(now time.Time, b *node.Batch, i int) error {
	id, path, err := c.place(b.Group, b.Children[i].Name)
	if err != nil {
		return err
	}

	n, err := b.Mount(i, id, path)
	if err != nil {
		return err
	}

	c.seat(n)
	b.Admit(n)

	c.groups.starting[id] = newcomer{b, i}
	c.run(now, lifecycle.Add{Parent: b.Group})
	c.goOn(now)

	return nil
}

// Recall implements [node.Groups]. At a shutdown nobody is stopped: all go anyway.
func (c *conductor) Recall(b *node.Batch, cause error) {
	now := c.enter()

	for i := range b.Added {
		if b.Children[i].Told {
			continue
		}

		n := b.Children[i].Node
		delete(c.groups.starting, n.ID())
		b.Tell(i, &supervision.FailureError{Path: n.Path(), Err: cause})

		if c.machine.Phase() < lifecycle.Intake {
			c.run(now, lifecycle.StopOne{ID: n.ID(), Mode: node.AtOnce})
			c.goOn(now)
		}
	}

	c.leave(now)
}

// place returns the id and the path of a child to be added to a group. Called with mu held.
func (c *conductor) place(group int, name string) (id int, path string, err error) {
	above := c.system.plan.Nodes[group].Path

	if id, err = c.machine.Free(group); err != nil {
		if _, full := errors.AsType[*supervision.GroupFullError](err); full { // names the group
			return 0, "", err
		}

		return 0, "", &supervision.FailureError{Path: above, Err: err}
	}

	path = above + "/" + name

	for free := name == ""; free; free = c.registered(path) {
		c.groups.numbers[group]++
		path = above + "/" + strconv.Itoa(c.groups.numbers[group])
	}

	return id, path, nil
}

// seat keeps an actor that has been made for the place that was returned last. Called with mu held.
func (c *conductor) seat(n node.Node) {
	slot := lifecycle.Slot(n.ID())
	if slot == len(c.nodes) {
		c.nodes = append(c.nodes, nil) // what is held counts more here than what is left behind
	}

	c.nodes[slot] = n
}

// populate adds the members of a pool. Called with mu held.
func (c *conductor) populate(e lifecycle.Populate) {
	front := c.mounted.Front(e.ID)

	var failed error

	for range e.Size {
		c.more = append(c.more, func() lifecycle.Input {
			if failed != nil {
				return nil
			}

			var (
				id   int
				path string
				n    node.Node
			)

			if id, path, failed = c.place(e.ID, ""); failed == nil {
				n, failed = c.mounted.Member(e.ID, id, path)
			}

			if failed != nil {
				return nil
			}

			c.seat(n)
			front.Admit(n)

			return lifecycle.Add{Parent: e.ID}
		})
	}

	c.more = append(c.more, func() lifecycle.Input { return lifecycle.Populated{ID: e.ID, Err: failed} })
}

// spawned tells whoever waits how the start of a child went, and lets a member of a pool take part that has started.
// Called with mu held.
func (c *conductor) spawned(e *lifecycle.Spawned) {
	if e.Err == nil {
		if f := c.mounted.Front(c.machine.Parent(e.ID)); f != nil {
			f.Admit(c.nodes[lifecycle.Slot(e.ID)])
		}
	}

	if n, waits := c.groups.starting[e.ID]; waits {
		delete(c.groups.starting, e.ID)
		n.batch.Tell(n.i, e.Err)
	}
}

// seal makes an actor refuse new messages. While the system runs, a member of a pool takes part no more from then on.
// Called with mu held.
func (c *conductor) seal(id int) {
	n := c.nodes[lifecycle.Slot(id)]

	if c.machine.Phase() < lifecycle.Intake {
		if f := c.mounted.Front(c.machine.Parent(id)); f != nil {
			f.Dismiss(n)
		}
	}

	n.Seal()
}

// ended notes that somebody has ended for good: its name is free. Called with mu held.
func (c *conductor) ended(id int) {
	if f := c.mounted.Front(id); f != nil {
		f.Discard()
	}

	n := c.nodes[lifecycle.Slot(id)]
	if n == nil {
		return
	}

	if c.machine.Phase() < lifecycle.Close { // else nobody needs its name, and taking it away costs as much as its stop
		n.Withdraw()
	}

	if f := c.mounted.Front(c.machine.Parent(id)); f != nil {
		f.Dismiss(n)
	}

	if gone := c.groups.leaving[id]; gone != nil {
		close(gone)
		delete(c.groups.leaving, id)
	}
}

// registered reports whether there is a process at a path.
func (c *conductor) registered(path string) bool {
	_, found := c.protoactor.ProcessRegistry.GetLocal(path[1:])

	return found
}

// child returns the actor at a path, or nil. It is protoactor's registry that knows, and there is no second one; those
// who end in the last phase of a shutdown stay in it. Called with mu held.
func (c *conductor) child(path string) node.Node {
	name, rooted := strings.CutPrefix(path, "/")

	process, found := c.protoactor.ProcessRegistry.GetLocal(name)
	if !rooted || !found {
		return nil
	}

	var who node.Identify

	process.SendSystemMessage(nil, &who) // which our processes answer at once

	if n := who.Node; n != nil && !c.machine.Stopped(n.ID()) {
		return n
	}

	return nil
}

// remove forgets a child, but not what it has counted. Called with mu held.
func (c *conductor) remove(e lifecycle.Removed) {
	slot := lifecycle.Slot(e.ID)
	n := c.nodes[slot]
	stats := n.Stats()
	c.nodes[slot] = nil

	if f := c.mounted.Front(e.Parent); f != nil {
		f.Dismiss(n) // when it ended the machine had forgotten already where it was
	}

	d := c.groups.departed[e.Parent]
	if d == nil {
		d = new(departed)
		c.groups.departed[e.Parent] = d
	}

	d.Add(&stats)
	d.children++
	d.restarts += e.Restarts
	d.everAbandoned += e.EverAbandoned
}

// Stop implements [node.Groups].
func (c *conductor) Stop(path string, mode node.StopMode) (gone <-chan struct{}, err error) {
	c.do(func() lifecycle.Input {
		if c.machine.Phase() >= lifecycle.Intake {
			err = mailbox.ErrStopping

			return nil
		}

		n := c.child(path)
		if n == nil {
			return nil
		}

		told := c.groups.leaving[n.ID()]
		if told == nil {
			told = make(chan struct{})
			c.groups.leaving[n.ID()] = told
		}

		gone = told

		return lifecycle.StopOne{ID: n.ID(), Mode: mode}
	})

	return gone, err
}

// Child implements [node.Groups].
func (c *conductor) Child(path string) node.Node {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.child(path)
}

// Children implements [node.Groups].
func (c *conductor) Children(group int) []node.Node {
	c.mu.Lock()
	defer c.mu.Unlock()

	ids := c.machine.Children(group)
	all := make([]node.Node, len(ids))

	for i, id := range ids {
		all[i] = c.nodes[lifecycle.Slot(id)]
	}

	return all
}

// listed is one node of the tree at a moment.
type listed struct {
	id       int
	view     lifecycle.View
	node     node.Node // nil for a supervisor
	departed *departed // of a group whose children have gone; a copy
}

// members returns all nodes there are now, supervisors before their children.
func (c *conductor) members() []listed {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.list()
}

// list is members with mu held.
func (c *conductor) list() []listed {
	all := make([]listed, 0, len(c.nodes))

	for id := range c.machine.All() {
		all = append(all, listed{})
		c.listOne(id, &all[len(all)-1])
	}

	return all
}

// listOne sets l to one node. Called with mu held.
func (c *conductor) listOne(id int, l *listed) {
	l.id, l.node, l.departed = id, c.nodes[lifecycle.Slot(id)], nil
	c.machine.Look(id, &l.view)

	if d := c.groups.departed[id]; d != nil {
		gone := *d
		l.departed = &gone
	}
}
