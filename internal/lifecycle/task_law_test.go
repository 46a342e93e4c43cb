package lifecycle_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/supervision"
)

// drawTasks draws tasks for a tree of these paths.
func drawTasks(t *rapid.T, paths []string) (lines []string) {
	phases := []string{"intake", "drain", "flush", "close"}
	var earlier []int // phases

	for i := range rapid.IntRange(0, 4).Draw(t, "tasks") {
		phase := rapid.IntRange(0, 3).Draw(t, "phase")
		line := fmt.Sprintf("task:t%d phase=%s", i, phases[phase])

		var after, tasks []string

		for _, path := range paths {
			if phase > 0 && rapid.IntRange(0, 3).Draw(t, "after") == 3 {
				after = append(after, path)
			}
		}

		for j, other := range earlier {
			if other <= phase && rapid.Bool().Draw(t, "after task") {
				tasks = append(tasks, fmt.Sprintf("t%d", j))
			}
		}

		if len(after) > 0 {
			line += " after=" + strings.Join(after, ",")
		}

		if len(tasks) > 0 {
			line += " tasks=" + strings.Join(tasks, ",")
		}

		if ms := rapid.SampledFrom([]int{0, 5, 100}).Draw(t, "deadline"); ms > 0 {
			line += fmt.Sprintf(" deadline=%dms", ms)
		}

		if rapid.Bool().Draw(t, "aborts") {
			line += " failure=abort"
		}

		earlier = append(earlier, phase)
		lines = append(lines, line)
	}

	return lines
}

// errand is what a world knows of a task.
type errand struct {
	world              *world
	id                 int
	runs               int
	over, abandoned    bool // has returned; was given up on
	answered           time.Time
	cancelled, skipped bool
	onCancel           func()
	failed             bool
}

func newErrands(w *world) (all []*errand) {
	for i := range w.plan.Tasks {
		all = append(all, &errand{world: w, id: i})
	}

	return all
}

// run does a task: it returns, or takes long, or hangs until its context ends or for ever.
func (e *errand) run() {
	w := e.world
	e.runs++

	var err error
	if w.happens("task fails", w.fails) {
		err = errFake
	}

	done := func() {
		e.over, e.answered = true, w.now
		e.failed = err != nil || e.abandoned
		w.step(lifecycle.TaskOver{Task: e.id, Err: err})
	}

	switch n := w.percent("task"); {
	case n < 100-w.drags-w.hangs:
		w.after(w.delay("task takes", 5), done)
	case n < 100-w.hangs:
		w.after(w.delay("task takes long", 150), done)
	case n%2 == 0:
		e.onCancel = func() { w.after(w.delay("task returns after", 5), done) }
	default: // never
	}
}

// taskEffect carries out a decision about a task and checks it.
func (w *world) taskEffect(e lifecycle.Effect) {
	switch e := e.(type) {
	case lifecycle.RunTask:
		w.law.runTask(w.errands[e.Task], e.Deadline)
		w.soon(w.errands[e.Task].run)
	case lifecycle.CancelTask:
		x := w.errands[e.Task]
		if x.cancelled || x.over && !x.answered.Equal(w.now) {
			w.law.brokenf("task %d is cancelled twice or after its end", e.Task)
		}

		x.cancelled = true
		if x.onCancel != nil {
			x.onCancel()
		}
	case lifecycle.AbandonTask:
		x := w.errands[e.Task]
		if x.over && !x.answered.Equal(w.now) || !x.cancelled { // else it was too late by nothing
			w.law.brokenf("task %d is abandoned though it was not cancelled or has returned", e.Task)
		}

		x.abandoned, x.failed = true, true
	}
}

// runTask checks that a task is run in its turn.
func (l *law) runTask(e *errand, deadline time.Time) {
	w := l.world
	spec := w.plan.Tasks[e.id]
	phase := w.machine.Phase()

	if e.runs > 0 || e.skipped {
		l.brokenf("task %s is run twice, or after it was skipped", spec.Name)
	}

	if want := lifecycle.Intake + lifecycle.Phase(spec.Phase-supervision.PhaseIntake); phase != want {
		l.brokenf("task %s is run in %v", spec.Name, phase)
	}

	late := deadline.After(l.limit) && !w.machine.Forced() // which may have come in the same step
	if late || spec.Deadline > 0 && deadline.After(w.now.Add(spec.Deadline)) {
		l.brokenf("task %s is to return by %v", spec.Name, deadline.Sub(w.start))
	}

	if !w.now.Before(l.lines[phase]) || w.machine.Forced() {
		return
	}

	for _, on := range spec.AfterTasks {
		x := w.errands[on]
		if x.skipped || !x.over && !x.abandoned {
			l.brokenf("task %s is run before %s is over, or though it was skipped", spec.Name, w.plan.Tasks[on].Name)
		}

		if x.failed && w.plan.Tasks[on].OnFailure == supervision.Abort {
			l.brokenf("task %s is run though %s has failed", spec.Name, w.plan.Tasks[on].Name)
		}
	}

	past := map[lifecycle.Phase]lifecycle.State{
		lifecycle.Drain: lifecycle.Drained, lifecycle.Flush: lifecycle.Flushed, lifecycle.Close: lifecycle.Stopped,
	}[phase]

	for _, on := range spec.After {
		for id, f := range w.fakes {
			if f != nil && l.within(id, on) && l.state(id) < past && l.state(id) != lifecycle.Idle {
				l.brokenf("task %s is run while %s is %v", spec.Name, f.spec.Path, l.state(id))
			}
		}
	}
}

// tasksAfter checks what must hold between any two steps.
func (l *law) tasksAfter() {
	w := l.world

	for i, v := range w.machine.Tasks() {
		x := w.errands[i]

		if v.State == lifecycle.TaskSkipped && !x.skipped {
			x.skipped = true
			l.skipped(i)
		}

		if v.Phase < w.machine.Phase() && (v.State == lifecycle.TaskWaiting || v.State == lifecycle.TaskRunning) {
			l.brokenf("task %s is %v after its phase", v.Name, v.State)
		}

		if v.State == lifecycle.TaskWaiting && x.runs > 0 || v.State == lifecycle.TaskDone && (!x.over || x.failed) {
			l.brokenf("task %s is %v, it was run %d times", v.Name, v.State, x.runs)
		}
	}
}

// skipped checks that a task was skipped for a reason.
func (l *law) skipped(i int) {
	w := l.world

	for _, on := range w.plan.Tasks[i].AfterTasks {
		x := w.errands[on]
		if x.skipped || w.plan.Tasks[on].OnFailure == supervision.Abort && (x.failed || !x.over || x.answered.Equal(w.now)) {
			return
		}
	}

	l.brokenf("task %s is skipped for no reason", w.plan.Tasks[i].Name)
}
