package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// TestACapacityIsExact has a stage whose worker hangs on its first item: behind it as many wait as there is room for.
func TestACapacityIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		source := newLedger(100)
		p := pipeline.New("p", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "block",
			func(context.Context, int) error { <-release; return nil }, pipeline.Stage{Capacity: 3})

		sys := start(t, p)

		synctest.Wait()
		assert.EqualValues(t, 4, p.Snapshot().Stages[1].In)
		close(release)
		stop(t, sys)
		assert.Zero(t, source.check(t, source.next))
	})
}

// TestAcknowledgementsThatAreToBeToldAreBounded has a source that is told something once an hour: what is finished and
// not told counts like what is unfinished.
func TestAcknowledgementsThatAreToBeToldAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.InFlight, o.CommitEvery = 10, time.Hour

		source := newLedger(1000)
		p := pipeline.New("p", o)
		pipeline.To(pipeline.From[int](p, "numbers", numbers{source}), "list", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()
		assert.LessOrEqual(t, source.next, 20, "ten that it was told of at once, and ten more")

		began := time.Now()

		stop(t, sys)
		assert.Zero(t, time.Since(began), "what is to be told holds nobody up then")
		assert.Zero(t, source.check(t, source.next))
	})
}

// TestItemsThatComeTogetherAreForAllWorkers has two items that wait for each other, and nothing comes behind them.
func TestItemsThatComeTogetherAreForAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, meet, met := make(chan int, 2), make(chan struct{}), false
		items <- 0

		items <- 1

		p := pipeline.New("p", options())
		pipeline.ToFunc(pipeline.From(p, "items", pipeline.Chan(items)), "meet", func(ctx context.Context, v int) error {
			if v == 0 {
				select {
				case <-meet:
					met = true
				case <-ctx.Done():
				}
			} else {
				close(meet)
			}

			return nil
		}, pipeline.Stage{Workers: 2})

		sys := start(t, p)

		synctest.Wait()
		assert.True(t, met)
		close(items)
		stop(t, sys)
	})
}
