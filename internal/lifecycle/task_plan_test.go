package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/supervision"
)

// taskLines are the tasks of a tree that is written as lines.
type taskLines struct {
	all    []*supervision.Task
	fields []map[string]string
}

func (l *taskLines) add(name string, fields map[string]string) {
	l.fields = append(l.fields, fields)
	l.all = append(l.all, &supervision.Task{
		Name: name, Deadline: durationOf(fields["deadline"]), Run: func(context.Context) error { return nil },
		Phase: map[string]supervision.Phase{
			"intake": supervision.PhaseIntake, "drain": supervision.PhaseDrain, "flush": supervision.PhaseFlush,
			"close": supervision.PhaseClose,
		}[fields["phase"]],
		OnFailure: map[string]supervision.OnFailure{"abort": supervision.Abort}[fields["failure"]],
	})
}

// link resolves what the tasks come after.
func (l *taskLines) link(made map[string]supervision.Child) []*supervision.Task {
	for i, t := range l.all {
		for _, path := range namesOf(l.fields[i]["after"]) {
			t.After = append(t.After, made[path])
		}

		for _, name := range namesOf(l.fields[i]["tasks"]) {
			at := slices.IndexFunc(l.all, func(t *supervision.Task) bool { return t.Name == name })
			t.AfterTasks = append(t.AfterTasks, l.all[at])
		}
	}

	return l.all
}

// taskOver is "over NAME [ERROR…]".
func (s *stage) taskOver(args []string) {
	in := lifecycle.TaskOver{Task: slices.IndexFunc(s.plan.Tasks, func(t supervision.PlannedTask) bool {
		return t.Name == args[0]
	})}

	if len(args) > 1 {
		in.Err = errors.New(strings.Join(args[1:], " "))
	}

	s.step(in)
}
