package system_test

import (
	"context"
	"slices"
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

// chain declares front → middle → back, each depending on the next.
func chain(d *diary) (front, middle, back *child, t supervision.Tree) {
	back = declare(&probe{name: "back", diary: d}, supervision.Spec{})
	middle = declare(&probe{name: "middle", diary: d}, supervision.Spec{DependsOn: supervision.On(back)})
	front = declare(&probe{name: "front", diary: d}, supervision.Spec{DependsOn: supervision.On(middle)})

	return front, middle, back, tree(back, middle, front)
}

func TestThePhasesGoThroughTheDependencyGraph(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		front, middle, back, tree := chain(d)
		s := start(t, tree, silent())

		tell(t, s, front, nothing) // before the shutdown
		synctest.Wait()

		for _, c := range []*child{back, middle, front} {
			tell(t, s, c, func(*actors.Context[job]) error { // takes its time, and more waits behind it
				<-time.After(100 * time.Millisecond)

				return nil
			})

			for range 3 {
				tell(t, s, c, func(ctx *actors.Context[job]) error {
					d.note("work " + ctx.Path())

					return nil
				})
			}
		}

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.True(t, r.Clean)
		assert.Equal(t, uint64(13), r.Total.Processed)
		assert.Equal(t, uint64(5), r.Actors[2].Processed)
		assert.Equal(t, uint64(4), r.Actors[2].Drained)

		entries := d.read()
		work := func(path string) int { return lastIndex(entries, "work "+path) }
		assert.Less(t, work("/test/front"), slices.Index(entries, "flush front"))
		assert.Equal(t, []string{
			"flush front", "flush middle", "flush back", "close front", "close middle", "close back",
		}, entries[len(entries)-6:])

		backDrain, middleDrain := r.Actors[0].Drain, r.Actors[1].Drain
		frontDrain, frontFlush := r.Actors[2].Drain, r.Actors[2].Flush
		assert.LessOrEqual(t, frontDrain.Began+frontDrain.Took, middleDrain.Began)
		assert.LessOrEqual(t, middleDrain.Began+middleDrain.Took, backDrain.Began)
		assert.LessOrEqual(t, backDrain.Began+backDrain.Took, frontFlush.Began)
	})
}

func lastIndex(all []string, entry string) int {
	for i, e := range slices.Backward(all) {
		if e == entry {
			return i
		}
	}

	return -1
}

func TestIndependentActorsDrainSideBySide(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var (
			children []supervision.Child
			probes   []*child
		)

		for _, name := range []string{"a", "b", "c", "d"} {
			probes = append(probes, declare(&probe{name: name}, supervision.Spec{}))
			children = append(children, probes[len(probes)-1])
		}

		s := start(t, tree(children...), silent())

		for _, c := range probes {
			tell(t, s, c, func(*actors.Context[job]) error {
				<-time.After(time.Second)

				return nil
			})
		}

		began := time.Now()
		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(began), "not four")
	})
}

func TestIntakeClosesFirstAndActorsStillTalkToEachOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		got := make(chan string, 2)
		back := declare(&probe{name: "back"}, supervision.Spec{})

		var toBack actors.Ref[job]

		front := supervision.Actor("front", func(in supervision.Deps) (*probe, error) {
			toBack = back.From(in)

			return &probe{name: "front"}, nil
		}, supervision.Spec{DependsOn: supervision.On(back)})

		s := start(t, tree(back, front), silent())
		entered, release := make(chan struct{}), make(chan struct{})

		require.NoError(t, front.From(s.Intake()).Tell(t.Context(), func(ctx *actors.Context[job]) error {
			close(entered)
			<-release

			return toBack.Tell(ctx, func(*actors.Context[job]) error {
				got <- "from front"

				return nil
			})
		}))
		<-entered
		s.Stop()

		require.ErrorIs(t, back.From(s.Intake()).Tell(t.Context(), nothing), mailbox.ErrStopping)
		_, err := actors.Ask(t.Context(), back.From(s.Intake()), func(actors.Reply[int]) job { return nothing })
		require.ErrorIs(t, err, mailbox.ErrStopping)
		close(release)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, "from front", <-got)
		assert.Equal(t, uint64(2), r.Total.Processed)
	})
}

