package system_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func withDependents() system.StopOptions {
	return system.StopOptions{Dependents: system.StopDependents}
}

func paths(r *system.Report) (all []string) {
	for _, a := range r.Actors {
		all = append(all, a.Path)
	}

	return all
}

func TestAPartIsStoppedDependentsFirstWhileTheRestRunsOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		other := declare(&probe{name: "other", diary: d}, supervision.Spec{})
		back := declare(&probe{name: "back", diary: d}, supervision.Spec{Restart: supervision.Permanent})
		middle := declare(&probe{name: "middle", diary: d}, supervision.Spec{DependsOn: supervision.On(back)})
		front := declare(&probe{name: "front", diary: d}, supervision.Spec{DependsOn: supervision.On(middle)})
		s := start(t, tree(&supervision.Tree{
			Name: "sub", Budget: supervision.Budget{Restarts: 1, Within: time.Second},
			Children: supervision.On(back, middle),
		}, front, other), silent())
		<-time.After(time.Minute)

		d.entries = nil

		for _, c := range []*child{back, middle, front} {
			tell(t, s, c, func(*ctxOf) error {
				<-time.After(time.Second)

				return nil
			})
			tell(t, s, c, nothing)
		}

		r, err := s.StopNode(t.Context(), "/test/sub", withDependents())
		require.NoError(t, err)
		checkLaw(t, r)
		assert.True(t, r.Clean)
		assert.Equal(t, 0, r.Exit)
		assert.Equal(t, "/test/sub", r.Part)
		assert.Equal(t, system.Seconds(time.Minute), r.Uptime)
		assert.Equal(t, []string{"/test/sub/back", "/test/sub/middle", "/test/front"}, paths(r))
		assert.Equal(t, uint64(6), r.Total.Processed)
		assert.Equal(t, uint64(2), r.Actors[0].Drained)
		assert.Equal(t, []system.PhaseReport{
			{Name: "drain", Took: system.Seconds(time.Second)},
			{Name: "flush", Began: system.Seconds(time.Second)},
			{Name: "close", Began: system.Seconds(time.Second)},
		}, r.Phases)

		assert.Equal(t, []string{
			"flush front", "close front", "flush middle", "close middle", "flush back", "close back",
		}, d.read())

		require.ErrorIs(t, back.From(s.Intake()).Tell(t.Context(), nothing), mailbox.ErrStopped)
		tell(t, s, other, nothing)

		assert.Equal(t, system.Stopped, health(t, s, "/test/sub").State)
		assert.True(t, s.Health(t.Context()).Ready(), "who ends without a failure and is transient is not missed")

		text, err := json.Marshal(r)
		require.NoError(t, err)
		assert.Contains(t, string(text), `"part":"/test/sub"`)

		_, err = s.StopNode(t.Context(), "/test/sub/back", system.StopOptions{})
		require.ErrorIs(t, err, mailbox.ErrStopped)
		require.EqualError(t, err, "/test/sub/back: stopped")

		r, err = stop(t, s)
		require.NoError(t, err)
		assert.Len(t, r.Actors, 4)
		assert.Empty(t, r.Part)
	})
}

