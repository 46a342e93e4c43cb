package system

import (
	"errors"
	"strconv"
	"strings"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// groups is what the conductor knows of the children of groups and pools. Guarded by conductor.mu.
type groups struct {
	starting map[int]chan error    // by id: told once how the start went
	leaving  map[int]chan struct{} // by id: closed when it has ended
	numbers  map[int]int           // by group: the last number taken as a name
	departed map[int]*departed     // by group
}

// departed is what the children of one group that are no longer there have counted.
type departed struct {
	mailbox.Stats

	children, restarts, everAbandoned int
}

func newGroups() groups {
	return groups{
		starting: make(map[int]chan error), leaving: make(map[int]chan struct{}),
		numbers: make(map[int]int), departed: make(map[int]*departed),
	}
}

var _ node.Groups = (*conductor)(nil)

// Spawn implements [node.Groups].
func (c *conductor) Spawn(
	group int, name string, mount func(id int, path string) (node.Node, error),
) (n node.Node, started <-chan error, err error) {
	told := make(chan error, 1)

	c.do(func() lifecycle.Input {
		var in lifecycle.Input

		n, in, err = c.mount(group, name, mount)
		if err == nil {
			c.groups.starting[n.ID()] = told
		}

		return in
	})

	return n, told, err
}

// mount makes a child of a group. Called with mu held.
func (c *conductor) mount(
	group int, name string, mount func(id int, path string) (node.Node, error),
) (node.Node, lifecycle.Input, error) {
	above := c.system.plan.Nodes[group].Path

	id, err := c.machine.Free(group)
	if errors.As(err, new(*supervision.GroupFullError)) { // names the group
		return nil, nil, err
	} else if err != nil {
		return nil, nil, &supervision.FailureError{Path: above, Err: err}
	}

	path := above + "/" + name

	for free := name == ""; free; free = c.registered(path) {
		c.groups.numbers[group]++
		path = above + "/" + strconv.Itoa(c.groups.numbers[group])
	}

	n, err := mount(id, path)
	if err != nil {
		return nil, nil, err
	}

	slot := lifecycle.Slot(id)
	if slot == len(c.nodes) {
		c.nodes = append(c.nodes, nil)
	}

	c.nodes[slot] = n

	return n, lifecycle.Add{Parent: group}, nil
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
				n  node.Node
				in lifecycle.Input
			)

			n, in, failed = c.mount(e.ID, "", func(id int, path string) (node.Node, error) {
				return c.mounted.Member(e.ID, id, path)
			})
			if failed == nil {
				front.Admit(n)
			}

			return in
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

	if told := c.groups.starting[e.ID]; told != nil {
		told <- e.Err // has room for it

		delete(c.groups.starting, e.ID)
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
	stats := c.nodes[slot].Stats()
	c.nodes[slot] = nil

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
		all = append(all, c.listOne(id))
	}

	return all
}

// listOne returns one node. Called with mu held.
func (c *conductor) listOne(id int) listed {
	l := listed{id: id, view: c.machine.View(id), node: c.nodes[lifecycle.Slot(id)]}

	if d := c.groups.departed[id]; d != nil {
		gone := *d
		l.departed = &gone
	}

	return l
}
