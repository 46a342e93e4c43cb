package system_test

import (
	"context"
	"errors"
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

// health returns how the node at a path is.
func health(t *testing.T, s *system.System, path string) *system.NodeHealth {
	t.Helper()

	h, ok := s.Health(t.Context()).Find(path)
	require.True(t, ok, "no node %s", path)

	return h
}

func TestRestartTypesDecideWhoComesBack(t *testing.T) {
	stops := func(ctx *actors.Context[job]) error {
		ctx.Stop()

		return nil
	}
	resumes := func(*actors.Context[job]) error { return errResume }
	panics := func(*actors.Context[job]) error { panic("at the disco") }

	for name, c := range map[string]struct {
		restart supervision.Restart
		end     job
		back    bool
	}{
		"a permanent child comes back after an error": {supervision.Permanent, broken, true},
		"a permanent child comes back after a panic":  {supervision.Permanent, panics, true},
		"a permanent child comes back after its stop": {supervision.Permanent, stops, true},
		"a transient child comes back after an error": {supervision.Transient, broken, true},
		"a transient child comes back after a panic":  {supervision.Transient, panics, true},
		"a transient child stays away after its stop": {supervision.Transient, stops, false},
		"an unset type is transient after an error":   {0, broken, true},
		"an unset type is transient after its stop":   {0, stops, false},
		"a temporary child stays away after an error": {supervision.Temporary, broken, false},
		"a temporary child stays away after its stop": {supervision.Temporary, stops, false},
		"a temporary child stays away after a panic":  {supervision.Temporary, panics, false},
		"a directive to resume keeps the instance":    {supervision.Permanent, resumes, true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				a := declare(&probe{name: "a", diary: d}, supervision.Spec{Restart: c.restart, Decide: decide})
				s := start(t, tree(a), silent())

				tell(t, s, a, c.end)
				<-time.After(time.Minute) // any back-off is over

				h := health(t, s, "/test/a")
				if c.back {
					assert.Equal(t, system.Running, h.State)
					tell(t, s, a, nothing)
				} else {
					assert.Contains(t, []system.State{system.Stopped, system.Failed}, h.State)
					require.ErrorIs(t, a.From(s.Intake()).Tell(t.Context(), nothing), mailbox.ErrStopped)
				}

				_, err := stop(t, s)
				require.NoError(t, err)
				assert.Equal(t, count(d.read(), "start a"), count(d.read(), "close a"), "each instance is closed once")
			})
		})
	}
}

var (
	errResume   = errors.New("resume")
	errEscalate = errors.New("escalate")
	errStop     = errors.New("stop")
)

func decide(err error) supervision.Directive {
	switch {
	case errors.Is(err, errResume):
		return supervision.ResumeChild
	case errors.Is(err, errEscalate):
		return supervision.EscalateFailure
	case errors.Is(err, errStop):
		return supervision.StopChild
	default:
		return 0
	}
}

func TestTheQueueAndTheReferenceSurviveARestart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: time.Second, Max: time.Second},
		})
		s := start(t, tree(a), silent())
		ref := a.From(s.Intake())
		pid := ref.PID()
		incarnations := make(chan uint64, 4)

		require.NoError(t, ref.Tell(t.Context(), broken))

		for range 3 {
			require.NoError(t, ref.Tell(t.Context(), func(ctx *actors.Context[job]) error {
				incarnations <- ctx.Incarnation()

				return nil
			}))
		}

		synctest.Wait()
		assert.LessOrEqual(t, health(t, s, "/test/a").Queued, 3)
		<-time.After(time.Second) // the back-off is at most that long
		synctest.Wait()

		for range 3 {
			assert.Equal(t, uint64(2), <-incarnations)
		}

		assert.Same(t, pid, ref.PID())

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.DeadLetters[mailbox.Failed])
	})
}

func TestAnExhaustedBudgetAtTheRootShutsDownInOrderAndIsWhatRunReturns(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		bad := declare(&probe{name: "bad", diary: d}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: supervision.Immediately},
		})
		good := declare(&probe{name: "good", diary: d}, supervision.Spec{DependsOn: supervision.On(bad)})
		s := start(t, tree(bad, good), silent())

		tell(t, s, good, nothing)

		for range 4 { // the budget is 3 within 10 s
			tell(t, s, bad, broken)
		}

		<-s.Done()

		r := s.Report()
		checkLaw(t, r)

		var budget *supervision.BudgetError

		require.ErrorAs(t, r.Err(), &budget)
		assert.Equal(t, "/test", budget.Path)
		assert.Len(t, budget.Failures, 4)
		require.ErrorIs(t, r.Err(), errBroken)
		require.ErrorContains(t, s.Wait(t.Context()), "/test: restart budget exhausted: more than 3 restarts within 10s")
		assert.Empty(t, r.Actors[1].Close.Error)
		assert.Contains(t, d.read(), "flush good")
		assert.Contains(t, d.read(), "close good")
		assert.Equal(t, 3, r.Actors[0].Restarts)
	})
}

