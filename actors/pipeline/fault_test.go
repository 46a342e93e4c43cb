package pipeline_test

import (
	"context"
	"testing"

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
	mapped := func(s pipeline.Stage) func(p *pipeline.Pipeline) {
		return func(p *pipeline.Pipeline) { to(pipeline.Map(from(p), "double", double, s), "list") }
	}

	const (
		capacity = "/app/p/double: Capacity: is out of range, must be from 1 to 1048576, or 0 for 256"
		workers  = "/app/p/double: Workers: is out of range, must be from 1 to 1024, or 0 for 1"
	)

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
		"a negative capacity":       {mapped(pipeline.Stage{Capacity: -1}), capacity},
		"a capacity that is beyond": {mapped(pipeline.Stage{Capacity: pipeline.MaxCapacity + 1}), capacity},
		"negative workers":          {mapped(pipeline.Stage{Workers: -1}), workers},
		"workers that are beyond":   {mapped(pipeline.Stage{Workers: pipeline.MaxWorkers + 1}), workers},
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
