package supervision

import (
	"errors"
	"fmt"
	"time"

	"github.com/agnivade/levenshtein"

	"github.com/troupe-go/troupe/mailbox"
)

// Compile checks a tree, and tasks for its shutdown, and flattens it. Everything wrong with them is reported at once,
// joined: [*SpecError] and [*CycleError] values that name path, field and rule.
func Compile(t Tree, tasks ...*Task) (*Plan, error) {
	c := &compiler{plan: &Plan{}, index: make(map[Child]int)}

	root := &t
	c.add(root, "", -1, 0)
	c.link()
	c.order()
	c.addTasks(tasks)

	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}

	return c.plan, nil
}

// compiler walks a tree once and collects nodes and errors.
type compiler struct {
	plan  *Plan
	index map[Child]int
	decls []declaration // by node
	errs  []error
}

func (c *compiler) failf(path, field, format string, args ...any) {
	c.errs = append(c.errs, &SpecError{Path: path, Field: field, Problem: fmt.Sprintf(format, args...)})
}

// add appends a child and all below it, and checks what can be checked without the rest of the tree. At is its place
// among the children, by which errors call it if it has no name.
func (c *compiler) add(child Child, parentPath string, parent, at int) {
	d := declarationOf(child)

	path := parentPath + "/" + shown(d.name)
	if d.name == "" && parent >= 0 {
		path = fmt.Sprintf("%s/Children[%d]", parentPath, at)
	}

	c.checkName(d.name, path)

	if _, twice := c.index[child]; twice {
		c.failf(path, "Children", "the same declaration stands in the tree twice, at %s too",
			c.plan.Nodes[c.index[child]].Path)

		return
	}

	id := len(c.plan.Nodes)
	c.index[child] = id
	c.decls = append(c.decls, d)
	c.plan.Nodes = append(c.plan.Nodes, Node{Path: path, Parent: parent})

	switch {
	case d.actor != nil:
		c.addActor(&c.plan.Nodes[id], d.actor)
		c.checkRedeliver(&c.plan.Nodes[id], &c.plan.Nodes[parent], d.actor.spec.Redeliver)
	case d.group != nil:
		c.addGroup(&c.plan.Nodes[id], d.group)
	case d.subtree != nil:
		t, err := d.subtree.tree(path)
		if err != nil {
			c.errs = append(c.errs, err)
		}

		if t != nil {
			c.addTree(id, t)
		}
	default:
		c.addTree(id, d.tree)
	}
}

func (c *compiler) checkName(name, path string) {
	if problem := nameProblem(name); problem != "" {
		c.failf(path, "Name", "%s", problem)
	}
}

func (c *compiler) addActor(n *Node, d *actorDeclaration) {
	n.actor = d

	if d.mount == nil {
		c.failf(n.Path, "factory", "is nil, must make the actor")
	}

	n.Restart = c.restart(n.Path, d.spec.Restart)
	n.Backoff = c.backoff(n.Path, d.spec.Backoff)
	n.Deadlines = d.spec.Deadlines.withDefaults()
	c.checkDeadlines(n.Path, d.spec.Deadlines)

	n.Mailbox = mailbox.Defaults()
	if o := d.spec.Mailbox; o != nil {
		n.Mailbox = *o
		for _, err := range split(o.Validate()) {
			c.failf(n.Path, "Mailbox", "%v", err)
		}
	}

	if g := d.spec.Goroutines; g < 0 || g > MaxGoroutines {
		c.failf(n.Path, "Goroutines", "%d is out of range, must be from 1 to %d, or 0 for %d", g, MaxGoroutines,
			DefaultGoroutines)
	}

	if s := d.spec.Stash; s < 0 || s > MaxStash {
		c.failf(n.Path, "Stash", "%d is out of range, must be from 1 to %d, or 0 for %d", s, MaxStash, DefaultStash)
	}
}

// checkRedeliver checks that the failures of one message fit in the budget they are paid from.
func (c *compiler) checkRedeliver(n, supervisor *Node, r int) {
	switch b := supervisor.Budget; {
	case r == 0:
	case r < 0 || r > MaxRedeliver:
		c.failf(n.Path, "Redeliver", "%d is out of range, must be from 0 to %d", r, MaxRedeliver)
	case n.Restart == Temporary:
		c.failf(n.Path, "Redeliver", "%d is given to a temporary actor, must be 0: it has no next incarnation", r)
	case b != Budget{} && r >= b.Restarts:
		c.failf(n.Path, "Redeliver", "%d is too much, must be less than the %d restarts in the budget of %s: "+
			"a message that fails every time would cost %d of them and exhaust it", r, b.Restarts,
			supervisor.Path, r+1)
	}
}

func (c *compiler) addGroup(n *Node, d *groupDeclaration) {
	n.group = d
	n.Restart = c.restart(n.Path, d.restart)
	n.Backoff = c.backoff(n.Path, d.backoff)
	n.Budget, n.Strategy = d.budget, OneForOne
	n.MaxChildren, n.Size = d.max, d.size
	c.checkBudget(n.Path, d.budget)

	if d.front == nil && (d.max < 1 || d.max > MaxGroupChildren) {
		c.failf(n.Path, "MaxChildren", "%d is out of range, must be from 1 to %d", d.max, MaxGroupChildren)
	}

	if d.front != nil {
		c.checkSize(n.Path, d)
	}

	if d.routing != nil {
		c.failf(n.Path, "Routing", "the key of a consistent hash is a %v, must be set", d.routing)
	}

	n.Child = &Node{Path: n.Path + "/*", Parent: -1}
	c.addActor(n.Child, &d.members)
	c.checkRedeliver(n.Child, n, d.members.spec.Redeliver)
}

