package lifecycle_test

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
)

// crowd are the children of all groups and pools of a world, and what must hold of them.
type crowd struct {
	world  *world
	groups []int         // ids of groups and pools
	fakes  map[int]*fake // by id, until removed
	count  int           // ever added
	asked  map[int]bool  // those whose start somebody waits to hear of
	// populating are the pools whose members are still to be added.
	populating map[int]bool
}

func newCrowd(w *world) *crowd {
	c := &crowd{world: w, fakes: make(map[int]*fake), asked: make(map[int]bool), populating: make(map[int]bool)}

	for id := range w.plan.Nodes {
		if w.plan.Nodes[id].MaxChildren > 0 {
			c.groups = append(c.groups, id)
		}
	}

	return c
}

// drawVisitors draws who adds children, and what becomes of them.
func (c *crowd) drawVisitors() {
	w := c.world

	if len(c.groups) == 0 {
		return
	}

	for range w.percent("crowd visits") / 3 {
		group := rapid.SampledFrom(c.groups).Draw(w.t, "group")
		number := w.percent("number")
		at := w.delay("at", 700)

		switch n := w.percent("visit"); {
		case n < 50:
			w.after(at, func() { c.add(group, true) })
		case n < 70:
			w.after(at, func() { c.somebody(number, func(f *fake) { f.send(1 + number%10) }) })
		case n < 80:
			w.after(at, func() { c.somebody(number, (*fake).fail) })
		case n < 90:
			w.after(at, func() { c.somebody(number, (*fake).leave) })
		default:
			w.after(at, func() {
				c.somebody(number, func(f *fake) { w.step(lifecycle.StopOne{ID: f.id, Mode: node.Poison}) })
			})
		}
	}
}

// somebody does something with one of the children there are.
func (c *crowd) somebody(number int, do func(f *fake)) {
	if ids := slices.Sorted(maps.Keys(c.fakes)); len(ids) > 0 {
		do(c.fakes[ids[number%len(ids)]])
	}
}

// children returns the ids of the children of a node.
func (w *world) children(id int) []int {
	all := slices.Clone(w.plan.Nodes[id].Children)

	for c, f := range w.crowd.fakes {
		if f.spec.Parent == id {
			all = append(all, c)
		}
	}

	return all
}

// add adds a child if the machine says that it can.
func (c *crowd) add(group int, asks bool) {
	w := c.world

	if next := w.machine.Next(); !next.IsZero() && !next.After(w.now) {
		w.step(lifecycle.Tick{})
	}

	id, err := w.machine.Free(group)
	if err != nil || asks && c.populating[group] { // the system lets nobody come between
		return
	}

	c.count++
	spec := *w.plan.Nodes[group].Child
	spec.Path, spec.Parent = fmt.Sprintf("%s/%d", w.path(group), c.count), group

	if c.fakes[id] != nil {
		w.law.brokenf("the id of %s is given to %s", w.path(id), spec.Path)
	}

	f := &fake{world: w, id: id, spec: &spec}
	f.runner = &runner{fake: f}
	c.fakes[id], w.added[id], c.asked[id] = f, spec.Path, asks

	w.step(lifecycle.Add{Parent: group})
}

// populate adds the members of a pool.
func (c *crowd) populate(e lifecycle.Populate) {
	w := c.world
	c.populating[e.ID] = true

	w.soon(func() {
		for range e.Size {
			c.add(e.ID, false)
		}

		delete(c.populating, e.ID)

		if w.happens("a member cannot be made", 5) {
			w.step(lifecycle.Populated{ID: e.ID, Err: errFake})
		} else {
			w.step(lifecycle.Populated{ID: e.ID})
		}
	})
}

// effect checks what is said of a child.
func (c *crowd) effect(e lifecycle.Effect) {
	switch e := e.(type) {
	case *lifecycle.Spawned:
		if !c.asked[e.ID] {
			c.world.law.brokenf("%s is answered for twice, or without having been asked", c.world.path(e.ID))
		}

		c.asked[e.ID] = false

		if f := c.fakes[e.ID]; e.Err != nil && f != nil && !f.finished {
			c.world.law.brokenf("%s is said not to be there before it has ended", c.world.path(e.ID))
		}
	case lifecycle.Removed:
		if f := c.fakes[e.ID]; f == nil || !f.finished || c.asked[e.ID] {
			c.world.law.brokenf("%s is removed before it has ended", c.world.path(e.ID))
		}
	}
}

// after checks what must hold between any two steps.
func (c *crowd) after() {
	w := c.world

	present := make(map[int]int)

	for id, f := range c.fakes {
		group := f.spec.Parent
		present[group]++

		if w.machine.View(id).Path != f.spec.Path {
			w.law.brokenf("nobody knows %s any more", f.spec.Path)
		}

		down := w.law.groups.isDown(group)
		ended := w.law.groups.isDown(id) && w.law.state(id) > lifecycle.BackingOff

		if shuts := w.machine.Phase() >= lifecycle.Intake; down && !ended && !shuts && w.plan.Nodes[group].Size == 0 {
			w.law.brokenf("%s is %v though its group is down", f.spec.Path, w.law.state(id))
		}
	}

	for group, n := range present {
		if most := w.plan.Nodes[group].MaxChildren; n > most {
			w.law.brokenf("%s has %d children, %d are allowed", w.path(group), n, most)
		}
	}
}

// end checks what must hold when all is over.
func (c *crowd) end() {
	w := c.world

	for id, f := range c.fakes {
		if !f.finished || w.law.state(id) != lifecycle.Stopped || c.asked[id] {
			w.law.brokenf("%s is %v at the end", f.spec.Path, w.law.state(id))
		}

		for _, x := range f.lives {
			if !x.over && !x.abandoned {
				w.law.brokenf("%s #%d is still there at the end", f.spec.Path, x.number)
			}
		}
	}
}
