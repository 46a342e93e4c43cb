package pipeline_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// endsBadly is a source whose Pull fails when intake is over, or whose Commit fails after that, once.
type endsBadly struct {
	*ledger

	stopping <-chan struct{}
	inCommit bool
	failed   bool
}

func (e *endsBadly) Pull(ctx context.Context, items []int) (int, error) {
	if e.inCommit || e.next < e.n {
		return e.pull(ctx, items[:1])
	}

	<-ctx.Done()

	return 0, errOdd
}

func (e *endsBadly) Commit(ctx context.Context, done uint64) error {
	select {
	case <-e.stopping:
		if e.inCommit && !e.failed {
			e.failed = true

			return errOdd
		}
	default:
	}

	return e.ledger.Commit(ctx, done)
}

// TestASourceThatFailsWhileThePipelineRunsEmptyHearsOfItsItems has a source with items on their way that fails when
// intake is over: nothing waits for its deadline, it is told of all it has handed out, and the report of why it failed.
func TestASourceThatFailsWhileThePipelineRunsEmptyHearsOfItsItems(t *testing.T) {
	for name, inCommit := range map[string]bool{"in Pull": false, "in Commit": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.InFlight, o.CommitEvery = 4, pipeline.Immediately
				stopping := make(chan struct{})
				source := &endsBadly{ledger: newLedger(4), stopping: stopping, inCommit: inCommit}

				if inCommit {
					source.n = 100 // it waits for room when intake ends
				}

				p := pipeline.New("p", o)
				pipeline.ToFunc(pipeline.From[int](p, "numbers", source), "slow", func(context.Context, int) error {
					<-stopping
					<-time.After(time.Second)

					return nil
				}, pipeline.Stage{})

				sys := start(t, p)

				synctest.Wait()

				began := time.Now()

				close(stopping)

				r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
				require.ErrorIs(t, err, errOdd)
				assert.Zero(t, r.Unaccounted)
				assert.Equal(t, 4*time.Second, time.Since(began))
				assert.Zero(t, source.check(t, 4))
				assert.EqualValues(t, 4, source.done)
				assert.Zero(t, source.opened)
			})
		})
	}
}

// failsOnce is a source whose Commit fails once, when it is told to.
type failsOnce struct {
	*ledger

	fail   <-chan struct{}
	failed bool
}

func (f *failsOnce) Pull(ctx context.Context, items []int) (int, error) {
	return f.pull(ctx, items[:1])
}

func (f *failsOnce) Commit(ctx context.Context, done uint64) error {
	select {
	case <-f.fail:
		if !f.failed {
			f.failed = true

			return errOdd
		}
	default:
	}

	return f.ledger.Commit(ctx, done)
}

// TestASourceThatFailsAsItsDrainBeginsIsHeardOf has a source fail at the moment of a stop: it hears of its items all
// the same, and is started again for that or the report has its error.
func TestASourceThatFailsAsItsDrainBeginsIsHeardOf(t *testing.T) {
	for range 200 {
		o := options()
		o.InFlight, o.CommitEvery = 4, pipeline.Immediately

		var (
			fail, pulled = make(chan struct{}), make(chan struct{}, 1000)
			source       = &failsOnce{ledger: newLedger(1000), fail: fail}
			p            = pipeline.New("p", o)
		)

		pipeline.ToFunc(pipeline.From[int](p, "numbers", source), "sink", func(context.Context, int) error {
			pulled <- struct{}{}

			return nil
		}, pipeline.Stage{})

		sys := start(t, p)

		<-pulled

		go close(fail)

		r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		assert.Zero(t, r.Unaccounted)
		assert.Zero(t, source.check(t, source.next))

		for _, a := range r.Actors {
			if a.Path == "/app/p/numbers" && source.failed && a.Restarts == 0 {
				require.ErrorIs(t, err, errOdd)
			}
		}
	}
}

