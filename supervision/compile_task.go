package supervision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/topo"
)

// addTasks checks the tasks and appends them to the plan, in the order given.
func (c *compiler) addTasks(tasks []*Task) {
	if len(tasks) > MaxTasks {
		c.failf("tasks", "Tasks", "%d are too many, there may be %d", len(tasks), MaxTasks)

		return
	}

	var (
		index = make(map[*Task]int, len(tasks))
		kept  []*Task
		names = make(map[string]bool, len(tasks))
	)

	for i, t := range tasks {
		if t == nil {
			c.failf("tasks", fmt.Sprintf("Tasks[%d]", i), "is nil")

			continue
		}

		path := TaskPath(shown(t.Name))
		if t.Name == "" {
			path = TaskPath(fmt.Sprintf("Tasks[%d]", i))
		}

		if _, twice := index[t]; twice {
			c.failf(path, "Tasks", "the same task is given twice")

			continue
		}

		if names[t.Name] && t.Name != "" {
			c.failf(path, "Name", "%q is taken, two tasks have it", shown(t.Name))
		}

		names[t.Name] = true
		index[t] = len(c.plan.Tasks)
		kept = append(kept, t)

		c.checkTask(path, t)
		c.plan.Tasks = append(c.plan.Tasks, PlannedTask{
			Name: t.Name, Phase: t.Phase, Deadline: t.Deadline, OnFailure: cmp.Or(t.OnFailure, Recover), Run: t.Run,
		})
	}

	for i, t := range kept {
		c.linkTask(&c.plan.Tasks[i], t, i, index)
	}

	c.orderTasks()
}

// checkTask checks what can be checked without the others.
func (c *compiler) checkTask(path string, t *Task) {
	if t.Name == "" {
		c.failf(path, "Name", "is empty, every task needs one")
	} else {
		c.checkName(t.Name, path)
	}

	if t.Phase < PhaseIntake || t.Phase > PhaseClose {
		c.failf(path, "Phase", "%v is not a phase, must be intake, drain, flush or close", t.Phase)
	}

	if t.Deadline < 0 {
		c.failf(path, "Deadline", "%v is negative", t.Deadline)
	}

	if t.OnFailure > Abort {
		c.failf(path, "OnFailure", "%v is not a choice, must be recover or abort", t.OnFailure)
	}

	if t.Run == nil {
		c.failf(path, "Run", "is nil, must do the task")
	}
}

// linkTask resolves what a task comes after.
func (c *compiler) linkTask(p *PlannedTask, t *Task, self int, index map[*Task]int) {
	path := TaskPath(shown(t.Name))

	for i, on := range t.After {
		field := fmt.Sprintf("After[%d]", i)

		if declarationOf(on) == (declaration{}) {
			c.failf(path, field, "is nil")

			continue
		}

		name := declarationOf(on).name
		id, known := c.index[on]

		switch {
		case !known:
			c.failf(path, field, "%q is not in the tree%s", name, c.nearest(name))
		case t.Phase == PhaseIntake:
			c.failf(path, field, "%s has no part in the intake, which is before the drain of all actors",
				c.plan.Nodes[id].Path)
		case !slices.Contains(p.After, id):
			p.After = append(p.After, id)
		}
	}

	for i, on := range t.AfterTasks {
		field := fmt.Sprintf("AfterTasks[%d]", i)

		if on == nil {
			c.failf(path, field, "is nil")

			continue
		}

		id, known := index[on]

		switch {
		case !known:
			c.failf(path, field, "%q is not among the tasks%s", on.Name, c.nearestTask(on.Name))
		case id == self:
			c.failf(path, field, "is the task itself")
		case on.Phase > t.Phase:
			c.failf(path, field, "%s is of the %v phase, which is later than %v", TaskPath(on.Name), on.Phase, t.Phase)
		case !slices.Contains(p.AfterTasks, id):
			p.AfterTasks = append(p.AfterTasks, id)
		}
	}
}

func (c *compiler) nearestTask(name string) string {
	best, distance := "", len(name)/2+2

	for i := range c.plan.Tasks {
		other := c.plan.Tasks[i].Name
		if d := levenshtein.ComputeDistance(name, other); d < distance && other != "" {
			best, distance = TaskPath(other), d
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

// orderTasks reports cycles among tasks.
func (c *compiler) orderTasks() {
	g := make(digraph)

	for i := range c.plan.Tasks {
		g[int64(i)] = nil
		for _, on := range c.plan.Tasks[i].AfterTasks {
			g[int64(i)] = append(g[int64(i)], int64(on))
		}
	}

	for _, component := range topo.TarjanSCC(g) {
		if len(component) > 1 {
			c.taskCycle(g, component)
		}
	}
}

// taskCycle reports one cycle in a strongly connected component.
func (c *compiler) taskCycle(g digraph, component []graph.Node) {
	trail := cycleIn(g, component)
	names := make([]string, len(trail))

	for i, t := range trail {
		names[i] = TaskPath(c.plan.Tasks[t].Name)
	}

	c.failf(names[0], "AfterTasks", "cycle: %s", strings.Join(names, " → "))
}
