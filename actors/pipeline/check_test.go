package pipeline_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	p := pipeline.New("bad", pipeline.Options{Budget: budget, InFlight: -1})
	source := pipeline.From[int](p, "numbers", numbers{newLedger(1)})
	pipeline.Map(source, "loose", double, pipeline.Stage{Capacity: -1, Workers: 5000})
	pipeline.Map[int, int](source, "twice", nil, pipeline.Stage{})
	pipeline.Filter(pipeline.Flow[int]{}, "elsewhere", thirds, pipeline.Stage{}) // of no pipeline
	pipeline.Map(pipeline.From[int](p, "numbers", nil), "sl/ash", double, pipeline.Stage{Timeout: -1})

	_, failures := pipeline.NewSide[int](p, "lonely", pipeline.Stage{})
	limp := pipeline.Map(pipeline.Throttle(failures, "rate", pipeline.Rate{PerSecond: math.NaN()}), "limp",
		func(context.Context, pipeline.Failure[int]) (int, error) { return 0, nil },
		pipeline.Stage{Rate: pipeline.Rate{PerSecond: math.NaN()}})
	pipeline.To(limp, "letters", &list[int]{}, pipeline.Stage{})

	both := pipeline.Broadcast(pipeline.From[int](p, "more", numbers{newLedger(1)}), "both", 2, pipeline.Stage{Workers: 2})
	batches := pipeline.Batch(both[0], "batch", pipeline.BatchSize[int]{Items: 2}, pipeline.Stage{})
	flow := pipeline.Zip(batches, both[1], "zip",
		func(_ context.Context, _ []int, b int) (int, error) { return b, nil }, pipeline.Stage{})
	pipeline.To(flow, "end", &list[int]{}, pipeline.Stage{})

	_, err := supervision.Compile(supervision.Tree{
		Name: "app", Budget: budget,
		Children: []supervision.Child{p, supervision.Actor[int, actorOfInt]("", nil, supervision.Spec{})},
	})
	require.Error(t, err)

	for _, want := range []string{
		"/app/bad: InFlight: -1 is out of range",
		"/app/bad/loose: Flow: is not connected",
		"/app/bad/loose: Capacity: -1 is out of range",
		"/app/bad/loose: Workers: 5000 is out of range",
		`/app/bad/numbers: Flow: is connected twice, to "loose" and to "twice"`,
		"/app/bad/twice: Func: is nil",
		"/app/bad/numbers: Name: is taken",
		"/app/bad/numbers: Source: is nil",
		"/app/bad/sl/ash: Name: must not be empty nor contain a slash",
		"/app/bad/sl/ash: Timeout: -1ns is negative",
		"/app/bad/lonely: Side: is nobody's",
		"/app/bad/rate: Rate.PerSecond: NaN is negative, or no number",
		"/app/bad/limp: Rate.PerSecond: NaN is negative, or no number",
		"/app/bad/both: Workers: 2 is too many, must be 1",
		"/app/bad/zip: Flow: its sides have a stage in common",
		"/app/Children[1]: Name: is empty", // what is wrong around it comes with it
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAFactoryThatMakesNothingIsRefused(t *testing.T) {
	p := pipeline.New("p", options())
	nothing := pipeline.MapWith(pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "map",
		makesNothing[func(context.Context, int) (int, error)], pipeline.Stage{})
	pipeline.ToWith(nothing, "sink", makesNothing[pipeline.Sink[int]], pipeline.Stage{})

	_, err := system.Start(t.Context(),
		supervision.Tree{Name: "app", Budget: budget, Children: supervision.On(p)}, quiet())
	for _, stage := range []string{"map", "sink"} {
		require.ErrorContains(t, err, "/app/p/"+stage+": must open, but refuses to: the factory returned nil")
	}
}

// makesNothing is a factory that returns neither an error nor anything else.
func makesNothing[T any](supervision.Deps) (made T, err error) { return made, err }

func TestANilPipelineIsNobodys(t *testing.T) {
	var p *pipeline.Pipeline

	side, failures := pipeline.NewSide[int](p, "side", pipeline.Stage{})
	pipeline.To(failures, "letters", &list[pipeline.Failure[int]]{}, pipeline.Stage{})
	pipeline.To(pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "list", &list[int]{},
		pipeline.Stage{Failed: side.Policy()})
	assert.Zero(t, p.Bound())
	assert.Zero(t, p.Snapshot())
	require.EqualError(t, p.Wait(t.Context()), "Wait: the pipeline is in no tree that was started")
	require.ErrorIs(t, p.Wait(nil), mailbox.ErrNilContext) //nolint:staticcheck // the case in hand
}

func TestBatchesThatWouldWaitForEverAreRefused(t *testing.T) {
	o := options()
	o.InFlight = 599

	p := pipeline.New("patient", o)
	source := pipeline.From[int](p, "numbers", numbers{newLedger(1)})
	tens := pipeline.Batch(source, "tens", pipeline.BatchSize[int]{Items: 10, Every: time.Second}, pipeline.Stage{})
	many := pipeline.Batch(tens, "many", pipeline.BatchSize[[]int]{Items: 60}, pipeline.Stage{})
	pipeline.To(many, "list", &list[[][]int]{}, pipeline.Stage{})

	compile := func() error {
		_, err := supervision.Compile(supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{p}})

		return err
	}
	require.ErrorContains(t, compile(), "/app/patient: InFlight: 599 is less than what batches without Every can "+
		"wait for, must be 600 at least")

	o.InFlight = 600
	p = pipeline.New("patient", o)
	pipeline.To(pipeline.Batch(pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "many",
		pipeline.BatchSize[int]{Items: 600}, pipeline.Stage{}), "list", &list[[]int]{}, pipeline.Stage{})
	assert.NoError(t, compile())
}

type actorOfInt struct{ actorFunc }

func TestADivertToItemsOfAnotherTypeIsRefused(t *testing.T) {
	p := pipeline.New("types", options())
	side, failed := pipeline.NewSide[string](p, "failed", pipeline.Stage{})
	pipeline.To(failed, "bad", &list[pipeline.Failure[string]]{}, pipeline.Stage{})
	parsed := pipeline.Map(pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "parse", oddFails,
		pipeline.Stage{Failed: side.Policy()})
	pipeline.To(parsed, "list", &list[int]{}, pipeline.Stage{})

	_, err := supervision.Compile(supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{p}})
	assert.ErrorContains(t, err, "/app/types/parse: Failed: diverts to a side of items of another type")
}

func TestMemoryIsBoundedByTheCapacities(t *testing.T) {
	source := newLedger(1 << 30)
	block := make(chan struct{})
	p := pipeline.New("ingest", options())
	s := pipeline.Stage{Capacity: 10}
	flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "double", double, s)
	flow = pipeline.Map(flow, "again", double, s)
	pipeline.ToFunc(flow, "block", func(context.Context, int) error { <-block; return nil }, s)

	sys := start(t, p)
	full := func() bool {
		n := 0
		for _, st := range p.Snapshot().Stages {
			n += st.Queue
		}

		return n >= 30
	}
	beyond := func() bool {
		source.mu.Lock()
		defer source.mu.Unlock()

		return source.next > p.Bound()
	}
	assert.Eventually(t, full, time.Minute, time.Millisecond)
	assert.Never(t, beyond, 50*time.Millisecond, time.Millisecond)
	close(block)
	stop(t, sys)
	assert.Zero(t, source.check(t, source.next))
}
