package supervision

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// CheckGrace reports, joined, for each phase of a shutdown the path of dependencies whose deadlines add up to more than
// it has, if there is one. A deadline that was not set is what the phase has left, and adds nothing.
func (p *Plan) CheckGrace(s Shares) error {
	if p == nil {
		return nil
	}

	var errs []error

	for _, phase := range []struct {
		Phase

		field string
		share time.Duration
		of    func(Deadlines) time.Duration
	}{
		{PhaseIntake, "", s.Intake, func(Deadlines) time.Duration { return 0 }},
		{PhaseDrain, "Drain", s.Drain, func(d Deadlines) time.Duration { return d.Drain }},
		{PhaseFlush, "Flush", s.Flush, func(d Deadlines) time.Duration { return d.Flush }},
		{PhaseClose, "Close", s.Close, func(d Deadlines) time.Duration { return d.Close }},
	} {
		l := &longest{plan: p, phase: phase.Phase, of: phase.of}

		sum, path, task := l.find()
		if sum == 0 || sum <= phase.share { // that a share is negative is reported where it was given
			continue
		}

		field := "Deadlines." + phase.field
		if task {
			field = "Deadline"
		}

		errs = append(errs, &SpecError{
			Path: path[0], Field: field,
			Problem: fmt.Sprintf("along %s they add up to %v, but the phase has %v of the grace period",
				way(path), sum, phase.share),
		})
	}

	return errors.Join(errs...)
}

// way shows a path of dependencies; of a long one both ends.
func way(path []string) string {
	const end = 5

	if more := len(path) - 2*end; more > 1 {
		path = slices.Concat(path[:end], []string{fmt.Sprintf("(%d more)", more)}, path[len(path)-end:])
	}

	return strings.Join(path, " → ")
}

// longest finds the path with the greatest sum of deadlines in one phase, in the order of a stop: dependents before
// what they depend on, and tasks after what they come after. Each node and dependency is looked at once.
type longest struct {
	plan  *Plan
	phase Phase
	of    func(Deadlines) time.Duration

	users  [][]int    // by node: those that depend on it
	before []*stretch // by node: what must be over before anything in it may begin; nil if not looked at
	upTo   []*stretch // by node: with the node itself
	tasks  []*stretch // by task
	none   stretch    // what has nothing before it
}

// stretch is a path up to a node or a task.
type stretch struct {
	sum  time.Duration
	name string
	task bool
	from *stretch // what comes before; nil at the beginning
}

// find returns the sum, and the path; task says that it begins with a task.
func (l *longest) find() (sum time.Duration, path []string, task bool) {
	n := len(l.plan.Nodes)
	l.users, l.before, l.upTo = make([][]int, n), make([]*stretch, n), make([]*stretch, n)
	l.tasks = make([]*stretch, len(l.plan.Tasks))

	for id := range l.plan.Nodes {
		for _, on := range l.plan.Nodes[id].DependsOn {
			l.users[on] = append(l.users[on], id)
		}
	}

	best := &l.none

	for id := range l.plan.Nodes {
		if s := l.node(id); s.sum > best.sum {
			best = s
		}
	}

	for i := range l.plan.Tasks {
		if s := l.task(i); s.sum > best.sum {
			best = s
		}
	}

	for s := best; s != nil && s.sum > 0; s = s.from {
		path, task = append(path, s.name), s.task
	}

	slices.Reverse(path)

	return best.sum, path, task
}

// plus returns the sum of two durations, of which none is negative, or the longest there is if it is too long.
func plus(a, b time.Duration) time.Duration { return a + min(b, math.MaxInt64-a) }

// longer returns the longer of two stretches, the first if they are equal.
func longer(a, b *stretch) *stretch {
	if b.sum > a.sum || a.name == "" {
		return b
	}

	return a
}

// start returns what must be over before a node may begin: those that depend on it, or on a supervisor it is in.
func (l *longest) start(id int) *stretch {
	if id < 0 {
		return &l.none
	}

	if l.before[id] == nil {
		best := l.start(l.plan.Nodes[id].Parent)
		for _, user := range l.users[id] {
			best = longer(best, l.node(user))
		}

		l.before[id] = best
	}

	return l.before[id]
}

// node returns the longest path up to the end of a node's part of the phase.
func (l *longest) node(id int) *stretch {
	if l.upTo[id] != nil {
		return l.upTo[id]
	}

	n := &l.plan.Nodes[id]
	s := &l.none

	if n.hasActors() {
		from := l.start(id)
		s = &stretch{sum: plus(from.sum, l.of(n.each().declaredDeadlines())), name: n.Path, from: from}
	} else {
		for _, child := range n.Children {
			s = longer(s, l.node(child))
		}
	}

	l.upTo[id] = s

	return s
}

// task returns the longest path up to the end of a task, if it is of the phase.
func (l *longest) task(i int) *stretch {
	t := &l.plan.Tasks[i]

	switch {
	case t.Phase != l.phase:
		return &l.none
	case l.tasks[i] != nil:
		return l.tasks[i]
	}

	from := &l.none

	for _, id := range t.After {
		from = longer(from, l.node(id))
	}

	for _, on := range t.AfterTasks {
		from = longer(from, l.task(on))
	}

	l.tasks[i] = &stretch{sum: plus(from.sum, t.Deadline), name: TaskPath(t.Name), task: true, from: from}

	return l.tasks[i]
}

// declaredDeadlines are those of an actor as they were declared: what was not set is 0.
func (n *Node) declaredDeadlines() Deadlines { return n.actor.spec.Deadlines }
