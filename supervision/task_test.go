package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
)

func doNothing(context.Context) error { return nil }

func task(name string, phase supervision.Phase, after ...*supervision.Task) *supervision.Task {
	return &supervision.Task{Name: name, Phase: phase, AfterTasks: after, Run: doNothing}
}

func TestCompileReportsEverythingThatIsWrongWithTasksAtOnce(t *testing.T) {
	ledger, elsewhere := actor("ledger"), actor("legder")

	listener := task("listener", supervision.PhaseIntake)
	pool := task("pool", supervision.PhaseClose, listener)
	early := task("early", supervision.PhaseFlush, pool)
	early.After = supervision.On(elsewhere, nil)
	intake := task("greeter", supervision.PhaseIntake)
	intake.After = supervision.On(ledger)
	lost := task("lost", supervision.PhaseClose, task("listner", supervision.PhaseClose), nil)
	self := task("self", supervision.PhaseFlush)
	self.AfterTasks = []*supervision.Task{self}
	hen, egg := task("hen", supervision.PhaseFlush), task("egg", supervision.PhaseFlush)
	hen.AfterTasks, egg.AfterTasks = []*supervision.Task{egg}, []*supervision.Task{hen}

	_, err := supervision.Compile(*tree("shop", ledger),
		listener, pool, early, intake, lost, self, hen, egg, nil, pool,
		&supervision.Task{Deadline: -1, OnFailure: 3, Phase: 5}, task("unset", 0),
		task("pool", supervision.PhaseClose), task("a b", supervision.PhaseClose),
		task("..", supervision.PhaseClose), task(strings.Repeat("x", 1000), supervision.PhaseClose),
		task("double", supervision.PhaseClose, task("pool", supervision.PhaseClose)), task("", supervision.PhaseClose),
		task("near", supervision.PhaseClose, task("u", supervision.PhaseClose)))

	assert.Equal(t, []string{
		`tasks: Tasks[8]: is nil`,
		`task:pool: Tasks: the same task is given twice`,
		`task:Tasks[10]: Name: is empty, every task needs one`,
		`task:Tasks[10]: Phase: Phase(5) is not a phase, must be intake, drain, flush or close`,
		`task:Tasks[10]: Deadline: -1ns is negative`,
		`task:Tasks[10]: OnFailure: OnFailure(3) is not a choice, must be recover or abort`,
		`task:Tasks[10]: Run: is nil, must do the task`,
		`task:unset: Phase: unset is not a phase, must be intake, drain, flush or close`,
		`task:pool: Name: "pool" is taken, two tasks have it`,
		`task:a b: Name: "a b" contains a slash or white space`,
		`task:..: Name: ".." is not a name, in a path it means another place`,
		`task:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: Name: is 1000 bytes long, must be 255 at most`,
		`task:Tasks[17]: Name: is empty, every task needs one`,
		`task:early: After[0]: "legder" is not in the tree, did you mean /shop/ledger?`,
		`task:early: After[1]: is nil`,
		`task:early: AfterTasks[0]: task:pool is of the close phase, which is later than flush`,
		`task:greeter: After[0]: /shop/ledger has no part in the intake, which is before the drain of all actors`,
		`task:lost: AfterTasks[0]: "listner" is not among the tasks, did you mean task:listener?`,
		`task:lost: AfterTasks[1]: is nil`,
		`task:self: AfterTasks[0]: is the task itself`,
		`task:double: AfterTasks[0]: "pool" is not among the tasks, task:pool is another of that name`,
		`task:near: AfterTasks[0]: "u" is not among the tasks`,
		`task:egg: AfterTasks: cycle: task:egg → task:hen → task:egg`,
	}, strings.Split(err.Error(), "\n"))
}

