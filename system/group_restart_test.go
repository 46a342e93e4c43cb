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

func TestASiblingThatCrashesWhileItsGroupIsHaltedIsAnAttemptOfItsOwn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		wait := func(context.Context) error { <-time.After(time.Second); return nil }
		a := declare(&probe{name: "a", diary: d}, quick())
		b := declare(&probe{name: "b", diary: d, closes: wait}, quick())
		c := declare(&probe{name: "c", diary: d, closes: wait}, quick())
		all := tree(a, b, c)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, c, broken)
		<-time.After(time.Second / 2) // c is still being closed
		tell(t, s, b, broken)
		<-time.After(5 * time.Second)
		assert.Equal(t, []string{"close c", "close b", "close a", "start a", "start b", "start c"}, d.read()[3:])
		assert.Equal(t, 1, health(t, s, "/test").RestartsLeft)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAChildThatDoesNotStartInARestartOfItsGroupIsAnAttemptOfItsOwn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		failing := 1
		a := declare(&probe{name: "a", diary: d}, quick())
		b := declare(&probe{name: "b", diary: d, start: func(ctx *ctxOf) error {
			if ctx.Incarnation() == 2 && failing > 0 {
				failing--

				return errBroken
			}

			return nil
		}}, quick())
		c := declare(&probe{name: "c", diary: d}, quick())
		all := tree(a, b, c)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, a, nothing)
		tell(t, s, c, broken)
		synctest.Wait()
		assert.Equal(t, []string{
			"close c", "close b", "close a", "start a", "start b", // which fails: a is brought down again
			"close b", "close a", "start a", "start b", "start c",
		}, d.read()[3:])
		assert.Equal(t, 1, health(t, s, "/test").RestartsLeft, "a start that fails counts")
		assert.Equal(t, 1, health(t, s, "/test/b").Restarts)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.Processed)
	})
}

func TestAShutdownDuringTheRestartOfAGroupWorksTheQueuesOff(t *testing.T) {
	for name, at := range map[string]time.Duration{
		"while it is halted":          500 * time.Millisecond,
		"while the halted are closed": 1500 * time.Millisecond,
		"while it is started":         3500 * time.Millisecond,
		"when it has just begun":      0,
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var children []supervision.Child

				for _, n := range []string{"a", "b", "c"} {
					children = append(children, declare(&probe{
						name:   n,
						start:  func(*ctxOf) error { <-time.After(time.Second); return nil },
						closes: func(context.Context) error { <-time.After(time.Second); return nil },
					}, quick()))
				}

				all := tree(children...)
				all.Strategy = supervision.AllForOne
				options := silent()
				options.Grace = time.Minute
				s := start(t, all, options)

				for _, c := range children {
					who, ok := c.(*child)
					require.True(t, ok)

					if who.From(s.Intake()).Path() == "/test/c" {
						tell(t, s, who, broken)
					} else {
						tell(t, s, who, func(*ctxOf) error { <-time.After(time.Millisecond); return nil })
					}

					for range 50 {
						tell(t, s, who, nothing)
					}
				}

				<-time.After(at)

				r, err := stop(t, s)
				require.NoError(t, err)
				assert.Equal(t, uint64(152), r.Total.Processed, "nothing is lost")
				assert.Equal(t, uint64(1), r.Total.Failed)
				assert.Empty(t, r.Total.DeadLettered)
			})
		})
	}
}

