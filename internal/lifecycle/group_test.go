package lifecycle_test

import (
	"slices"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/supervision"
)

// groups is what must hold of the restarts of groups. It knows from the declared tree who is restarted with whom, and
// nothing of how a machine brings it about.
type groups struct {
	law  *law
	with map[int][]int // by failed child: itself and its siblings that are restarted with it
	// outstanding are the children that are being restarted, by supervisor, until that has settled.
	outstanding map[int][]int
	// owed is, by supervisor, how many lives an actor had when a restart that includes it was decided: it is to have
	// more.
	owed map[int]map[int]int
}

func newGroups(l *law) *groups {
	g := &groups{law: l, with: make(map[int][]int), outstanding: make(map[int][]int), owed: make(map[int]map[int]int)}

	for id := range l.world.plan.Nodes {
		p := &l.world.plan.Nodes[id]
		for _, c := range p.Children {
			g.with[c] = slices.DeleteFunc(slices.Clone(p.Children), func(s int) bool { return s != c && !g.follows(p, s, c) })
		}
	}

	return g
}

// follows reports whether s is restarted with its sibling c.
func (g *groups) follows(p *supervision.Node, s, c int) bool {
	switch p.Strategy {
	case supervision.AllForOne:
		return true
	case supervision.RestForOne:
		return slices.Index(p.Children, s) > slices.Index(p.Children, c)
	case supervision.DependentsForOne:
		return g.needs(p, s, c)
	default:
		return false
	}
}

// needs reports whether s depends on its sibling c, itself or through others.
func (g *groups) needs(p *supervision.Node, s, c int) bool {
	nodes := g.law.world.plan.Nodes

	for x := range nodes {
		if !g.law.within(x, s) {
			continue
		}

		for _, on := range nodes[x].DependsOn {
			if g.law.within(on, c) {
				return true
			}

			for _, between := range p.Children {
				if between != s && g.law.within(on, between) && g.needs(p, between, c) {
					return true
				}
			}
		}
	}

	return false
}

func (g *groups) isDown(id int) bool {
	return slices.Contains([]lifecycle.State{
		lifecycle.Idle, lifecycle.BackingOff, lifecycle.Finishing, lifecycle.Stopped,
	}, g.law.state(id))
}

func (g *groups) stopping() bool { return g.law.world.machine.Phase() >= lifecycle.Intake }

// restarting notes that a child is restarted, and everybody of its group with it.
func (g *groups) restarting(c int) {
	w := g.law.world
	p := w.plan.Nodes[c].Parent

	if g.stopping() {
		return
	}

	g.outstanding[p] = append(g.outstanding[p], c)
	if g.owed[p] == nil {
		g.owed[p] = make(map[int]int)
	}

	for _, member := range g.with[c] {
		for id, f := range w.fakes {
			if f != nil && g.law.within(id, member) && (member == c || w.plan.Nodes[member].Restart != supervision.Temporary) {
				g.owed[p][id] = len(f.lives)
			}
		}
	}
}

// cameDown reports whether a supervisor came down before the step, in it, or after it. It may have begun to and be down
// already: what was due came first, and then what was reported.
func (g *groups) cameDown(id int) bool {
	was, is := g.law.states[id], g.law.state(id)

	return was == lifecycle.Halting || is == lifecycle.Halting || was == lifecycle.Running && is != lifecycle.Running
}

// halt checks that an actor is halted for a reason and in its turn.
func (g *groups) halt(f *fake) {
	p := f.spec.Parent
	members := g.law.world.plan.Nodes[p].Children // all come down with their supervisor

	if g.stopping() || g.law.stopsItself(f) {
		return
	}

	if !g.cameDown(p) {
		members = nil
		for _, c := range g.outstanding[p] {
			for _, s := range g.with[c] {
				if s != c { // it came down by itself
					members = append(members, s)
				}
			}
		}

		if !slices.Contains(members, f.id) {
			g.law.brokenf("%s is halted for nobody", f.spec.Path)
		}
	}

	for _, s := range g.after(f.id) {
		if slices.Contains(members, s) && !g.isDown(s) && !g.law.stopped[s] { // who leaves for good is left to it
			g.law.brokenf("%s is halted before %s, which is %v", f.spec.Path, g.law.world.path(s), g.law.state(s))
		}
	}
}

// after returns the siblings that start after a child.
func (g *groups) after(c int) []int {
	children := g.law.world.plan.Nodes[g.law.world.plan.Nodes[c].Parent].Children

	return children[slices.Index(children, c)+1:]
}

// begin checks that an actor, and every supervisor above it that starts, starts in its turn.
func (g *groups) begin(id int) {
	nodes := g.law.world.plan.Nodes

	for c := id; nodes[c].Parent >= 0 && g.law.state(c) == lifecycle.Starting && !g.stopping(); c = nodes[c].Parent {
		p := &nodes[nodes[c].Parent]

		for _, s := range p.Children {
			switch {
			case s == c || p.Strategy == supervision.OneForOne:
			case g.law.stopped[s]: // it may be leaving for good
			case g.law.state(nodes[c].Parent) == lifecycle.Halting: // later in the same step it has given up
			case slices.Contains(g.with[c], s) && slices.Contains(g.after(c), s) && !g.isDown(s):
				g.law.brokenf("%s starts while %s, which is restarted with it, is %v", nodes[c].Path, nodes[s].Path, g.law.state(s))
			case g.law.states[c] != lifecycle.Idle && !g.waited(s): // its time came just before s came down
			case slices.Contains(g.after(s), c) && slices.Contains(g.with[s], c) && g.waits(g.law.state(s)):
				g.law.brokenf("%s starts before %s, which is %v", nodes[c].Path, nodes[s].Path, g.law.state(s))
			}
		}
	}
}

// waits reports whether a child has still to start.
func (g *groups) waits(s lifecycle.State) bool {
	return s == lifecycle.Idle || s == lifecycle.BackingOff || s == lifecycle.Starting
}

// waited is waits before the step that is looked at.
func (g *groups) waited(id int) bool { return g.waits(g.law.states[id]) }

// settle checks, of every supervisor with nothing more to do, that everybody it was to restart has restarted.
func (g *groups) settle() {
	w := g.law.world

	for p := range w.plan.Nodes {
		if len(g.outstanding[p]) == 0 || g.law.state(p) != lifecycle.Running ||
			slices.ContainsFunc(w.plan.Nodes[p].Children, func(c int) bool {
				return g.law.state(c) != lifecycle.Running && g.law.state(c) != lifecycle.Stopped
			}) {
			continue
		}

		for id, lives := range g.owed[p] {
			if f := w.fakes[id]; len(f.lives) <= lives && !f.finished && !g.law.stopped[id] {
				g.law.brokenf("%s was to be restarted and was not", f.spec.Path)
			}
		}

		delete(g.outstanding, p)
		delete(g.owed, p)
	}
}

// giveUp forgets what a supervisor, and those below it, had still to do: its children come down and do not restart.
func (g *groups) giveUp(p int) {
	delete(g.outstanding, p)

	for below := range g.law.world.plan.Nodes {
		if g.law.within(below, p) {
			delete(g.owed, below)
		}
	}
}

// anew forgets what a supervisor had to do before it was restarted itself.
func (g *groups) anew(p int) {
	delete(g.outstanding, p)
	delete(g.owed, p)
}
