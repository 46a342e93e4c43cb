package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// task is a task that takes half a second.
func (d *diary) task(name string, phase supervision.Phase, after ...*supervision.Task) *supervision.Task {
	return &supervision.Task{Name: name, Phase: phase, AfterTasks: after, Run: func(context.Context) error {
		d.note("begin " + name)
		<-time.After(time.Second / 2)
		d.note("end " + name)

		return nil
	}}
}

func with(tasks ...*supervision.Task) system.Options {
	options := silent()
	options.Tasks = tasks

	return options
}

func TestTasksRunInTheirPhasesAndInTheirOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		front, _, back, tree := chain(d)

		listener := d.task("listener", supervision.PhaseIntake)
		bye := d.task("bye", supervision.PhaseIntake, listener)
		mark := d.task("mark", supervision.PhaseFlush)
		pool := d.task("pool", supervision.PhaseClose)
		pool.After = supervision.On(back)
		last := d.task("last", supervision.PhaseClose, pool, listener)

		s := start(t, tree, with(last, pool, mark, bye, listener))
		d.entries = nil

		var all sync.WaitGroup

		for range 10 { // however many ask for it, each is run once
			all.Go(func() { _, _ = s.Shutdown(t.Context()) })
		}

		<-time.After(time.Second * 3 / 4)
		tell(t, s, front, func(*ctxOf) error { // the intake closes when its tasks are over
			d.note("work")

			return nil
		})
		synctest.Wait()
		assert.Equal(t, []string{"begin listener", "end listener", "begin bye", "work"}, d.read())
		assert.False(t, s.Health(t.Context()).Ready())

		<-time.After(time.Second / 2)
		require.ErrorIs(t, front.From(s.Intake()).Tell(t.Context(), nothing), mailbox.ErrStopping)

		all.Wait()

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.True(t, r.Clean)
		assert.Equal(t, []string{
			"begin listener", "end listener", "begin bye", "work", "end bye", "begin mark", "flush front", "flush middle",
			"flush back", "end mark", "close front", "close middle", "close back", "begin pool", "end pool", "begin last",
			"end last",
		}, sortFlush(d.read()))

		assert.Equal(t, uint64(1), r.Actors[2].Drained, "what it handled since the shutdown began")
		assert.Equal(t, system.TaskReport{
			Name: "pool", Phase: "close", State: "done",
			Began: system.Seconds(3 * time.Second / 2), Took: system.Seconds(time.Second / 2),
		}, r.Tasks[1])
	})
}

// sortFlush puts a task that begins with the flush phase before the hooks, with which it runs side by side.
func sortFlush(all []string) []string {
	for i, e := range all {
		if e == "begin mark" {
			for ; i > 0 && all[i-1] != "end bye"; i-- {
				all[i-1], all[i] = all[i], all[i-1]
			}
		}
	}

	return all
}

func TestATaskThatFailsCostsNobodyElseAnything(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(context.Context) error
		want string
	}{
		"error":  {func(context.Context) error { return errBroken }, "broken"},
		"panic":  {func(context.Context) error { panic("oh") }, "panic: oh"},
		"Goexit": {func(context.Context) error { runtime.Goexit(); return nil }, "has ended its goroutine"},
		"nil panic": {
			func(context.Context) error { panic(nil) }, //nolint:govet // on purpose
			"panic: panic called with nil argument",
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				fails := &supervision.Task{Name: "fails", Phase: supervision.PhaseFlush, Run: c.run}
				next := d.task("next", supervision.PhaseFlush, fails)
				aborts := &supervision.Task{
					Name: "aborts", Phase: supervision.PhaseFlush, OnFailure: supervision.Abort, Run: c.run,
					AfterTasks: []*supervision.Task{next},
				}
				skipped := d.task("skipped", supervision.PhaseClose, aborts)
				also := d.task("also", supervision.PhaseClose, skipped)
				s := start(t, tree(declare(&probe{name: "a", diary: d}, supervision.Spec{})),
					with(fails, next, aborts, skipped, also))

				r, err := stop(t, s)
				require.EqualError(t, err, "task:fails: "+c.want+"\ntask:aborts: "+c.want)
				assert.False(t, r.Clean)
				assert.Contains(t, d.read(), "end next")
				assert.Contains(t, d.read(), "close a")
				assert.NotContains(t, d.read(), "begin skipped")
				assert.NotContains(t, d.read(), "begin also")

				states := make(map[string]string)
				for _, task := range r.Tasks {
					states[task.Name] = task.State
				}

				assert.Equal(t, map[string]string{
					"fails": "failed", "next": "done", "aborts": "failed", "skipped": "skipped", "also": "skipped",
				}, states)
				assert.Equal(t, c.want, r.Tasks[0].Error)

				if name == "panic" {
					panicked := new(actors.PanicError)
					require.ErrorAs(t, err, &panicked)
					assert.Contains(t, panicked.Stack.String(), "TestATaskThatFailsCostsNobodyElseAnything")
				}

				var table bytes.Buffer
				_, err = r.WriteTo(&table)
				require.NoError(t, err)
				assert.Contains(t, table.String(), "skipped  close  skipped")

				text, err := json.Marshal(r)
				require.NoError(t, err)
				assert.Contains(t, string(text),
					`{"name":"next","phase":"flush","state":"done","began_seconds":0,"took_seconds":0.5}`)
			})
		})
	}
}