func TestRunReturnsTheWholePathFromTheLeafToTheRoot(t *testing.T) {
	virtual(t, func(t *testing.T) {
		leaf := declare(&probe{name: "leaf"}, quick())
		inner := &supervision.Tree{
			Name: "inner", Budget: supervision.Budget{Restarts: 1, Within: time.Hour}, Backoff: immediately,
			Strategy: supervision.AllForOne, Children: supervision.On(leaf),
		}
		outer := &supervision.Tree{
			Name: "outer", Budget: supervision.Budget{Restarts: 0, Within: time.Hour}, Backoff: immediately,
			Children: supervision.On(inner),
		}
		all := tree(outer)
		all.Budget.Restarts = 0
		s := start(t, all, silent())

		tell(t, s, leaf, func(*ctxOf) error { return mailbox.ErrNilContext }) // some other error
		tell(t, s, leaf, func(*ctxOf) error { panic(errBroken) })

		err := s.Wait(t.Context())

		var (
			budget *supervision.BudgetError
			panics *actors.PanicError
		)

		for _, path := range []string{"/test", "/test/outer"} {
			require.ErrorAs(t, err, &budget)
			assert.Equal(t, path, budget.Path)
			require.Len(t, budget.Failures, 1)

			err = budget.Failures[0]
			require.ErrorIs(t, err, errBroken)
			require.ErrorAs(t, err, &panics)
		}

		require.ErrorAs(t, err, &budget)
		assert.Equal(t, "/test/outer/inner", budget.Path)
		require.Len(t, budget.Failures, 2, "all that counted, oldest first")
		require.ErrorIs(t, budget.Failures[0], mailbox.ErrNilContext)
		require.ErrorIs(t, budget.Failures[1], errBroken)

		for _, f := range budget.Failures {
			var failure *supervision.FailureError

			require.ErrorAs(t, f, &failure)
			assert.Equal(t, "/test/outer/inner/leaf", failure.Path)
		}

		assert.EqualError(t, s.Report().Err(),
			"/test: restart budget exhausted: more than 0 restarts within 10s; last failure: "+
				"/test/outer: restart budget exhausted: more than 0 restarts within 1h0m0s; last failure: "+
				"/test/outer/inner: restart budget exhausted: more than 1 restarts within 1h0m0s; last failure: "+
				"/test/outer/inner/leaf: panic: broken")
	})
}

func TestAnAbandonedMemberOfAGroupIsFencedAndDoesNotHoldItUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		other := declare(&probe{name: "other"}, quick())
		release, result := make(chan struct{}), make(chan error, 3)

		var stale actors.Ref[job]

		stuck := supervision.Actor("stuck", func(in supervision.Deps) (*probe, error) {
			ref := other.From(in)
			if stale == (actors.Ref[job]{}) {
				stale = ref
			}

			return &probe{name: "stuck"}, nil
		}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: immediately, DependsOn: supervision.On(other),
			Deadlines: supervision.Deadlines{Close: time.Second},
		})
		bad := declare(&probe{name: "bad"}, quick())
		all := tree(other, stuck, bad)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, stuck, func(ctx *ctxOf) error {
			<-release
			result <- stale.TryTell(nothing)
			result <- ctx.Go(func(context.Context) error { return nil })
			result <- ctx.Err()

			return errBroken
		})
		tell(t, s, stuck, nothing) // for the successor
		synctest.Wait()

		began := time.Now()
		tell(t, s, bad, broken)
		synctest.Wait()
		assert.Equal(t, uint64(1), health(t, s, "/test/other").Incarnation, "the group waits")
		<-time.After(time.Second - 1)
		synctest.Wait()
		assert.Empty(t, health(t, s, "/test/stuck").Abandoned, "not one nanosecond before its deadline")
		<-time.After(1)
		synctest.Wait()
		assert.Equal(t, time.Second, time.Since(began))

		h := health(t, s, "/test/stuck")
		assert.Len(t, h.Abandoned, 1)
		assert.Equal(t, system.Running, h.State)
		assert.Equal(t, uint64(2), h.Incarnation)
		assert.Equal(t, uint64(2), health(t, s, "/test/other").Incarnation, "then it goes on")

		tell(t, s, stuck, nothing)
		close(release)
		require.ErrorIs(t, <-result, actors.ErrAbandoned)
		require.Error(t, <-result)
		require.Error(t, <-result)
		synctest.Wait()

		h = health(t, s, "/test/stuck")
		assert.Empty(t, h.Abandoned, "it has come back and left the health view")
		assert.Equal(t, uint64(2), h.Incarnation, "and its error is nobody's failure")

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.DeadLettered[mailbox.Abandoned])
		assert.Equal(t, uint64(2), r.Total.Processed)
	})
}

