package pipeline_test

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
)

func same(_ context.Context, v int) (int, error) { return v, nil }

func TestWhoReplacesAnAbandonedWorkerIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := make(chan int, 2)
		release := make(chan struct{})
		sink := &list[int]{}
		p := pipeline.New("ingest", options())
		pipeline.To(pipeline.From(p, "items", pipeline.Chan(items)), "hang", hangingSink{sink, release},
			pipeline.Stage{Timeout: time.Second})

		sys := start(t, p)
		items <- 1

		<-time.After(2 * time.Second) // virtual: the first Write is abandoned
		items <- 2

		synctest.Wait()
		assert.Equal(t, []int{2}, sink.all())

		close(items)
		close(release)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
	})
}

// hangingSink is a sink that hangs on the item 1.
type hangingSink struct {
	*list[int]

	release chan struct{}
}

func (h hangingSink) Write(ctx context.Context, items []int) error {
	if items[0] == 1 {
		<-h.release
	}

	return h.list.Write(ctx, items)
}

func TestABreakerHearsOfACallThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(4), &list[int]{}
		release := make(chan struct{})
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "call",
			func(_ context.Context, v int) (int, error) {
				switch v {
				case 0: // opens the breaker
					return 0, errOdd
				case 1: // is the one that a breaker lets through which is half open
					<-release
				}

				return v, nil
			}, pipeline.Stage{Timeout: time.Second, Breaker: pipeline.Breaker{Failures: 1, Open: 10 * time.Second}})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.InDelta(t, 21.1, time.Since(began).Seconds(), 0.05) // open twice, and a second and a tenth between
		close(release)
		stop(t, sys)
		assert.Equal(t, []int{2, 3}, sink.all())
		assert.Zero(t, source.check(t, 4))
	})
}

func TestABreakerHearsOfACallThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(4), &list[int]{}
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "call",
			func(_ context.Context, v int) (int, error) {
				if v < 2 {
					panic(v)
				}

				return v, nil
			}, pipeline.Stage{Breaker: pipeline.Breaker{Failures: 1, Open: 10 * time.Second}})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
		assert.Equal(t, []int{2, 3}, sink.all())
	})
}

func TestASizeThatPanicsIsACrash(t *testing.T) {
	source, sink := newLedger(10), &list[[]int]{}
	p := pipeline.New("ingest", options())
	batches := pipeline.Batch(pipeline.From[int](p, "numbers", numbers{source}), "batch",
		pipeline.BatchSize[int]{Items: 3, Bytes: 100, Size: func(int) int { panic("size") }}, pipeline.Stage{})
	pipeline.To(batches, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	assert.Len(t, sys.DeadLetters().Letters(), 10)
	stop(t, sys)
	assert.Empty(t, sink.all())
	assert.Zero(t, source.check(t, 10))
}

func TestItemsInFlightAreBoundedWhileAcknowledgementsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.InFlight, o.CommitEvery = 10, time.Hour

		source := newLedger(1000)
		release := make(chan struct{})
		p := pipeline.New("ingest", o)
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "first",
			func(_ context.Context, v int) (int, error) {
				if v == 0 {
					<-release
				}

				return v, nil
			}, pipeline.Stage{Workers: 2, Order: pipeline.AsCompleted})
		pipeline.To(flow, "list", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		assert.LessOrEqual(t, source.next, 10)
		close(release)
		stop(t, sys)
		assert.Zero(t, source.check(t, source.next))
	})
}

func TestWhatIsToBeDivertedSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, good, bad := newLedger(12), &list[int]{}, &list[int]{}
		release := make(chan struct{})
		p := pipeline.New("ingest", options())
		side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{Capacity: 1})
		pipeline.ToFunc(failed, "bad", func(ctx context.Context, f pipeline.Failure[int]) error {
			<-release

			return bad.Write(ctx, []int{f.Item})
		}, pipeline.Stage{Capacity: 1})

		crashed := false
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "parse",
			func(ctx context.Context, v int) (int, error) {
				if v == 11 && !crashed {
					crashed = true

					<-time.After(time.Second) // until the others wait for room

					panic("crash")
				}

				return oddFails(ctx, v)
			}, pipeline.Stage{Workers: 3, Order: pipeline.AsCompleted, Redeliver: 1, Failed: side.Policy()})
		pipeline.To(flow, "good", good, pipeline.Stage{})

		sys := start(t, p)

		<-time.After(time.Minute)
		close(release)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)

		all := append(good.all(), bad.all()...)
		slices.Sort(all)
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, all)
		assert.Zero(t, source.check(t, 12))
		assert.EqualValues(t, 12, source.done)
	})
}

func TestAFailedPipelineAcknowledgesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(100)
		p := pipeline.New("ingest", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "sink", func(ctx context.Context, v int) error {
			switch v {
			case 0: // holds the offset back
				<-ctx.Done()
			case 50:
				return errOdd
			}

			return nil
		}, pipeline.Stage{Workers: 2, Order: pipeline.AsCompleted, Failed: pipeline.FailPipeline()})

		sys := start(t, p)
		require.ErrorIs(t, p.Wait(t.Context()), errOdd)
		synctest.Wait() // until the failure has reached the supervisor

		r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		require.ErrorIs(t, err, errOdd)
		assert.Zero(t, r.Unaccounted)

		negative := source.check(t, source.next)
		assert.Positive(t, negative)
		assert.Greater(t, source.next-negative, 40, "what was sunk before is done")
		assert.Zero(t, source.done)
	})
}

func TestWhatAFlatMapEmitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64

		source := newLedger(1 << 20)
		release := make(chan struct{})
		p := pipeline.New("ingest", options())
		flow := pipeline.FlatMap(pipeline.From[int](p, "numbers", numbers{source}), "many",
			func(_ context.Context, v int, emit func(int)) error {
				if v < 1000 { // until the worker takes many at a time
					return nil
				}

				calls.Add(1)

				for range 1000 {
					emit(v)
				}

				return nil
			}, pipeline.Stage{})
		pipeline.ToFunc(flow, "block", func(context.Context, int) error { <-release; return nil }, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		assert.EqualValues(t, 1, calls.Load(), "the next call waits until what was emitted is sent on")
		close(release)
		source.mu.Lock()
		source.n = source.next
		source.mu.Unlock()
		stop(t, sys)
	})
}

func TestAWorkerThatHangsThroughARestartDoesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(200), &list[int]{}
		release := make(chan struct{})
		calls := make([]atomic.Int64, 200)
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "work",
			func(_ context.Context, v int) (int, error) {
				calls[v].Add(1)

				switch v {
				case 40:
					<-release
				case 199:
					panic(v)
				}

				return v, nil
			}, pipeline.Stage{Workers: 2, Order: pipeline.AsCompleted})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))

		letters := sys.DeadLetters().Letters()

		close(release)
		stop(t, sys)
		assert.Zero(t, source.check(t, 200))
		assert.EqualValues(t, 200, source.done)

		given := 0 // up with the worker that hung, which had not come to them

		for _, l := range letters {
			if v, ok := l.Message.(int); ok && l.Reason == mailbox.Abandoned && v > 40 {
				given++

				assert.Zero(t, calls[v].Load(), "item %d", v)
			}
		}

		require.Positive(t, given, "the one that hangs had several in hand")
		assert.Len(t, sink.all(), 200-len(letters))

		for v := range calls {
			assert.LessOrEqual(t, calls[v].Load(), int64(1), "item %d", v)
		}
	})
}

func TestAStopThatGivesItemsBackEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(10)
		release := make(chan struct{})
		o := options()
		o.Deadlines.Drain = time.Second
		p := pipeline.New("ingest", o)
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "block",
			func(context.Context, int) error { <-release; return nil }, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()

		r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		assert.Error(t, err)
		assert.Zero(t, r.Unaccounted)
		require.ErrorIs(t, p.Wait(t.Context()), pipeline.ErrStopped)
		assert.Positive(t, source.check(t, 10))
		close(release)
	})
}

func TestTooManyWorkersThatHangFailThePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(10)
		release := make(chan struct{})
		p := pipeline.New("ingest", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "hang",
			func(context.Context, int) error { <-release; return nil },
			pipeline.Stage{Timeout: time.Second, Abandoned: 2})

		began := time.Now()
		sys := start(t, p)
		require.ErrorIs(t, p.Wait(t.Context()), pipeline.ErrHanging)
		assert.Equal(t, 3300*time.Millisecond, time.Since(began))
		close(release)
		synctest.Wait() // until the failure has reached the supervisor

		_, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		require.ErrorIs(t, err, pipeline.ErrHanging)
		assert.Equal(t, 8, source.check(t, 10))
	})
}