// TestACrashWhileThePipelineRunsEmptyLosesNothing has a worker crash while its stage drains.
func TestACrashWhileThePipelineRunsEmptyLosesNothing(t *testing.T) {
	for range 20 { // who hears of it first differs
		synctest.Test(t, func(t *testing.T) {
			source, sink := newLedger(10), &list[int]{}
			stopping := make(chan struct{})
			crashed := false
			p := pipeline.New("p", options())
			flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "crash",
				func(_ context.Context, v int) (int, error) {
					if v == 5 && !crashed {
						crashed = true

						<-stopping
						<-time.After(time.Second)

						panic(v)
					}

					return v, nil
				}, pipeline.Stage{Redeliver: 1})
			pipeline.To(flow, "list", sink, pipeline.Stage{})

			sys := start(t, p)

			synctest.Wait()
			close(stopping)

			began := time.Now()

			stop(t, sys)
			assert.Equal(t, time.Second, time.Since(began))
			assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, sink.all())
			assert.Zero(t, source.check(t, 10))
		})
	}
}

// TestACrashOnTheLastItemDoesNotLoseWhatIsStillToBeSentOn has a worker crash while its stage drains, on the last item
// it will ever get. What came of those before lies in its hand, and with it what is to be diverted.
func TestACrashOnTheLastItemDoesNotLoseWhatIsStillToBeSentOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(7), &list[int]{}
		failed := &list[pipeline.Failure[int]]{}
		stopping := make(chan struct{})
		p := pipeline.New("p", options())
		side, failures := pipeline.NewSide[int](p, "side", pipeline.Stage{})
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "crash",
			func(_ context.Context, v int) (int, error) {
				switch v {
				case 3: // it is taken with all that follow, behind one, and then two
					<-stopping
					<-time.After(time.Second)
				case 5:
					return 0, errOdd
				case 6:
					panic(v)
				}

				return v, nil
			}, pipeline.Stage{Failed: side.Policy()})
		pipeline.To(flow, "list", sink, pipeline.Stage{})
		pipeline.To(failures, "failed", failed, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		close(stopping)

		report := stop(t, sys)
		assert.Equal(t, []int{0, 1, 2, 3, 4}, sink.all())
		require.Len(t, failed.all(), 1)
		assert.Equal(t, 5, failed.all()[0].Item)
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Failed: 1}, report.DeadLetters)
		assert.Zero(t, source.check(t, 7))
	})
}

// TestWhatIsStillToBeSentOnWhenTheTimeToDrainIsOverIsMissed has a worker wait for room with the last of its results.
func TestWhatIsStillToBeSentOnWhenTheTimeToDrainIsOverIsMissed(t *testing.T) {
	for range 20 { // who gets to it first differs
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Deadlines.Drain = time.Second
			p := pipeline.New("p", o)
			many := pipeline.FlatMap(pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "many",
				func(_ context.Context, _ int, emit func(int)) error {
					for i := range 10 {
						emit(i)
					}

					return nil
				}, pipeline.Stage{})
			pipeline.ToFunc(many, "slow", func(context.Context, int) error {
				<-time.After(350 * time.Millisecond)

				return nil
			}, pipeline.Stage{Capacity: 1})

			sys := start(t, p)

			synctest.Wait()

			report, err := sys.Shutdown(context.WithoutCancel(t.Context()))
			require.ErrorContains(t, err, "/app/p/many: drain did not finish within 1s")
			assert.False(t, report.Clean)
			assert.NotZero(t, report.DeadLetters[mailbox.Deadline])
		})
	}
}

// gives is a source that hands out what there is, and panics, or ends its goroutine, as soon as intake is over.
type gives struct {
	*ledger

	up func()
}

func (s gives) Pull(ctx context.Context, items []int) (int, error) {
	if s.next < s.n {
		return s.pull(ctx, items)
	}

	<-ctx.Done()
	s.up()

	return 0, eof
}

// TestAPullThatPanicsInTheDrainDoesNotHoldItUp has nothing left to do when it does.
func TestAPullThatPanicsInTheDrainDoesNotHoldItUp(t *testing.T) {
	for want, up := range map[string]func(){
		"/app/p/numbers: panic: pull":                 func() { panic("pull") },
		"/app/p/numbers: " + actors.ErrExited.Error(): runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			source, sink := newLedger(5), &list[int]{}
			p := pipeline.New("p", options())
			pipeline.To(pipeline.From[int](p, "numbers", gives{source, up}), "list", sink, pipeline.Stage{})

			sys := start(t, p)

			synctest.Wait()

			began := time.Now()
			_, err := sys.Shutdown(context.WithoutCancel(t.Context()))
			require.ErrorContains(t, err, want)
			assert.Zero(t, time.Since(began))
			assert.Len(t, sink.all(), 5)
			assert.Zero(t, source.check(t, 5))
		})
	}
}

