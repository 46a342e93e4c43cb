package pipeline_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

var eof = io.EOF

var errOdd = errors.New("odd")

func double(_ context.Context, v int) (int, error)  { return 2 * v, nil }
func thirds(_ context.Context, v int) (bool, error) { return v%3 == 0, nil }
func oddFails(_ context.Context, v int) (int, error) {
	if v%2 == 1 {
		return 0, errOdd
	}
	return v, nil
}

func TestItemsGoFromTheSourceToTheSink(t *testing.T) {
	source, sink := newLedger(10_000), &list[int]{}
	p := pipeline.New("ingest", options())
	flow := pipeline.From[int](p, "numbers", numbers{source})
	flow = pipeline.Map(flow, "double", double, pipeline.Stage{Capacity: 100})
	flow = pipeline.Filter(flow, "thirds", thirds, pipeline.Stage{})
	pipeline.To(flow, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)

	var want []int
	for i := range 10_000 {
		if i%3 == 0 {
			want = append(want, 2*i)
		}
	}

	assert.Equal(t, want, sink.all())
	assert.Zero(t, source.check(t, 10_000))
	assert.EqualValues(t, 10_000, source.done)
	assert.Zero(t, source.opened)
	assert.Zero(t, sink.open)
}

func TestAnItemThatFailsIsADeadLetterOfItsStage(t *testing.T) {
	source, sink := newLedger(10), &list[int]{}
	p := pipeline.New("ingest", options())
	flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "parse", oddFails, pipeline.Stage{})
	pipeline.To(flow, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))

	letters := sys.DeadLetters().Letters()
	r := stop(t, sys)

	require.Len(t, letters, 5)
	assert.Equal(t, "/app/ingest/parse", letters[0].Target)
	assert.Equal(t, 1, letters[0].Message)
	assert.Equal(t, mailbox.Failed, letters[0].Reason)
	require.ErrorIs(t, letters[0].Cause, errOdd)
	assert.Equal(t, []int{0, 2, 4, 6, 8}, sink.all())
	assert.Zero(t, source.check(t, 10))
	assert.EqualValues(t, 5, r.Total.Failed)
}

func TestSeveralWorkersKeepTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(200), &list[int]{}
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "slow",
			func(ctx context.Context, v int) (int, error) {
				select {
				case <-time.After(time.Duration(v*7919%13) * time.Millisecond):
				case <-ctx.Done():
				}

				return v, ctx.Err()
			}, pipeline.Stage{Workers: 4})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)

		all := sink.all()
		assert.Len(t, all, 200)
		assert.True(t, slices.IsSorted(all))
		assert.Zero(t, source.check(t, 200))
	})
}

func TestAWorkerThatIsStuckIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(10), &list[int]{}
		release := make(chan struct{})
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "stuck",
			func(_ context.Context, v int) (int, error) {
				if v == 3 {
					<-release
				}

				return v, nil
			}, pipeline.Stage{Timeout: time.Second})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Equal(t, 1100*time.Millisecond, time.Since(began))
		assert.Equal(t, 1, p.Snapshot().Stages[1].Hanging)

		letters := sys.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.StageTimeout, letters[0].Reason)
		assert.Equal(t, 3, letters[0].Message)
		close(release)
		synctest.Wait()
		assert.Zero(t, p.Snapshot().Stages[1].Hanging)

		stop(t, sys)
		assert.Equal(t, []int{0, 1, 2, 4, 5, 6, 7, 8, 9}, sink.all())
		assert.Zero(t, source.check(t, 10))
	})
}

func TestAStopRunsThePipelineEmpty(t *testing.T) {
	source, sink := newLedger(1<<30), &list[[]int]{}
	p := pipeline.New("ingest", options())
	flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "double", double, pipeline.Stage{Workers: 2})
	batches := pipeline.Batch(flow, "batch", pipeline.BatchSize[int]{Items: 1000}, pipeline.Stage{})
	pipeline.To(batches, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	for len(sink.all()) < 3 {
		select {
		case <-t.Context().Done():
		default:
		}
	}

	stop(t, sys)

	n := source.next
	assert.Zero(t, source.check(t, n))
	assert.EqualValues(t, n, source.done)

	got := slices.Concat(sink.all()...)
	assert.Len(t, got, n)
	assert.True(t, slices.IsSorted(got))
}

func TestACrashLosesNothing(t *testing.T) {
	source, sink := newLedger(1000), &list[int]{}
	crashes := map[int]int{}
	p := pipeline.New("ingest", options())
	flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "crash",
		func(_ context.Context, v int) (int, error) {
			if v%100 == 99 && crashes[v] < 1 || v == 500 {
				crashes[v]++
				panic(v)
			}

			return v, nil
		}, pipeline.Stage{Redeliver: 2})
	pipeline.To(flow, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))

	letters := sys.DeadLetters().Letters()
	stop(t, sys)
	require.Len(t, letters, 1)
	assert.Equal(t, mailbox.Quarantined, letters[0].Reason)
	assert.Equal(t, 500, letters[0].Message)
	assert.Len(t, sink.all(), 999)
	assert.Equal(t, 3, crashes[500])
	assert.Zero(t, source.check(t, 1000))
}

func TestTheFirstFailureFailsThePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(100), &list[int]{}
		started := make(chan struct{})
		p := pipeline.New("ingest", options())
		flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "parse",
			func(_ context.Context, v int) (int, error) {
				if v == 50 {
					<-started // a failure before that is the start's

					return 0, errOdd
				}

				return v, nil
			}, pipeline.Stage{Failed: pipeline.FailPipeline()})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		restarts := sys.Events().Subscribe(16, supervision.Restarting)

		close(started)

		err := p.Wait(t.Context())
		require.ErrorIs(t, err, errOdd)
		synctest.Wait() // until the failure has reached the supervisor

		for len(restarts.C()) > 0 {
			assert.NotEqual(t, "/app/ingest/parse", (<-restarts.C()).Path, "it is the supervisor above that is told")
		}

		r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		require.ErrorIs(t, err, errOdd)
		assert.Zero(t, r.Unaccounted)
		assert.Positive(t, source.check(t, 100))
		assert.LessOrEqual(t, source.done, uint64(50))
	})
}