func TestTheReportShowsWhereAnAbandonedMemberOfAGroupHangs(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := declare(&probe{name: "stuck"}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: immediately,
			Deadlines: supervision.Deadlines{Close: time.Second},
		})
		bad := declare(&probe{name: "bad"}, quick())
		all := tree(stuck, bad)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, stuck, hangs(release))
		synctest.Wait()
		tell(t, s, bad, broken)
		<-time.After(2 * time.Second)

		r, err := stop(t, s)
		require.ErrorIs(t, err, system.ErrHangs)
		assert.Equal(t, system.ExitForced, r.Exit, "nobody is given up on in the shutdown, but it hangs")
		assert.False(t, r.Clean)
		require.Len(t, r.Actors[0].Abandoned, 1)
		assert.Equal(t, uint64(1), r.Actors[0].Abandoned[0].Incarnation)
		assert.Contains(t, r.Actors[0].Abandoned[0].Stack, "hangs")
		close(release)
		synctest.Wait()
	})
}

func TestTheBackOffOfWhoFailedHoldsUpTheGroupWithinItsBounds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		started := make(chan time.Time, 99)
		spec := quick()
		spec.Backoff = supervision.Backoff{Initial: time.Second, Max: 2 * time.Second}
		bad := declare(&probe{name: "bad", start: func(*ctxOf) error { started <- time.Now(); return nil }}, spec)
		after := declare(&probe{name: "after"}, quick())
		all := tree(bad, after)
		all.Strategy = supervision.RestForOne
		all.Budget.Restarts = 99
		s := start(t, all, silent())
		<-started

		var longest time.Duration

		for i := range 20 {
			failed := time.Now()
			tell(t, s, bad, broken)

			limit := 2 * time.Second
			if i == 0 {
				limit = time.Second
			}

			waited := (<-started).Sub(failed)
			longest = max(longest, waited)
			assert.LessOrEqual(t, waited, limit)
			synctest.Wait()

			h := health(t, s, "/test/after")
			assert.Equal(t, uint64(i+2), h.Incarnation)
			assert.Equal(t, failed.Add(waited), h.Since, "it has started when who failed had")
		}

		assert.Greater(t, longest, time.Second/2, "by chance it is so once in 2^38 times that all are shorter")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestFailedStartsExhaustTheBudgetOfAGroup(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad := declare(&probe{name: "bad", start: func(ctx *ctxOf) error {
			if ctx.Incarnation() > 1 {
				return errBroken
			}

			return nil
		}}, quick())
		all := tree(bad)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, bad, func(*ctxOf) error { return errors.New("the first") })

		var budget *supervision.BudgetError

		require.ErrorAs(t, s.Wait(t.Context()), &budget)
		require.Len(t, budget.Failures, 4)
		assert.EqualError(t, budget.Failures[0], "/test/bad: the first")

		for _, f := range budget.Failures[1:] {
			require.ErrorIs(t, f, errBroken)
		}
	})
}

// TestAnEscalatedFailureEndsATemporarySubtree is how to get the effect of OTP's auto_shutdown.
func TestAnEscalatedFailureEndsATemporarySubtree(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		spec := quick()
		spec.Decide = decide
		significant := declare(&probe{name: "significant", diary: d}, spec)
		other := declare(&probe{name: "other", diary: d}, quick())
		outside := declare(&probe{name: "outside", diary: d}, quick())
		s := start(t, tree(outside, &supervision.Tree{
			Name: "job", Budget: supervision.Budget{Restarts: 9, Within: time.Second}, Restart: supervision.Temporary,
			Children: supervision.On(significant, other),
		}), silent())

		tell(t, s, significant, func(*ctxOf) error { return errEscalate })
		synctest.Wait()
		assert.Equal(t, []string{"close significant", "close other"}, d.read()[3:])
		require.ErrorIs(t, other.From(s.Intake()).TryTell(nothing), mailbox.ErrStopped)
		tell(t, s, outside, nothing)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
