package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// batched runs items through a batch and returns the batches.
func batched(t *testing.T, values []int, size pipeline.BatchSize[int]) [][]int {
	t.Helper()

	sink := &list[[]int]{}
	p := pipeline.New("p", options())
	batches := pipeline.Batch(pipeline.From(p, "values", pipeline.Slice(values)), "batch", size, pipeline.Stage{})
	pipeline.To(batches, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)

	return sink.all()
}

func itself(v int) int { return v }

func TestABatchHasNoMoreBytesThanItMay(t *testing.T) {
	for name, c := range map[string]struct {
		values []int
		want   [][]int
	}{
		"exactly":             {[]int{4, 6, 3, 7}, [][]int{{4, 6}, {3, 7}}},
		"one more would be":   {[]int{4, 5, 2, 9}, [][]int{{4, 5}, {2}, {9}}},
		"one alone has more":  {[]int{1, 30, 1, 1}, [][]int{{1}, {30}, {1, 1}}},
		"as many as it may":   {[]int{0, 0, 0, 0, 0, 0, 0}, [][]int{{0, 0, 0, 0, 0}, {0, 0}}},
		"the first is all":    {[]int{10, 1, 9, 1}, [][]int{{10}, {1, 9}, {1}}},
		"nothing comes of it": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, batched(t, c.values, pipeline.BatchSize[int]{Items: 5, Bytes: 10, Size: itself}))
		})
	}
}

func TestABatchAsksForTheSizeOfAnItemTwiceAtMost(t *testing.T) {
	const n = 20_000

	for name, bytes := range map[string]int{"all in one": n, "each alone": 1, "some": 100} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			batches := batched(t, make([]int, n), pipeline.BatchSize[int]{
				Items: pipeline.MaxBatch, Bytes: bytes, Size: func(int) int { asked++; return 1 },
			})
			assert.Len(t, batches, n/bytes)
			assert.LessOrEqual(t, asked, 2*n)
		})
	}
}

// TestWhatIsLeftBehindABatchWaitsForMore has more items at hand than a batch may have bytes: the others are no batch
// before there are enough of them, or their time is over.
func TestWhatIsLeftBehindABatchWaitsForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, sink := make(chan int, 10), &list[[]int]{}
		for range 5 {
			items <- 2
		}

		p := pipeline.New("p", options())
		batches := pipeline.Batch(pipeline.From(p, "items", pipeline.Chan(items)), "batch",
			pipeline.BatchSize[int]{Items: 100, Bytes: 6, Size: itself, Every: time.Second}, pipeline.Stage{})
		pipeline.To(batches, "list", sink, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		assert.Equal(t, [][]int{{2, 2, 2}}, sink.all())
		items <- 2

		synctest.Wait()
		assert.Equal(t, [][]int{{2, 2, 2}, {2, 2, 2}}, sink.all())
		items <- 2

		<-time.After(time.Second - 1)
		synctest.Wait()
		assert.Len(t, sink.all(), 2)

		<-time.After(1)
		synctest.Wait()
		assert.Equal(t, [][]int{{2, 2, 2}, {2, 2, 2}, {2}}, sink.all())
		close(items)
		stop(t, sys)
	})
}

// TestABatchGoesOnWithWhatItHadAfterACrash has a Size that panics once: what was gathered before is not passed on
// alone.
func TestABatchGoesOnWithWhatItHadAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, sink := make(chan int, 10), &list[[]int]{}
		crashed := false
		p := pipeline.New("p", options())
		batches := pipeline.Batch(pipeline.From(p, "items", pipeline.Chan(items)), "batch",
			pipeline.BatchSize[int]{Items: 4, Bytes: 100, Size: func(v int) int {
				if v == 2 && !crashed {
					crashed = true

					panic("size")
				}

				return 1
			}}, pipeline.Stage{Redeliver: 1})
		pipeline.To(batches, "list", sink, pipeline.Stage{})

		sys := start(t, p)

		for v := range 3 {
			items <- v

			synctest.Wait()
		}

		assert.True(t, crashed)
		assert.Empty(t, sink.all())
		items <- 3

		synctest.Wait()
		assert.Equal(t, [][]int{{0, 1, 2, 3}}, sink.all())
		close(items)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
	})
}

// TestAWriteThatFailsIsRepeatedForEachItem has a sink that takes no batch with one of the items.
func TestAWriteThatFailsIsRepeatedForEachItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 0
		sink := &list[int]{fail: func(items []int) error {
			most = max(most, len(items))
			if slices.Contains(items, 5) {
				return errOdd
			}

			return nil
		}}
		p := pipeline.New("p", options())
		many := pipeline.FlatMap(pipeline.From(p, "one", pipeline.Slice([]int{10})), "many",
			func(_ context.Context, n int, emit func(int)) error {
				for v := range n {
					emit(v)
				}

				return nil
			}, pipeline.Stage{})
		pipeline.To(many, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))

		letters := sys.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, 5, letters[0].Message)
		stop(t, sys)
		assert.Equal(t, 10, most)
		assert.Equal(t, []int{0, 1, 2, 3, 4, 6, 7, 8, 9}, sink.all())
	})
}
