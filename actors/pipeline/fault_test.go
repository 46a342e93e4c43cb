package pipeline_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
)

// TestAFaultNamesItsStageAndItsRule starts pipelines with one fault each: the error says that and nothing else.
func TestAFaultNamesItsStageAndItsRule(t *testing.T) {
	from := func(p *pipeline.Pipeline) pipeline.Flow[int] {
		return pipeline.From[int](p, "numbers", numbers{newLedger(1)})
	}
	to := func(f pipeline.Flow[int], name string) { pipeline.To(f, name, &list[int]{}, pipeline.Stage{}) }

	for name, c := range map[string]struct {
		declare func(p *pipeline.Pipeline)
		want    string
	}{
		"unconnected": {
			func(p *pipeline.Pipeline) { from(p) },
			"/app/p/numbers: Flow: is not connected, every output needs a stage that takes it",
		},
		"a stage whose name is none": {
			func(p *pipeline.Pipeline) { to(from(p), "..") },
			`/app/p/..: Name: ".." is not a name, in a path it means another place`,
		},
		"connected twice": {
			func(p *pipeline.Pipeline) {
				flow := from(p)
				to(flow, "one")
				to(flow, "two")
			},
			`/app/p/numbers: Flow: is connected twice, to "one" and to "two"; a broadcast makes several of it`,
		},
		"a cycle": {
			func(p *pipeline.Pipeline) {
				side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{})
				again := pipeline.Map(failed, "again",
					func(_ context.Context, f pipeline.Failure[int]) (int, error) { return f.Item, nil }, pipeline.Stage{})
				all := pipeline.Merge("all", pipeline.Stage{}, from(p), again)
				to(pipeline.Map(all, "parse", oddFails, pipeline.Stage{Failed: side.Policy()}), "list")
			},
			"/app/p/failed: Flow: is in a cycle: failed → again → all → parse → failed",
		},
		"a key on an unordered balance": {
			func(p *pipeline.Pipeline) {
				parts := pipeline.Partition(from(p), "parts", 1, func(v int) uint64 { return uint64(v) },
					pipeline.Stage{Order: pipeline.AsCompleted})
				to(parts[0], "list")
			},
			"/app/p/parts: Order: is as completed, a partition keeps the order of each key; a balance does not and has no key",
		},
		"a sink that refuses": {
			func(p *pipeline.Pipeline) { pipeline.To[int](from(p), "db", &shut{err: errRefused}, pipeline.Stage{}) },
			"/app/p/opening: /app/p/db: must open, but refuses to: refused",
		},
		"as completed before a zip": {
			func(p *pipeline.Pipeline) {
				both := pipeline.Broadcast(from(p), "both", 2, pipeline.Stage{})
				left := pipeline.Map(both[0], "left", double, pipeline.Stage{Workers: 2, Order: pipeline.AsCompleted})
				to(pipeline.Zip(left, both[1], "zip", func(_ context.Context, a, _ int) (int, error) { return a, nil },
					pipeline.Stage{}), "list")
			},
			"/app/p/left: Order: is as completed, must be ordered between a broadcast and a zip",
		},
		"batches that wait for too much": {
			func(p *pipeline.Pipeline) {
				many := pipeline.Batch(from(p), "many", pipeline.BatchSize[int]{Items: pipeline.MaxBatch}, pipeline.Stage{})
				more := pipeline.Batch(many, "more", pipeline.BatchSize[[]int]{Items: pipeline.MaxBatch}, pipeline.Stage{})
				pipeline.To(more, "list", &list[[][]int]{}, pipeline.Stage{})
			},
			"/app/p: InFlight: batches without Every can wait for more than 16777216 items that are unfinished, " +
				"the most there can be",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := pipeline.New("p", options())
			c.declare(p)

			err := startFails(t, false, supervision.Tree{Name: "app", Budget: budget, Children: supervision.On(p)})
			require.EqualError(t, err, c.want)
		})
	}
}