func TestOneHungActorCannotStarveTheCloseOfTheOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		front, middle, back, tree := chain(d)
		s := start(t, tree, silent())
		release := make(chan struct{})

		tell(t, s, front, hangs(release))

		for range 5 {
			tell(t, s, front, nothing)
			tell(t, s, middle, nothing)
			tell(t, s, back, nothing)
		}

		began := time.Now()
		r, err := stop(t, s)

		var deadline *supervision.DeadlineError

		require.ErrorAs(t, err, &deadline)
		assert.Equal(t, "drain", deadline.Step)
		assert.LessOrEqual(t, time.Since(began), 10*time.Second, "the grace period")
		assert.Equal(t, 6*time.Second, time.Since(began), "the share of the drain")
		assert.False(t, r.Clean)

		hung := r.Actors[2]
		assert.Equal(t, "/test/front", hung.Path)
		require.Len(t, hung.Abandoned, 1)
		assert.Contains(t, hung.Abandoned[0].Stack, "hangs", "the report shows where it hangs")
		assert.Equal(t, uint64(1), hung.DeadLettered[mailbox.Abandoned], "the message in hand")
		assert.Equal(t, uint64(5), hung.DeadLettered[mailbox.Deadline], "what it left in its queue")
		assert.Equal(t, []string{"flush middle", "flush back", "close middle", "close back"}, d.read()[3:])
		close(release)
		synctest.Wait()
	})
}

func TestADrainThatIsTooSlowIsCutAndTheHooksStillRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		slow := declare(&probe{name: "slow", diary: d},
			supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}})
		s := start(t, tree(slow), silent())

		for range 20 {
			tell(t, s, slow, func(*actors.Context[job]) error {
				<-time.After(95 * time.Millisecond)

				return nil
			})
		}

		began := time.Now()
		r, err := stop(t, s)
		require.ErrorContains(t, err, "/test/slow: drain did not finish within 1s")
		assert.Equal(t, 950*time.Millisecond, time.Since(began), "cut at nine tenths, after the message in hand")
		assert.Equal(t, uint64(10), r.Total.Processed)
		assert.Equal(t, uint64(10), r.Total.DeadLettered[mailbox.Deadline])
		assert.NotEmpty(t, r.Actors[0].Drain.Error)
		assert.Equal(t, []string{"start slow", "flush slow", "close slow"}, d.read())
	})
}

func TestAHookThatFailsOrHangsCostsTheOthersNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		release := make(chan struct{})
		fails := declare(&probe{
			name: "fails", diary: d,
			flush:  func(context.Context) error { return errBroken },
			closes: func(context.Context) error { panic("close panics") },
		}, supervision.Spec{})
		hung := declare(&probe{name: "hung", diary: d, closes: func(context.Context) error {
			<-release

			return nil
		}}, supervision.Spec{DependsOn: supervision.On(fails)})
		fine := declare(&probe{name: "fine", diary: d}, supervision.Spec{DependsOn: supervision.On(fails)})

		s := start(t, tree(fails, hung, fine), silent())
		began := time.Now()
		r, err := stop(t, s)
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, "close panics")
		require.ErrorContains(t, err, "/test/hung: close did not finish within 5s")
		assert.Equal(t, 5*time.Second, time.Since(began), "the default deadline of Close, as the phase has longer")
		assert.Equal(t, errBroken.Error(), r.Actors[0].Flush.Error)

		for _, hook := range []string{"flush fails", "close fails", "flush hung", "close hung", "flush fine", "close fine"} {
			assert.Equal(t, 1, count(d.read(), hook), hook)
		}

		close(release)
		synctest.Wait()
	})
}

func count(all []string, entry string) (n int) {
	for _, e := range all {
		if e == entry {
			n++
		}
	}

	return n
}

func TestEveryCallerOfShutdownGetsTheSameReport(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{})
		s := start(t, tree(a), silent())
		reports := make([]*system.Report, 10)

		var wg sync.WaitGroup
		for i := range reports {
			wg.Go(func() { reports[i], _ = s.Shutdown(t.Context()) })
		}

		wg.Wait()

		for _, r := range reports {
			assert.Same(t, reports[0], r)
		}

		assert.Same(t, reports[0], s.Report())

		again, err := s.Shutdown(t.Context())
		require.NoError(t, err)
		assert.Same(t, reports[0], again)
	})
}

func TestACallerThatGivesUpLeavesTheShutdownGoingOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a", flush: func(context.Context) error {
			<-time.After(time.Second)

			return nil
		}}, supervision.Spec{})
		s := start(t, tree(a), silent())
		assert.Nil(t, s.Report())

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()

		_, err := s.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestForcedEachPhaseHasAShareOfTheSecond(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := func(context.Context) error {
			<-release

			return nil
		}
		a := declare(&probe{name: "a"}, supervision.Spec{})
		b := declare(&probe{name: "b", flush: stuck}, supervision.Spec{})
		c := declare(&probe{name: "c", closes: stuck}, supervision.Spec{})
		slow := declare(&probe{name: "slow"}, supervision.Spec{})
		s := start(t, tree(a, b, c, slow), silent())

		tell(t, s, a, hangs(release))

		for range 4 {
			tell(t, s, slow, func(*ctxOf) error {
				<-time.After(50 * time.Millisecond)

				return nil
			})
		}

		synctest.Wait()

		began := time.Now()
		s.Force()

		r, err := stop(t, s)
		require.ErrorIs(t, err, system.ErrForced)
		assert.LessOrEqual(t, time.Since(began), system.ForcedGrace)
		assert.Equal(t, system.ExitForced, r.Exit)

		for i, step := range []string{"drain", "flush", "close"} {
			require.Len(t, r.Actors[i].Abandoned, 1, step)
			assert.Equal(t, step, r.Actors[i].Abandoned[0].Step)
		}

		assert.Equal(t, uint64(1), r.Actors[3].Processed, "the message in hand")
		assert.Equal(t, uint64(3), r.Actors[3].DeadLettered[mailbox.Deadline], "what is queued is cut at once")

		close(release)
		synctest.Wait()
	})
}

