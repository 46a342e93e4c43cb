package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// TestAnIteratorIsASourceUntilThePipelineStops has one that never ends of itself.
func TestAnIteratorIsASourceUntilThePipelineStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, ended := &list[int]{}, false
		p := pipeline.New("p", options())
		pipeline.To(pipeline.From(p, "naturals", pipeline.Seq(func(yield func(int) bool) {
			defer func() { ended = true }()

			for v := 0; yield(v); v++ {
				<-time.After(time.Second)
			}
		})), "list", sink, pipeline.Stage{})

		sys := start(t, p)

		<-time.After(3500 * time.Millisecond)
		assert.Equal(t, []int{0, 1, 2, 3}, sink.all(), "each as soon as it is there")
		assert.False(t, ended)
		stop(t, sys)
		assert.Equal(t, []int{0, 1, 2, 3, 4}, sink.all(), "the one that it was at comes with it")
		assert.True(t, ended)
	})
}

// TestAStopHandsOutWhatAChannelHolds begins while values wait in the buffer of a channel that is not closed.
func TestAStopHandsOutWhatAChannelHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, sink := make(chan int, 10), &list[int]{}
		for v := range cap(items) {
			items <- v
		}

		p := pipeline.New("p", options())
		slow := pipeline.Map(pipeline.From(p, "items", pipeline.Chan(items)), "slow",
			lasts(func(int) time.Duration { return time.Second }), pipeline.Stage{Capacity: 1})
		pipeline.To(slow, "list", sink, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		assert.NotEmpty(t, items)
		stop(t, sys)
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, sink.all())
	})
}

func TestATapPassesOnWhatItDoesNotFail(t *testing.T) {
	source, sink := newLedger(10), &list[int]{}
	seen := 0
	p := pipeline.New("p", options())
	flow := pipeline.Tap(pipeline.From[int](p, "numbers", numbers{source}), "look", func(_ context.Context, v int) error {
		seen++
		_, err := oddFails(t.Context(), v)

		return err
	}, pipeline.Stage{})
	pipeline.To(flow, "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	assert.Len(t, sys.DeadLetters().Letters(), 5)
	stop(t, sys)
	assert.Equal(t, 10, seen)
	assert.Equal(t, []int{0, 2, 4, 6, 8}, sink.all())
	assert.Zero(t, source.check(t, 10))
}