// checkSize checks the size of a pool and its bound, which is the size if it is not set.
func (c *compiler) checkSize(path string, d *groupDeclaration) {
	if d.size < 1 {
		c.failf(path, "Size", "%d is out of range, must be from 1 to Max", d.size)
	} else if d.max > 0 && d.size > d.max {
		c.failf(path, "Size", "%d is out of range, must be from 1 to Max, %d", d.size, d.max)
	}

	if d.max > MaxGroupChildren || d.max < 0 && d.max != d.size {
		c.failf(path, "Max", "%d is out of range, must be from Size to %d, or 0 for Size", d.max, MaxGroupChildren)
	}
}

func (c *compiler) addTree(id int, t *Tree) {
	n := &c.plan.Nodes[id]
	n.Restart = c.restart(n.Path, t.Restart)
	n.Backoff = c.backoff(n.Path, t.Backoff)
	n.Budget = t.Budget
	n.Strategy = max(t.Strategy, OneForOne)

	if t.Strategy > DependentsForOne {
		c.failf(n.Path, "Strategy",
			"%v is not a strategy, must be one-for-one, all-for-one, rest-for-one or dependents-for-one", t.Strategy)
	}

	c.checkBudget(n.Path, t.Budget)

	path := n.Path // n moves when children are appended
	names := make(map[string]bool, len(t.Children))

	for i, child := range t.Children {
		d := declarationOf(child)
		if d == (declaration{}) {
			c.failf(path, fmt.Sprintf("Children[%d]", i), "is nil")

			continue
		}

		name := d.name
		if names[name] && name != "" {
			c.failf(path+"/"+shown(name), "Name", "%q is taken, two children of %s have it", shown(name), path)
		}

		names[name] = true

		before := len(c.plan.Nodes)
		c.add(child, path, id, i)

		if len(c.plan.Nodes) > before {
			c.plan.Nodes[id].Children = append(c.plan.Nodes[id].Children, before)
		}
	}
}

func (c *compiler) checkBudget(path string, b Budget) {
	if b == (Budget{}) {
		c.failf(path, "Budget", "is not set, every supervisor needs one")

		return
	}

	if b.Restarts < 0 || b.Restarts > MaxRestarts {
		c.failf(path, "Budget.Restarts", "%d is out of range, must be from 0 to %d", b.Restarts, MaxRestarts)
	}

	if b.Within <= 0 {
		c.failf(path, "Budget.Within", "%v is out of range, a budget needs a window above 0", b.Within)
	}
}

func (c *compiler) restart(path string, r Restart) Restart {
	if r > Temporary {
		c.failf(path, "Restart", "%v is not a restart type, must be permanent, transient or temporary", r)
	}

	if r == 0 {
		return Transient
	}

	return r
}

func (c *compiler) backoff(path string, b Backoff) Backoff {
	if b.Initial < 0 && b.Initial != Immediately {
		c.failf(path, "Backoff.Initial", "%v is negative", b.Initial)
	}

	if b.Max < 0 || b.Max > 0 && b.Max < b.Initial {
		c.failf(path, "Backoff.Max", "%v is out of range, must be at least Initial, %v, or 0 for %v", b.Max, b.Initial,
			DefaultBackoffMax)
	}

	if b.Stable < 0 {
		c.failf(path, "Backoff.Stable", "%v is negative", b.Stable)
	}

	return b.withDefaults()
}

func (c *compiler) checkDeadlines(path string, d Deadlines) {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"Start", d.Start}, {"Drain", d.Drain}, {"Flush", d.Flush}, {"Close", d.Close}} {
		if f.value < 0 {
			c.failf(path, "Deadlines."+f.name, "%v is negative", f.value)
		}
	}
}

// link resolves dependencies to nodes.
func (c *compiler) link() {
	for id := range c.plan.Nodes {
		for i, on := range c.decls[id].dependsOn() {
			c.linkOne(id, i, on)
		}
	}
}

func (c *compiler) linkOne(id, i int, on Child) {
	n := &c.plan.Nodes[id]
	field := fmt.Sprintf("DependsOn[%d]", i)

	if declarationOf(on) == (declaration{}) {
		c.failf(n.Path, field, "is nil")

		return
	}

	target, known := c.index[on]

	switch {
	case !known:
		name := declarationOf(on).name
		c.failf(n.Path, field, "%q is not in the tree%s", name, c.nearest(name))
	case target == id:
		c.errs = append(c.errs, &CycleError{Path: []string{n.Path, n.Path}})
	case c.within(id, target) || c.within(target, id):
		c.failf(n.Path, field, "%s is above or below it; a child cannot depend on its own supervisor",
			c.plan.Nodes[target].Path)
	default:
		n.DependsOn = append(n.DependsOn, target)
	}
}

// within reports whether a is below b.
func (c *compiler) within(a, b int) bool {
	for a = c.plan.Nodes[a].Parent; a >= 0; a = c.plan.Nodes[a].Parent {
		if a == b {
			return true
		}
	}

	return false
}

func (c *compiler) nearest(name string) string {
	best, distance := "", len(name)/2+2

	for id := 1; id < len(c.plan.Nodes); id++ {
		if d := levenshtein.ComputeDistance(name, c.decls[id].name); d < distance && c.decls[id].name != "" {
			best, distance = c.plan.Nodes[id].Path, d
		}
	}

	if best == "" {
		return ""
	}

	if distance == 0 {
		return ", " + best + " is another of that name"
	}

	return ", did you mean " + best + "?"
}

// split returns the errors that were joined, so that each can be given the path.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}

	return nil
}