// TestAReplayedItemThatWaitsForRoomDoesNotKeepItsStageDown has the stage crash meanwhile: nobody makes room before that
// is restarted.
func TestAReplayedItemThatWaitsForRoomDoesNotKeepItsStageDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(20)
		crash := make(chan struct{})
		refused, crashed, handled := false, false, 0
		p := pipeline.New("p", options())
		flow := pipeline.From[int](p, "numbers", gives{source, func() {}}) // which does not end before intake is over
		pipeline.ToFunc(flow, "stage", func(_ context.Context, v int) error {
			switch {
			case v == 0 && !refused:
				refused = true

				return errOdd // makes a dead letter
			case v == 1 && !crashed:
				crashed = true

				<-crash
				panic("crash")
			}

			handled++

			return nil
		}, pipeline.Stage{Capacity: 1})

		sys := start(t, p)

		synctest.Wait()
		require.Len(t, sys.DeadLetters().Replay(system.Filter{}, 10), 1)
		synctest.Wait() // it waits for room
		close(crash)
		<-time.After(time.Minute) // for the restart, and what follows

		stop(t, sys)
		assert.Equal(t, 19, handled, "but for the one it has crashed on")
		assert.Zero(t, source.check(t, 20))
	})
}

// TestACrashOfAStageThatIsHaltedIsReported has a worker crash because its context has ended, when another stage has
// failed the pipeline.
func TestACrashOfAStageThatIsHaltedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(2)
		begun := make(chan struct{})
		p := pipeline.New("p", options())
		parts := pipeline.Partition(pipeline.From[int](p, "numbers", numbers{source}), "parts", 2,
			func(v int) uint64 { return uint64(v) }, pipeline.Stage{})
		pipeline.ToFunc(parts[0], "fails", func(context.Context, int) error { <-begun; return errFinal },
			pipeline.Stage{Failed: pipeline.FailPipeline()})
		pipeline.ToFunc(parts[1], "crashes", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			panic(errOdd)
		}, pipeline.Stage{})

		sys := start(t, p)
		hooks := sys.Events().Subscribe(16, supervision.HookFailed)

		close(begun)
		require.ErrorIs(t, p.Wait(t.Context()), errFinal)
		synctest.Wait()

		select {
		case e := <-hooks.C():
			assert.Equal(t, "/app/p/crashes", e.Path)
			require.ErrorContains(t, e.Err, "panic: odd")
		default:
			assert.Fail(t, "nobody has heard of the crash")
		}

		letters := sys.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Failed, letters[0].Reason)

		_, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		require.ErrorIs(t, err, errFinal)
		assert.Equal(t, 2, source.check(t, 2))
	})
}

// slowToCommit is a source that takes a second to commit.
type slowToCommit struct{ *ledger }

func (s slowToCommit) Pull(ctx context.Context, items []int) (int, error) { return s.pull(ctx, items) }

func (s slowToCommit) Commit(ctx context.Context, done uint64) error {
	<-time.After(time.Second)

	return s.ledger.Commit(ctx, done)
}

// TestOffsetsAreCommittedInTheFlushPhase has something to commit that was not before the stop.
func TestOffsetsAreCommittedInTheFlushPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, items := newLedger(10), make(chan struct{})
		o := options()
		o.CommitEvery = time.Hour
		p := pipeline.New("p", o)
		pipeline.ToFunc(pipeline.From[int](p, "numbers", slowToCommit{source}), "sink", func(_ context.Context, v int) error {
			if v > 0 {
				<-items // the first is committed, the others later
			}

			return nil
		}, pipeline.Stage{})

		sys := start(t, p)

		<-time.After(time.Minute)
		synctest.Wait()
		require.EqualValues(t, 1, source.done)
		close(items)
		synctest.Wait()

		r := stop(t, sys)
		assert.EqualValues(t, 10, source.done)

		for _, a := range r.Actors {
			if a.Path == "/app/p/numbers" {
				require.NotNil(t, a.Flush)
				assert.EqualValues(t, time.Second, a.Flush.Took)
			}
		}
	})
}