func TestAPartThatOthersDependOnIsNotStoppedUnlessAskedTo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		_, _, back, tree := chain(d)
		s := start(t, tree, silent())

		_, err := s.StopNode(t.Context(), "/test/back", system.StopOptions{})

		refused := new(system.DependentsError)
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, []string{"/test/middle", "/test/front"}, refused.Dependents)
		require.EqualError(t, err, "/test/back: others depend on it: /test/middle, /test/front")
		tell(t, s, back, nothing)

		r, err := s.StopNode(t.Context(), "/test/front", system.StopOptions{Dependents: system.RefuseDependents})
		require.NoError(t, err)
		assert.Equal(t, []string{"/test/front"}, paths(r))

		_, err = s.StopNode(t.Context(), "/test/middle", system.StopOptions{})
		require.NoError(t, err, "who depended on it has ended")

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhatCannotBeStoppedIsAnError(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{})
		s := start(t, tree(a), silent())

		for _, path := range []string{"/test/b", "", "a", "/", "/test/a/"} {
			_, err := s.StopNode(t.Context(), path, system.StopOptions{})
			require.ErrorIs(t, err, system.ErrNoNode, path)
		}

		_, err := s.StopNode(t.Context(), "/test/a", system.StopOptions{Dependents: 3})
		require.EqualError(t, err, "system.StopOptions.Dependents: 3 is not a policy, must be refuse or stop")

		_, err = s.StopNode(nil, "/test/a", system.StopOptions{}) //nolint:staticcheck // on purpose
		require.ErrorIs(t, err, mailbox.ErrNilContext)
		require.EqualError(t, err, "/test/a: StopNode: nil context")

		r, err := s.StopNode(t.Context(), "/test", system.StopOptions{})
		require.NoError(t, err)
		assert.Same(t, s.Report(), r, "the root stands for the system")

		_, err = s.StopNode(t.Context(), "/test/a", system.StopOptions{})
		require.EqualError(t, err, "/test/a: stopped")
		require.ErrorIs(t, err, mailbox.ErrStopped)
	})
}

func TestAPartThatIsStoppedAtOnceLeavesItsQueuesToTheDeadLetters(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(*ctxOf) error {
			<-time.After(time.Second)

			return nil
		})
		synctest.Wait()

		for range 3 {
			tell(t, s, a, nothing)
		}

		r, err := s.StopNode(t.Context(), "/test/a", system.StopOptions{AtOnce: true})
		require.NoError(t, err)
		checkLaw(t, r)
		assert.Equal(t, uint64(1), r.Total.Processed, "the message in hand is finished")
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopped: 3}, r.DeadLetters)
		assert.Equal(t, []string{"start a", "flush a", "close a"}, d.read())

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhoStopsTheSamePartGetsTheSameReport(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d, flush: func(context.Context) error {
			<-time.After(time.Second)

			return errBroken
		}}, supervision.Spec{})
		s := start(t, tree(a), silent())

		ended, cancel := context.WithCancel(t.Context())
		cancel()

		_, err := s.StopNode(ended, "/test/a", system.StopOptions{})
		require.ErrorIs(t, err, context.Canceled)

		var (
			all     sync.WaitGroup
			reports [10]*system.Report
		)

		for i := range reports {
			all.Go(func() {
				r, err := s.StopNode(t.Context(), "/test/a", system.StopOptions{AtOnce: i%2 == 0})
				reports[i] = r

				assert.EqualError(t, err, "/test/a: broken")
				assert.Equal(t, system.ExitFailed, system.ExitCode(err))
			})
		}

		all.Wait()

		for _, r := range reports {
			assert.Same(t, reports[0], r)
		}

		assert.Equal(t, []string{"start a", "flush a", "close a"}, d.read())
		assert.Equal(t, map[string]int{"parting": 0}, system.Parting(s))

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestAShutdownTakesOverThePartsThatAreBeingStopped(t *testing.T) {
	virtual(t, func(t *testing.T) {
		front, _, _, tree := chain(&diary{})
		s := start(t, tree, silent())

		tell(t, s, front, func(*ctxOf) error {
			<-time.After(time.Second)

			return nil
		})

		var all sync.WaitGroup

		all.Go(func() {
			r, err := s.StopNode(t.Context(), "/test/back", withDependents())
			assert.NoError(t, err)
			checkLaw(t, r)
			assert.Len(t, r.Actors, 3)
		})

		synctest.Wait()

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.True(t, r.Clean)
		all.Wait()
	})
}

