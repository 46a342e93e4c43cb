package system

import (
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// taskLife stands in the labels of a task's goroutine for its incarnation: it has one life.
const taskLife = 1

var errTaskExited = errors.New("has ended its goroutine")

// runTask runs a task of the shutdown on a goroutine of its own, which ends when the task returns. Called with mu held.
func (c *conductor) runTask(e lifecycle.RunTask) {
	if c.tasks == nil {
		c.tasks = make([]context.CancelCauseFunc, len(c.system.plan.Tasks))
	}

	ctx, cancel := context.WithCancelCause(background)
	c.tasks[e.Task] = cancel

	go c.work(due{ctx, e.Deadline}, e.Task)
}

// due is a context that says when it is going to end; the machine sees to it that it does.
type due struct {
	context.Context //nolint:containedctx // it is one

	deadline time.Time
}

// Deadline implements [context.Context].
func (d due) Deadline() (time.Time, bool) { return d.deadline, true }

// work is the goroutine of a task.
func (c *conductor) work(ctx context.Context, task int) {
	err := errTaskExited

	defer func() {
		c.do(func() lifecycle.Input {
			c.tasks[task](nil)
			delete(c.stuck, taskPlace(task))

			return lifecycle.TaskOver{Task: task, Err: err}
		})
	}()

	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()

	spec := &c.system.plan.Tasks[task]

	pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels(
		node.LabelActor, supervision.TaskPath(spec.Name), node.LabelSince, "1")))

	err = spec.Run(ctx)
}

// panicked returns a panic as an error. It is to be called by the deferred function that has recovered it.
func panicked(v any) error {
	const (
		skip  = 3 // Callers, this and the deferred function
		calls = 64
	)

	stack := make(actors.Stack, calls)

	return &actors.PanicError{Value: v, Stack: stack[:runtime.Callers(skip, stack)]}
}

// taskPlace is where a task hangs: no actor has such an id.
func taskPlace(task int) place { return place{id: -1 - task, incarnation: taskLife} }

// TaskReport is how one task of the shutdown went.
type TaskReport struct {
	// Name of the task.
	Name string `json:"name"`
	// Phase it belongs to.
	Phase string `json:"phase"`
	// State: done, failed, abandoned, or skipped because one before it failed that is to abort.
	State string `json:"state"`
	// Began is the time since the shutdown began.
	Began Seconds `json:"began_seconds"`
	// Took is how long it lasted.
	Took Seconds `json:"took_seconds"`
	// Error is what it returned, or that it ran out of time.
	Error string `json:"error,omitempty"`
	// Stack is where it hung when it was abandoned; empty if it has come back.
	Stack string `json:"stack,omitempty"`
	// Hangs says that it was abandoned and has not come back.
	Hangs bool `json:"hangs,omitempty"`
}

// taskReports returns how the tasks went.
func taskReports(all []lifecycle.TaskView, hanging map[place]stuck, start time.Time) []TaskReport {
	if len(all) == 0 {
		return nil
	}

	reports := make([]TaskReport, 0, len(all))

	for i := range all {
		t := &all[i]
		r := TaskReport{
			Name: t.Name, Phase: t.Phase.String(), State: t.State.String(), Stack: hanging[taskPlace(i)].stack, Hangs: t.Hangs,
		}

		if !t.Step.Began.IsZero() {
			ran := stepReport(&t.Step, start)
			r.Began, r.Took, r.Error = ran.Began, ran.Took, ran.Error
		}

		reports = append(reports, r)
	}

	return reports
}
