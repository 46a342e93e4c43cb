package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// stamps is a sink that keeps when it got how many items.
type stamps struct {
	began time.Time
	at    []time.Duration
	sizes []int
}

func (s *stamps) Open(context.Context) error { s.began = time.Now(); return nil }
func (*stamps) Close(context.Context) error  { return nil }

func (s *stamps) Write(_ context.Context, items []int) error {
	s.sizes = append(s.sizes, len(items))
	s.at = append(s.at, time.Since(s.began))

	return nil
}

// rounded are the times to a millisecond: a rate is counted in floating point.
func (s *stamps) rounded() []time.Duration {
	all := make([]time.Duration, len(s.at))
	for i, at := range s.at {
		all[i] = at.Round(time.Millisecond)
	}

	return all
}

func TestAThrottleHoldsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stamps{}
		p := pipeline.New("slow", options())
		flow := pipeline.Throttle(pipeline.From(p, "numbers", pipeline.Slice([]int{1, 2, 3, 4, 5, 6})), "throttle",
			pipeline.Rate{PerSecond: 10, Burst: 3})
		pipeline.To(flow, "stamps", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)

		ms := time.Millisecond
		at := sink.rounded()
		assert.Equal(t, []time.Duration{100 * ms, 200 * ms, 300 * ms}, at[len(at)-3:])
		assert.Zero(t, at[0])
	})
}

func TestTheRateOfASinkCountsItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stamps{}
		p := pipeline.New("slow", options())
		pipeline.To(pipeline.From(p, "numbers", pipeline.Slice(make([]int, 8))), "stamps", sink,
			pipeline.Stage{Rate: pipeline.Rate{PerSecond: 10, Burst: 2}})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)

		last := sink.rounded()[len(sink.at)-1]
		assert.Equal(t, 600*time.Millisecond, last)

		for _, n := range sink.sizes {
			assert.LessOrEqual(t, n, 2)
		}
	})
}

// TestTheRateOfABatchCountsItems has batches of more items than there can be at once.
func TestTheRateOfABatchCountsItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stamps{}
		p := pipeline.New("slow", options())
		batches := pipeline.Batch(pipeline.From(p, "numbers", pipeline.Slice(make([]int, 10))), "batch",
			pipeline.BatchSize[int]{Items: 5}, pipeline.Stage{Rate: pipeline.Rate{PerSecond: 10, Burst: 2}})
		flow := pipeline.Map(batches, "size", func(_ context.Context, b []int) (int, error) { return len(b), nil },
			pipeline.Stage{})
		pipeline.To(flow, "stamps", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)

		assert.Equal(t, []time.Duration{300 * time.Millisecond, 800 * time.Millisecond}, sink.rounded())
	})
}

var errFinal = errors.New("final")

func TestOnlyErrorsWorthItAreTriedAgainAndOnlySoOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(3), &list[int]{}
		calls := make([]int, 3)
		p := pipeline.New("retry", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "call",
			func(_ context.Context, v int) (int, error) {
				calls[v]++

				switch {
				case v == 0: // never works
					return 0, errOdd
				case v == 1:
					return 0, errFinal
				case calls[v] < 3:
					return 0, errOdd
				}

				return v, nil
			}, pipeline.Stage{Retry: pipeline.Retry{
				Max: 3, If: func(err error) bool { return errors.Is(err, errOdd) },
				Initial: time.Second, Longest: 2 * time.Second,
			}})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Greater(t, time.Since(began), 2500*time.Millisecond, "five waits, each half a second at least")
		assert.Less(t, time.Since(began), 15*time.Second, "five waits, each three seconds at most")
		assert.Len(t, sys.DeadLetters().Letters(), 2)

		call := p.Snapshot().Stages[1]
		assert.EqualValues(t, 5, call.Retried)
		assert.EqualValues(t, 2, call.Failed)

		stop(t, sys)
		assert.Equal(t, []int{4, 1, 3}, calls)
		assert.Equal(t, []int{2}, sink.all())
		assert.Zero(t, source.check(t, 3))
	})
}

func TestNoWaitIsLongerThanTheLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(1)
		p := pipeline.New("retry", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "call",
			func(context.Context, int) error { return errOdd },
			pipeline.Stage{Retry: pipeline.Retry{Max: 10, Initial: time.Second, Longest: 2 * time.Second}})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Less(t, time.Since(began), 30*time.Second, "ten waits, each two seconds and half of that at most")
		stop(t, sys)
	})
}

func TestASnapshotHasTheFiguresOfEachStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, release := newLedger(40), make(chan struct{})
		p := pipeline.New("watched", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "quick", same, pipeline.Stage{})
		flow = pipeline.Filter(flow, "slow", func(ctx context.Context, v int) (bool, error) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return false, ctx.Err()
			}

			if v == 7 {
				<-time.After(time.Second) // does not listen
			}

			if v == 9 {
				return false, errOdd
			}

			return v < 20, nil
		}, pipeline.Stage{Timeout: 200 * time.Millisecond})
		pipeline.ToFunc(flow, "block", func(_ context.Context, v int) error {
			if v == 10 {
				<-release
			}

			return nil
		}, pipeline.Stage{Workers: 2})

		sys := start(t, p)

		<-time.After(time.Minute)

		s := p.Snapshot()
		require.Len(t, s.Stages, 4)
		assert.Equal(t, "slow", s.Slowest)

		slow, block := s.Stages[2], s.Stages[3]
		assert.Equal(t, "/app/watched/slow", slow.Path)
		assert.EqualValues(t, 40, slow.In)
		assert.EqualValues(t, 18, slow.Out)
		assert.EqualValues(t, 1, slow.TimedOut)
		assert.EqualValues(t, 1, slow.Failed)
		assert.Zero(t, slow.Queue)
		assert.Zero(t, slow.Hanging, "it has come back")
		assert.InDelta(t, 0.1, slow.Latency.P50.Seconds(), 0.026)
		assert.InDelta(t, 0.1, slow.Latency.P99.Seconds(), 0.026)

		assert.EqualValues(t, 18, block.In)
		assert.Equal(t, 1, block.Busy)
		assert.Equal(t, 2, block.Workers)
		assert.Positive(t, block.Queue)

		close(release)
		require.NoError(t, p.Wait(t.Context()))

		r := stop(t, sys)
		for _, path := range []string{"numbers", "quick", "slow", "block"} { // the shutdown report is per stage
			found := false

			for _, a := range r.Actors {
				if a.Path == "/app/watched/"+path {
					found = true

					assert.NotNil(t, a.Drain, path)
					assert.NotNil(t, a.Flush, path)
					assert.NotNil(t, a.Close, path)
				}
			}

			assert.True(t, found, path)
		}
	})
}

func TestEachItemHasWaitsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50

		source, sink := newLedger(n), &list[int]{}
		calls := make([]int, n)
		p := pipeline.New("retry", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "call",
			func(_ context.Context, v int) (int, error) {
				calls[v]++

				if calls[v] == 1 {
					return 0, errOdd
				}

				return v, nil
			}, pipeline.Stage{Retry: pipeline.Retry{Max: 1, Initial: time.Second}})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Less(t, time.Since(began), n*1500*time.Millisecond, "each waits a second and a half at most")
		stop(t, sys)
		assert.Len(t, sink.all(), n)
	})
}

// lasts is a function that takes as long as it is told for each item.
func lasts(took func(v int) time.Duration) func(ctx context.Context, v int) (int, error) {
	return func(_ context.Context, v int) (int, error) {
		<-time.After(took(v))

		return v, nil
	}
}

func TestQuantilesAreOfTheLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.New("watched", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{newLedger(200)}), "call",
			lasts(func(v int) time.Duration {
				switch {
				case v < 120:
					return time.Millisecond
				case v < 190:
					return 10 * time.Millisecond
				case v < 199:
					return 100 * time.Millisecond
				default:
					return time.Second
				}
			}), pipeline.Stage{})
		pipeline.To(flow, "list", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))

		l := p.Snapshot().Stages[1].Latency
		for took, q := range map[time.Duration]time.Duration{
			time.Millisecond: l.P50, 10 * time.Millisecond: l.P90, 100 * time.Millisecond: l.P99, time.Second: l.Max,
		} {
			assert.GreaterOrEqual(t, q, took)
			assert.LessOrEqual(t, q, took+took/4)
		}

		stop(t, sys)
	})
}

// TestTheSlowestStageBoundsTheOthers has a stage that takes longer for an item than another, but has more workers.
func TestTheSlowestStageBoundsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		always := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
		p := pipeline.New("watched", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{newLedger(100)}), "many",
			lasts(always(100*time.Millisecond)), pipeline.Stage{Workers: 4})
		flow = pipeline.Map(flow, "one", lasts(always(50*time.Millisecond)), pipeline.Stage{})
		pipeline.To(flow, "list", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Equal(t, "one", p.Snapshot().Slowest)
		stop(t, sys)
	})
}