func TestAnActorDoesNotWaitForItsOwnStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var s *system.System

		front, _, back, tree := chain(&diary{})
		s = start(t, tree, silent())
		got := make(chan error, 1)

		tell(t, s, front, func(ctx *ctxOf) error {
			_, err := s.StopNode(ctx, "/test/back", withDependents())
			got <- err

			return nil
		})
		require.ErrorIs(t, <-got, system.ErrOwnStop)

		r, err := s.StopNode(t.Context(), "/test/back", system.StopOptions{})
		if err == nil { // else it has ended meanwhile
			checkLaw(t, r)
		}

		synctest.Wait()
		require.ErrorIs(t, back.From(s.Intake()).Tell(t.Context(), nothing), mailbox.ErrStopped)

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestAnActorCanWaitForTheStopOfAnother(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var s *system.System

		a := declare(&probe{name: "a"}, supervision.Spec{})
		b := declare(&probe{name: "b"}, supervision.Spec{})
		s = start(t, tree(a, b), silent())
		got := make(chan error, 1)

		tell(t, s, a, func(ctx *ctxOf) error {
			_, err := s.StopNode(ctx, "/test/b", system.StopOptions{})
			got <- err

			return nil
		})
		require.NoError(t, <-got)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAPartIsStoppedInWhateverStateItIs(t *testing.T) {
	hour := supervision.Backoff{Initial: time.Hour, Max: time.Hour}

	for name, c := range map[string]struct {
		child   func(d *diary) *child
		prepare func(t *testing.T, s *system.System, a *child)
		handled uint64
		err     string
	}{
		"backing off with messages": {
			child: func(d *diary) *child { return declare(&probe{name: "a", diary: d}, supervision.Spec{Backoff: hour}) },
			prepare: func(t *testing.T, s *system.System, a *child) {
				t.Helper()
				tell(t, s, a, broken)
				<-time.After(time.Second)
				tell(t, s, a, nothing) // becomes a dead letter
			},
			err: "/test/sub/a: broken",
		},
		"backing off without": {
			child: func(d *diary) *child { return declare(&probe{name: "a", diary: d}, supervision.Spec{Backoff: hour}) },
			prepare: func(t *testing.T, s *system.System, a *child) {
				t.Helper()
				tell(t, s, a, broken)
				<-time.After(time.Second)
			},
			err: "/test/sub/a: broken",
		},
		"starting again": {
			child: func(d *diary) *child {
				first := true

				return declare(&probe{name: "a", diary: d, start: func(*ctxOf) error {
					if !first {
						<-time.After(time.Second)
					}

					first = false

					return nil
				}}, supervision.Spec{Backoff: immediately})
			},
			prepare: func(t *testing.T, s *system.System, a *child) {
				t.Helper()
				tell(t, s, a, broken)
				tell(t, s, a, nothing)
				synctest.Wait()
			},
			handled: 1,
		},
		"failing meanwhile": {
			child: func(d *diary) *child { return declare(&probe{name: "a", diary: d}, supervision.Spec{}) },
			prepare: func(t *testing.T, s *system.System, a *child) {
				t.Helper()
				tell(t, s, a, func(*ctxOf) error {
					<-time.After(time.Second)

					return errBroken
				})
				tell(t, s, a, nothing)
			},
			err: "/test/sub/a: broken",
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				a := c.child(d)
				s := start(t, tree(&supervision.Tree{
					Name: "sub", Budget: supervision.Budget{Restarts: 3, Within: time.Second}, Children: supervision.On(a),
				}), silent())
				c.prepare(t, s, a)

				r, err := s.StopNode(t.Context(), "/test/sub", system.StopOptions{})
				checkLaw(t, r)
				assert.Equal(t, c.handled, r.Total.Processed)

				if c.err == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, c.err)
				}

				_, err = stop(t, s)
				require.NoError(t, err)
			})
		})
	}
}

func TestAPartThatHangsIsAbandonedAndNamed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}})
		s := start(t, tree(a), silent())

		tell(t, s, a, hangs(release))
		tell(t, s, a, nothing)

		begun := time.Now()
		r, err := s.StopNode(t.Context(), "/test/a", system.StopOptions{})
		assert.Equal(t, time.Second, time.Since(begun))
		require.EqualError(t, err, "/test/a: drain did not finish within 1s")
		checkLaw(t, r)
		assert.Equal(t, system.ExitForced, r.Exit)
		require.Len(t, r.Actors[0].Abandoned, 1)
		assert.Contains(t, r.Actors[0].Abandoned[0].Stack, "hangs")

		r, err = stop(t, s)
		require.ErrorIs(t, err, system.ErrHangs)
		assert.Equal(t, system.ExitForced, system.ExitCode(err))
		assert.False(t, r.Clean)

		close(release)
		synctest.Wait()
	})
}