// late is a source that hands out its second item when the pipeline has failed.
type late struct {
	*ledger

	p      *pipeline.Pipeline
	pulled int
}

func (l *late) Pull(_ context.Context, into []int) (int, error) {
	l.pulled++
	if l.pulled == 2 {
		_ = l.p.Wait(context.Background())
	}

	into[0] = l.pulled

	return 1, nil
}

func TestWhatASourceHandsOutWhenThePipelineHasFailedIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.New("p", options())
		l := &late{ledger: newLedger(2), p: p}

		begun := make(chan struct{})

		pipeline.ToFunc(pipeline.From(p, "source", l), "sink", func(context.Context, int) error {
			<-begun // a failure before that is the start's

			return errFinal
		}, pipeline.Stage{Failed: pipeline.FailPipeline()})

		sys := start(t, p)
		close(begun)
		require.ErrorIs(t, p.Wait(t.Context()), errFinal)
		synctest.Wait() // until the failure has reached the supervisor

		report, _ := sys.Shutdown(t.Context())
		require.Zero(t, report.Unaccounted)
		require.Equal(t, 2, l.check(t, 2), "both are acknowledged negatively, once each")
	})
}

// TestAStopThatComesWhileAFailedPipelineComesDownReportsTheFailure begins the shutdown at three moments of the
// failure's way: while the stage that failed closes, while the rest of the pipeline does, and while its restart waits.
func TestAStopThatComesWhileAFailedPipelineComesDownReportsTheFailure(t *testing.T) {
	at := func(name string) (sourceCloses, sinkCloses func(context.Context)) {
		wait := func(context.Context) { <-time.After(time.Second) }
		nothing := func(context.Context) {}

		switch name {
		case "the stage closes":
			return nothing, wait
		case "the source closes":
			return wait, nothing
		default:
			return nothing, nothing
		}
	}

	for _, name := range []string{"the stage closes", "the source closes", "a restart waits"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, sink := &slowSource{ledger: newLedger(10)}, &slowSink{}
				source.closes, sink.closes = at(name)
				sink.fail = func([]int) error { return errOdd }
				p := pipeline.New("p", options())
				pipeline.To[int](pipeline.From[int](p, "numbers", source), "db", sink,
					pipeline.Stage{Failed: pipeline.FailPipeline()})

				sys := start(t, p)

				require.ErrorIs(t, p.Wait(t.Context()), errOdd)
				synctest.Wait()

				r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
				require.ErrorIs(t, err, errOdd)
				require.Contains(t, r.Errors[0], "the pipeline has failed: odd")
				require.False(t, r.Clean)
				require.Zero(t, r.Unaccounted)
				require.Equal(t, 10, source.check(t, 10))
			})
		})
	}
}

// slowSource and slowSink do something before they close.
type slowSource struct {
	*ledger

	closes func(ctx context.Context)
}

func (s *slowSource) Pull(ctx context.Context, items []int) (int, error) { return s.pull(ctx, items) }

func (s *slowSource) Close(ctx context.Context) error {
	s.closes(ctx)

	return s.ledger.Close(ctx)
}

type slowSink struct {
	list[int]

	closes func(ctx context.Context)
}

func (s *slowSink) Close(ctx context.Context) error {
	s.closes(ctx)

	return s.list.Close(ctx)
}

// TestATimeIsOverForItsItemOnly has every other item take exactly its time, so that the end of it and the next item
// come at one moment.
func TestATimeIsOverForItsItemOnly(t *testing.T) {
	const items, limit = 400, time.Second

	// On one processor: the race detector crashes if a bubble's timers fire on two (golang/go#78156).
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))

	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(items), &list[int]{}
		p := pipeline.New("p", options())
		flow := pipeline.Map(pipeline.From[int](p, "source", numbers{source}), "call",
			func(ctx context.Context, v int) (int, error) {
				if v%2 == 0 {
					<-time.After(limit) // does not listen

					return v, nil
				}

				select {
				case <-time.After(limit / 2):
					return v, nil
				case <-ctx.Done():
					return v, ctx.Err()
				}
			}, pipeline.Stage{Timeout: limit})
		pipeline.To(flow, "sink", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		require.Empty(t, sys.DeadLetters().Letters())
		stop(t, sys)
		require.Len(t, sink.all(), items)
		require.Zero(t, source.check(t, items))
	})
}