func TestForcedEverythingEndsWithinASecond(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		front, _, back, tree := chain(d)
		s := start(t, tree, silent())
		release := make(chan struct{})

		tell(t, s, front, hangs(release))

		for range 4 {
			tell(t, s, back, nothing)
			tell(t, s, front, nothing)
		}

		s.Stop()
		<-time.After(time.Second) // in virtual time: the drain is stuck
		began := time.Now()
		s.Force()

		r, err := stop(t, s)
		require.Error(t, err)
		assert.True(t, r.Forced)
		assert.LessOrEqual(t, time.Since(began), system.ForcedGrace)
		assert.Equal(t, 1, count(d.read(), "close back"))
		assert.Equal(t, uint64(4), r.Actors[2].DeadLettered[mailbox.Deadline])
		close(release)
		synctest.Wait()
	})
}

func TestAStopDuringBackOffMakesTheAttemptAtOnceAndWorksTheQueueOff(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: time.Hour, Max: time.Hour},
		})
		s := start(t, tree(a), silent())

		tell(t, s, a, broken)
		synctest.Wait()

		for range 3 {
			tell(t, s, a, nothing) // the mailbox accepts meanwhile
		}

		began := time.Now()
		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Zero(t, time.Since(began))
		assert.Equal(t, uint64(3), r.Total.Processed)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Equal(t, uint64(2), r.Actors[0].Incarnation)
	})
}

func TestAnActorThatFailsWhileItDrainsIsRestartedToGoOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Permanent})
		s := start(t, tree(a), silent())
		entered, release := make(chan struct{}), make(chan struct{})

		tell(t, s, a, func(*actors.Context[job]) error {
			close(entered)
			<-release

			return errBroken
		})

		for range 3 {
			tell(t, s, a, nothing)
		}

		<-entered
		s.Stop()
		close(release)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(3), r.Total.Processed)
		assert.Equal(t, uint64(1), r.Total.Failed)
	})
}

func TestMessagesToAnActorThatDrainsAreDeadLetters(t *testing.T) {
	virtual(t, func(t *testing.T) {
		back := declare(&probe{name: "back"}, supervision.Spec{})
		told := make(chan error, 2)
		front := supervision.Actor("front", func(in supervision.Deps) (*probe, error) {
			ref := back.From(in)

			return &probe{name: "front", flush: func(ctx context.Context) error {
				told <- ref.Tell(ctx, nothing) // back has drained by now

				return nil
			}}, nil
		}, supervision.Spec{DependsOn: supervision.On(back)})

		s := start(t, tree(back, front), silent())
		tell(t, s, back, func(ctx *ctxOf) error {
			<-time.After(time.Second)

			told <- ctx.Self().TryTell(nothing) // it drains

			return nil
		})
		tell(t, s, back, nothing)
		synctest.Wait()

		r, err := stop(t, s)
		require.NoError(t, err)
		require.ErrorIs(t, <-told, mailbox.ErrStopping)
		require.ErrorIs(t, <-told, mailbox.ErrStopping)
		assert.Equal(t, uint64(2), r.DeadLetters[mailbox.Stopping])
		assert.Equal(t, uint64(2), r.Actors[0].Refused[mailbox.Stopping])
		assert.Equal(t, uint64(2), r.Total.Accepted)
		assert.Equal(t, uint64(2), r.Total.Processed, "what was accepted before is handled")
	})
}

func TestMessagesToAnActorWhoseTurnComesWhileItStartsAreDeadLetters(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var self actors.Ref[job] // which passes no gate

		a := declare(&probe{name: "a", start: func(ctx *ctxOf) error {
			if ctx.Incarnation() > 1 {
				<-time.After(time.Second)
			}

			return nil
		}}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *ctxOf) error {
			self = ctx.Self()

			return errBroken
		})
		synctest.Wait()
		require.NoError(t, self.TryTell(nothing), "while it starts it accepts")

		s.Stop()
		synctest.Wait()
		require.ErrorIs(t, self.TryTell(nothing), mailbox.ErrStopping)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.Processed)
		assert.Equal(t, uint64(1), r.DeadLetters[mailbox.Stopping])
	})
}

func TestAnEndedSystemIsHeldByNoTimer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := start(t, tree(declare(&probe{name: "a"}, supervision.Spec{})), silent())

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.False(t, system.Timed(s), "the deadline of the grace period is 10 s ahead")
	})
}