func TestWhatIsOutOfItsRangeIsNamedWithItsValue(t *testing.T) {
	const (
		capacity = "Capacity: %v is out of range, must be from 1 to 1048576, or 0 for 256"
		workers  = "Workers: %v is out of range, must be from 1 to 1024, or 0 for 1"
		given    = "Abandoned: %v is out of range, must be from 1 to 1024, or 0 for 8"
		again    = "Retry.Max: %v is out of range, must be from 0 to 1024"
		rate     = "Rate.PerSecond: %v is negative, or no number"
		poison   = "Redeliver: %v is out of range, must be from 0 to 1000"
		items    = "Items: %v is out of range, must be from 1 to 65536"
		outputs  = "Outputs: %v is out of range, must be from 1 to 1024"
	)

	from := func(p *pipeline.Pipeline) pipeline.Flow[int] {
		return pipeline.From[int](p, "numbers", numbers{newLedger(1)})
	}
	to := func(f pipeline.Flow[int]) { pipeline.To(f, "list", &list[int]{}, pipeline.Stage{}) }
	mapped := func(s pipeline.Stage) func(p *pipeline.Pipeline) {
		return func(p *pipeline.Pipeline) { to(pipeline.Map(from(p), "it", double, s)) }
	}
	batch := func(b pipeline.BatchSize[int]) func(p *pipeline.Pipeline) {
		return func(p *pipeline.Pipeline) {
			pipeline.To(pipeline.Batch(from(p), "it", b, pipeline.Stage{}), "list", &list[[]int]{}, pipeline.Stage{})
		}
	}
	spread := func(n int) func(p *pipeline.Pipeline) {
		return func(p *pipeline.Pipeline) { to(pipeline.Broadcast(from(p), "it", n, pipeline.Stage{})[0]) }
	}
	throttle := func(perSecond float64) func(p *pipeline.Pipeline) {
		return func(p *pipeline.Pipeline) { to(pipeline.Throttle(from(p), "it", pipeline.Rate{PerSecond: perSecond})) }
	}

	for _, c := range []struct {
		declare func(p *pipeline.Pipeline)
		want    string
	}{
		{mapped(pipeline.Stage{Capacity: -1}), fmt.Sprintf(capacity, -1)},
		{mapped(pipeline.Stage{Capacity: pipeline.MaxCapacity + 1}), fmt.Sprintf(capacity, 1048577)},
		{mapped(pipeline.Stage{Workers: -1}), fmt.Sprintf(workers, -1)},
		{mapped(pipeline.Stage{Workers: pipeline.MaxWorkers + 1}), fmt.Sprintf(workers, 1025)},
		{mapped(pipeline.Stage{Order: 7}), "Order: 7 is not an order, must be ordered or as completed"},
		{mapped(pipeline.Stage{Timeout: -time.Second}), "Timeout: -1s is negative"},
		{mapped(pipeline.Stage{Abandoned: -1}), fmt.Sprintf(given, -1)},
		{mapped(pipeline.Stage{Abandoned: pipeline.MaxAbandoned + 1}), fmt.Sprintf(given, 1025)},
		{mapped(pipeline.Stage{Retry: pipeline.Retry{Max: -1}}), fmt.Sprintf(again, -1)},
		{mapped(pipeline.Stage{Retry: pipeline.Retry{Max: pipeline.MaxRetries + 1}}), fmt.Sprintf(again, 1025)},
		{mapped(pipeline.Stage{Retry: pipeline.Retry{Initial: -1}}), "Retry.Initial: -1ns is negative"},
		{mapped(pipeline.Stage{Retry: pipeline.Retry{Longest: -1}}), "Retry.Longest: -1ns is negative"},
		{mapped(pipeline.Stage{Rate: pipeline.Rate{PerSecond: -0.5}}), fmt.Sprintf(rate, -0.5)},
		{mapped(pipeline.Stage{Rate: pipeline.Rate{PerSecond: math.NaN()}}), fmt.Sprintf(rate, "NaN")},
		{mapped(pipeline.Stage{Rate: pipeline.Rate{PerSecond: 1, Burst: -1}}), "Rate.Burst: -1 is negative"},
		{mapped(pipeline.Stage{Breaker: pipeline.Breaker{Open: -1}}), "Breaker.Open: -1ns is negative"},
		{mapped(pipeline.Stage{Redeliver: -1}), fmt.Sprintf(poison, -1)},
		{mapped(pipeline.Stage{Redeliver: supervision.MaxRedeliver + 1}), fmt.Sprintf(poison, 1001)},
		{batch(pipeline.BatchSize[int]{Every: time.Second}), fmt.Sprintf(items, 0)},
		{batch(pipeline.BatchSize[int]{Items: pipeline.MaxBatch + 1, Every: time.Second}), fmt.Sprintf(items, 65537)},
		{batch(pipeline.BatchSize[int]{Items: 1, Every: -1}), "Every: -1ns is negative"},
		{batch(pipeline.BatchSize[int]{Items: 1, Bytes: -1}), "Bytes: -1 is negative"},
		{batch(pipeline.BatchSize[int]{Items: 1, Bytes: 1}), "Size: is nil, must be a function where Bytes are set"},
		{spread(0), fmt.Sprintf(outputs, 0)},
		{spread(pipeline.MaxPorts + 1), fmt.Sprintf(outputs, 1025)},
		{throttle(0), "Rate.PerSecond: 0 is out of range, must be above 0"},
		{throttle(-1), fmt.Sprintf(rate, -1)},
	} {
		t.Run(c.want, func(t *testing.T) {
			p := pipeline.New("p", options())
			c.declare(p)

			err := startFails(t, false, supervision.Tree{Name: "app", Budget: budget, Children: supervision.On(p)})
			require.EqualError(t, err, "/app/p/it: "+c.want)
		})
	}
}