func TestTheBudgetIsASlidingWindowExactToTheNanosecond(t *testing.T) {
	const s = time.Second

	for name, c := range map[string]struct {
		failures []time.Duration // when
		over     bool
	}{
		"one nanosecond early the oldest still counts":   {[]time.Duration{0, 4 * s, 8 * s, 10*s - 1}, true},
		"on time the oldest has left the window":         {[]time.Duration{0, 4 * s, 8 * s, 10 * s}, false},
		"and so does the next, one nanosecond early":     {[]time.Duration{0, 4 * s, 8 * s, 10 * s, 14*s - 1}, true},
		"it leaves the window on time":                   {[]time.Duration{0, 4 * s, 8 * s, 10 * s, 14 * s}, false},
		"all at once count until the window has passed":  {[]time.Duration{0, 0, 0, 10*s - 1}, true},
		"all at once leave the window at the same time ": {[]time.Duration{0, 0, 0, 10 * s, 10 * s, 10 * s}, false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := declare(&probe{name: "a"}, supervision.Spec{
					Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: supervision.Immediately},
				})
				sys := start(t, tree(a), silent())
				began := time.Now()

				for _, at := range c.failures {
					<-time.After(time.Until(began.Add(at)))
					tell(t, sys, a, broken)
					synctest.Wait()
				}

				_, err := stop(t, sys)
				assert.Equal(t, c.over, err != nil, "%v", err)
			})
		})
	}
}

func TestANestedSupervisorThatGivesUpIsRestartedByItsParent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		immediately := supervision.Backoff{Initial: supervision.Immediately}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{Restart: supervision.Permanent, Backoff: immediately})
		b := declare(&probe{name: "b", diary: d}, supervision.Spec{DependsOn: supervision.On(a)})
		outside := declare(&probe{name: "outside", diary: d}, supervision.Spec{})
		group := &supervision.Tree{
			Name: "group", Budget: supervision.Budget{Restarts: 1, Within: time.Minute},
			Children: supervision.On(a, b), Backoff: immediately,
		}
		s := start(t, tree(outside, group), silent())

		tell(t, s, a, broken)
		tell(t, s, a, broken)
		tell(t, s, a, nothing) // waits through both restarts
		synctest.Wait()

		assert.Equal(t, []string{
			"start outside", "start a", "start b",
			"close a", "start a", // the first failure, within the group's budget
			"close a", "close b", "start a", "start b", // the second: the whole group
		}, d.read())
		assert.Equal(t, 1, health(t, s, "/test/group").Restarts)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.Processed)
	})
}

func TestDirectivesStopAndEscalate(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Permanent, Decide: decide})
		b := declare(&probe{name: "b"}, supervision.Spec{Restart: supervision.Permanent, Decide: decide})
		s := start(t, tree(a, b), silent())

		tell(t, s, a, func(*actors.Context[job]) error { return errStop })
		synctest.Wait()
		assert.Equal(t, system.Failed, health(t, s, "/test/a").State)

		tell(t, s, b, func(*actors.Context[job]) error { return errEscalate })
		<-s.Done()
		checkLaw(t, s.Report())
		require.ErrorIs(t, s.Report().Err(), errEscalate)
	})
}