// hangInATask stands out in a stack.
func hangInATask(until <-chan struct{}) { <-until }

func TestATaskThatHangsIsCutNamedAndTheNextGetsItsShare(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		release := make(chan struct{})

		var cause error

		hangs := &supervision.Task{
			Name: "hangs", Phase: supervision.PhaseIntake, Deadline: time.Second,
			Run: func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				assert.Equal(t, 900*time.Millisecond, time.Until(deadline))
				<-ctx.Done()
				assert.Zero(t, time.Until(deadline))

				cause = context.Cause(ctx)

				hangInATask(release)

				return nil
			},
		}
		next := d.task("next", supervision.PhaseIntake, hangs)
		next.Deadline = time.Second
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		s := start(t, tree(a), with(hangs, next))

		begun := time.Now()
		r, err := stop(t, s)
		require.EqualError(t, err, "task:hangs: intake did not finish within 1s")
		assert.Equal(t, time.Second*3/2, time.Since(begun))
		assert.Equal(t, "done", r.Tasks[1].State)

		assert.Equal(t, "abandoned", r.Tasks[0].State)
		assert.True(t, r.Tasks[0].Hangs)
		assert.Contains(t, r.Tasks[0].Stack, "hangInATask")
		assert.Equal(t, uint64(1), s.Events().Count(supervision.Abandoned))

		var table bytes.Buffer
		_, err = r.WriteTo(&table)
		require.NoError(t, err)
		assert.Contains(t, table.String(), "abandoned: task:hangs, in intake:\n")
		assert.Contains(t, d.read(), "close a")

		close(release)
		synctest.Wait()
		require.ErrorContains(t, cause, "intake did not finish within 1s")
	})
}

func TestTasksRunAlsoIfTheTreeDoesNotStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		b := declare(&probe{name: "b", start: func(*ctxOf) error { return errBroken }}, supervision.Spec{})
		pool := d.task("pool", supervision.PhaseClose)
		pool.After = supervision.On(a)

		_, err := system.Start(t.Context(), tree(a, b), with(d.task("listener", supervision.PhaseIntake), pool))
		require.EqualError(t, err, "/test/b: broken")
		assert.Equal(t, []string{
			"start a", "close a", "begin listener", "end listener", "begin pool", "end pool",
		}, d.read())
	})
}

func TestTasksAndSharesAreCheckedWithTheTree(t *testing.T) {
	options := with(&supervision.Task{Name: "pool"})
	options.Shares = supervision.Shares{Intake: -1, Drain: 11 * time.Second, Close: time.Second}

	_, err := system.Start(t.Context(), supervision.Tree{Name: "test"}, options)
	require.EqualError(t, err, "system.Options.Shares.Intake: -1ns is negative\n"+
		"system.Options.Shares.Flush: is not set, must be as the others are\n"+
		"system.Options.Shares: they add up to 2s more than Grace, 10s\n"+
		"/test: Budget: is not set, every supervisor needs one\n"+
		"task:pool: Phase: unset is not a phase, must be intake, drain, flush or close\n"+
		"task:pool: Run: is nil, must do the task")

	options = with(&supervision.Task{
		Name: "pool", Phase: supervision.PhaseIntake, Deadline: 2*time.Second + 1,
		Run: func(context.Context) error { return nil },
	})
	_, err = system.Start(t.Context(), tree(), options)
	require.EqualError(t, err, "task:pool: Deadline: along task:pool they add up to 2.000000001s, "+
		"but the phase has 2s of the grace period")
}

func TestThePhasesHaveTheSharesThatAreSet(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{})
		options := silent()
		options.Shares = supervision.Shares{Drain: 2 * time.Second, Flush: time.Second, Close: 7 * time.Second}
		s := start(t, tree(a), options)

		tell(t, s, a, hangs(release))

		begun := time.Now()
		r, err := stop(t, s)
		require.ErrorContains(t, err, "/test/a: drain did not finish within 2s")
		assert.Equal(t, 2*time.Second, time.Since(begun))
		assert.Len(t, r.Actors[0].Abandoned, 1)

		close(release)
		synctest.Wait()
	})
}