func TestTheReportOfAPoolAndOfAGroupNamesTheirChildren(t *testing.T) {
	virtual(t, func(t *testing.T) {
		pool := supervision.Pool("pool", func(supervision.Deps) (*probe, error) { return &probe{}, nil },
			supervision.PoolSpec[job]{Size: 2, Budget: supervision.Budget{Restarts: 1, Within: time.Second}})
		group := supervision.DynamicGroup("group", func(supervision.Deps, int) (*probe, error) { return &probe{}, nil },
			supervision.GroupSpec{MaxChildren: 3, Budget: supervision.Budget{Restarts: 1, Within: time.Second}})
		s := start(t, tree(pool, group), silent())
		g := group.From(s.Intake())

		for _, name := range []string{"gone", "x", "y"} {
			ref, err := g.Start(t.Context(), name, 0)
			require.NoError(t, err)
			require.NoError(t, ref.Tell(t.Context(), nothing))
		}

		require.NoError(t, g.Stop(t.Context(), "gone"))

		r, err := s.StopNode(t.Context(), "/test/pool", system.StopOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{"/test/pool/1", "/test/pool/2"}, paths(r))

		r, err = s.StopNode(t.Context(), "/test/group/x", system.StopOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{"/test/group/x"}, paths(r))

		r, err = s.StopNode(t.Context(), "/test/group", system.StopOptions{})
		require.NoError(t, err)
		checkLaw(t, r)
		assert.Equal(t, []string{"/test/group/*", "/test/group/y"}, paths(r))
		assert.Equal(t, uint64(3), r.Total.Processed)

		_, err = g.Start(t.Context(), "z", 0)
		require.ErrorIs(t, err, mailbox.ErrStopped)

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhatWasStoppedDoesNotComeBackWithItsSupervisor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Permanent})
		b := declare(&probe{name: "b"}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(&supervision.Tree{
			Name: "sub", Strategy: supervision.AllForOne, Children: supervision.On(a, b), Backoff: immediately,
			Budget: supervision.Budget{Restarts: 1, Within: time.Second},
		}), silent())

		_, err := s.StopNode(t.Context(), "/test/sub/a", system.StopOptions{})
		require.NoError(t, err)
		assert.False(t, s.Health(t.Context()).Ready(), "it is permanent")
		assert.True(t, s.Health(t.Context()).Live())

		for range 2 { // the second is one too many, and the supervisor is restarted
			tell(t, s, b, broken)
			synctest.Wait()
		}

		assert.Equal(t, 1, health(t, s, "/test/sub").Restarts)
		assert.Equal(t, system.Running, health(t, s, "/test/sub/b").State)
		assert.Equal(t, system.Stopped, health(t, s, "/test/sub/a").State)

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestPartsAreStoppedUnderFireAndEverythingIsAccountedFor(t *testing.T) {
	front, _, _, tree := chain(&diary{})
	s := start(t, tree, silent())

	var all sync.WaitGroup

	for range 8 {
		ref := front.From(s.Intake())

		all.Go(func() {
			for ref.Tell(t.Context(), nothing) == nil { //nolint:revive // until it is refused
			}
		})
	}

	for _, path := range []string{"/test/middle", "/test/back", "/test/front", "/test/middle"} {
		all.Go(func() {
			r, err := s.StopNode(t.Context(), path, withDependents())
			if err == nil {
				checkLaw(t, r)
			} else {
				assert.ErrorIs(t, err, mailbox.ErrStopped)
			}
		})
	}

	all.Wait()

	r, err := stop(t, s)
	require.NoError(t, err)
	assert.True(t, r.Clean)
}