func TestAnAbandonedIncarnationIsFencedAndItsSuccessorWorks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var stale actors.Ref[job] // the reference of the first incarnation

		other := declare(&probe{name: "other"}, supervision.Spec{})
		release, result := make(chan struct{}), make(chan error, 2)
		a := supervision.Actor("a", func(in supervision.Deps) (*probe, error) {
			ref := other.From(in)
			if stale == (actors.Ref[job]{}) {
				stale = ref
			}

			return &probe{name: "a", closes: func(context.Context) error { return nil }}, nil
		}, supervision.Spec{
			Restart: supervision.Permanent, DependsOn: supervision.On(other),
			Backoff:   supervision.Backoff{Initial: supervision.Immediately},
			Deadlines: supervision.Deadlines{Close: time.Second},
		})
		s := start(t, tree(other, a), silent())

		// A goroutine of the actor does not come back after the actor has failed.
		require.NoError(t, a.From(s.Intake()).Tell(t.Context(), func(ctx *actors.Context[job]) error {
			if err := ctx.Go(func(context.Context) error {
				<-release
				result <- stale.Tell(t.Context(), nothing)
				result <- stale.TryTell(nothing)

				return nil
			}); err != nil {
				return err
			}

			return errBroken
		}))

		began := time.Now()
		successor := make(chan uint64, 1)

		require.NoError(t, a.From(s.Intake()).Tell(t.Context(), func(ctx *actors.Context[job]) error {
			successor <- ctx.Incarnation()

			return nil
		}))
		assert.Equal(t, uint64(2), <-successor)
		assert.Equal(t, time.Second, time.Since(began), "not one nanosecond before its deadline")
		assert.Len(t, health(t, s, "/test/a").Abandoned, 1)

		close(release)
		require.ErrorIs(t, <-result, actors.ErrAbandoned)
		require.ErrorIs(t, <-result, actors.ErrAbandoned)
		synctest.Wait()
		assert.Empty(t, health(t, s, "/test/a").Abandoned, "it has come back and left the health tree")

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Empty(t, r.Actors[1].Abandoned)
		assert.Equal(t, 1, r.Actors[1].EverAbandoned)
	})
}

func TestHealthAsksTheActorBetweenTwoMessages(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a", health: func() error { return errBroken }}, supervision.Spec{})
		s := start(t, tree(a), silent())

		h := health(t, s, "/test/a")
		assert.Equal(t, system.Degraded, h.State)
		require.ErrorIs(t, h.Degraded, errBroken)

		release := make(chan struct{})
		tell(t, s, a, hangs(release))
		synctest.Wait() // it is in hand

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, s.Health(ctx).Children[0].Degraded, context.DeadlineExceeded)

		close(release)
		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAStaleOrderDoesNotReachTheSuccessor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		immediately := supervision.Backoff{Initial: supervision.Immediately}
		a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Permanent, Backoff: immediately})
		b := declare(&probe{name: "b"}, supervision.Spec{Restart: supervision.Permanent, Backoff: immediately})
		group := &supervision.Tree{
			Name: "group", Budget: supervision.Budget{Restarts: 0, Within: time.Second}, Children: supervision.On(a, b),
			Backoff: immediately,
		}
		s := start(t, tree(group), silent())

		tell(t, s, a, func(*actors.Context[job]) error {
			<-time.After(time.Second)

			return errBroken // while it is being halted because of b
		})
		synctest.Wait() // it is in hand
		tell(t, s, b, broken)
		<-time.After(2 * time.Second)

		assert.Equal(t, uint64(2), health(t, s, "/test/group/a").Incarnation)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAnActorWhoseIncarnationsHangOneAfterTheOtherStopsTheSystem(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: supervision.Immediately},
			Deadlines: supervision.Deadlines{Close: 20 * time.Second}, // slower than the budget forgets
		})
		s := start(t, tree(a), patient(100*time.Second))

		for range supervision.MaxAbandoned {
			tell(t, s, a, func(ctx *actors.Context[job]) error {
				require.NoError(t, ctx.Go(func(context.Context) error {
					<-release

					return nil
				}))

				return errBroken
			})
		}

		<-s.Done()
		checkLaw(t, s.Report())
		require.ErrorIs(t, s.Report().Err(), supervision.ErrHanging)
		assert.Len(t, s.Report().Actors[0].Abandoned, supervision.MaxAbandoned)
		close(release)
		synctest.Wait()
	})
}

func TestAGoroutineThatFailsWhileItsActorStopsIsNotSwallowed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *actors.Context[job]) error {
			require.NoError(t, ctx.Go(func(work context.Context) error {
				<-work.Done()

				return errBroken
			}))

			return nil
		})
		synctest.Wait()

		r, err := stop(t, s)
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, "/test/a")
		assert.False(t, r.Clean)
		assert.Equal(t, "broken", r.Actors[0].Drain.Error)
		assert.Equal(t, []string{"start a", "flush a", "close a"}, d.read(), "its hooks run all the same")
	})
}

func TestADrainThatIsCutStillFlushesAnActorThatHeedsItsContext(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *actors.Context[job]) error {
			<-ctx.Done()

			return ctx.Err()
		})
		tell(t, s, a, nothing)

		r, err := stop(t, s)
		require.ErrorContains(t, err, "drain did not finish within 6s")
		assert.Equal(t, uint64(2), r.Total.DeadLettered[mailbox.Deadline])
		assert.Equal(t, []string{"start a", "flush a", "close a"}, d.read())
	})
}