func TestTasksAreBounded(t *testing.T) {
	var tasks []*supervision.Task
	for i := range supervision.MaxTasks + 1 {
		tasks = append(tasks, task(strconv.Itoa(i), supervision.PhaseClose))
	}

	_, err := supervision.Compile(*tree("shop"), tasks[1:]...)
	require.NoError(t, err)

	_, err = supervision.Compile(*tree("shop"), tasks...)
	require.EqualError(t, err, "tasks: Tasks: 1001 are too many, there may be 1000")
}

func TestTheDeadlinesOfTasksMustFitTheirPhaseToo(t *testing.T) {
	closing := func(name string, d time.Duration, on ...supervision.Child) *supervision.ActorChild[int] {
		return supervision.Actor(name, newIdle, supervision.Spec{
			DependsOn: on, Deadlines: supervision.Deadlines{Close: d},
		})
	}

	db := closing("db", 2*time.Second)
	web := &supervision.Tree{
		Name: "web", Budget: budget, Children: supervision.On(closing("api", 3*time.Second, db), closing("log", 0)),
	}

	listener := task("listener", supervision.PhaseIntake)
	listener.Deadline = 2 * time.Second
	goodbye := task("goodbye", supervision.PhaseIntake, listener)
	goodbye.Deadline = time.Second
	pool := task("pool", supervision.PhaseClose, listener) // which is of another phase
	pool.After, pool.Deadline = supervision.On(web, db), 4*time.Second
	last := task("last", supervision.PhaseClose, pool)

	plan, err := supervision.Compile(*tree("shop", db, web), listener, goodbye, pool, last)
	require.NoError(t, err)

	require.NoError(t, plan.CheckGrace(supervision.Shares{Intake: 3 * time.Second, Close: 9 * time.Second}))

	assert.EqualError(t, plan.CheckGrace(supervision.Shares{Intake: time.Second, Close: 8 * time.Second}),
		"task:listener: Deadline: along task:listener → task:goodbye they add up to 3s, "+
			"but the phase has 1s of the grace period\n"+
			"/shop/web/api: Deadlines.Close: along /shop/web/api → /shop/db → task:pool they add up to 9s, "+
			"but the phase has 8s of the grace period")

	assert.ErrorContains(t, plan.CheckGrace(supervision.Shares{Intake: time.Minute, Close: 4 * time.Second}),
		"along /shop/web/api → /shop/db → task:pool", "the longest path is the one that is named")
}

// door is a closer that can be closed once.
type door struct {
	open bool
	err  error
}

func (d *door) Close() error {
	if !d.open {
		return d.err
	}

	d.open = false

	return nil
}

func TestACloserThatIsClosedAlreadyIsNoFailure(t *testing.T) {
	db := actor("db")
	d := &door{open: true}
	closer := supervision.CloserTask("door", d, db)

	assert.Equal(t, supervision.PhaseClose, closer.Phase)
	assert.Equal(t, supervision.On(db), closer.After)

	require.NoError(t, closer.Run(t.Context()))
	assert.False(t, d.open)

	for _, closed := range []error{fs.ErrClosed, net.ErrClosed, io.ErrClosedPipe} {
		d.err = fmt.Errorf("door: %w", closed)
		require.NoError(t, closer.Run(t.Context()))
	}

	var none *fs.PathError

	d.err = none // whose Unwrap panics
	require.Same(t, none, closer.Run(t.Context()))

	d.err = errors.New("stuck")
	require.ErrorIs(t, closer.Run(t.Context()), d.err)

	_, err := supervision.Compile(*tree("shop", db), supervision.CloserTask("door", nil))
	require.EqualError(t, err, "task:door: Run: is nil, must do the task")
}

func TestPhasesAndChoicesHaveNames(t *testing.T) {
	assert.Equal(t, "[unset intake drain flush close Phase(5)]", fmt.Sprintf("%v", []supervision.Phase{0, 1, 2, 3, 4, 5}))
	assert.Equal(t, "[unset recover abort OnFailure(3)]", fmt.Sprintf("%v", []supervision.OnFailure{0, 1, 2, 3}))
}
