package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

var (
	errRefused = errors.New("refused")
	errLocked  = errors.New("locked")
	errMissing = errors.New("missing")
)

// shut is a sink, and a source, that does not open.
type shut struct {
	list[int]

	err error
}

func (s *shut) Open(context.Context) error             { return s.err }
func (*shut) Pull(context.Context, []int) (int, error) { return 0, eof }

func TestEverythingThatRefusesToOpenIsReportedAtOnce(t *testing.T) {
	source, sink := newLedger(10), &list[int]{}
	p := pipeline.New("ingest", options())
	all := pipeline.Broadcast(pipeline.From[int](p, "numbers", numbers{source}), "all", 4, pipeline.Stage{})
	made := pipeline.MapWith(all[0], "made", func(supervision.Deps) (func(context.Context, int) (int, error), error) {
		return nil, errMissing
	}, pipeline.Stage{})
	other := pipeline.From[int](p, "other", &shut{err: errRefused})
	both := pipeline.Merge("both", pipeline.Stage{}, made, other)
	pipeline.To[int](both, "db", &shut{err: errRefused}, pipeline.Stage{})
	pipeline.To[int](all[1], "file", &shut{err: errLocked}, pipeline.Stage{})
	pipeline.To[int](all[2], "good", sink, pipeline.Stage{})
	pipeline.ToWith(all[3], "with", func(supervision.Deps) (pipeline.Sink[int], error) { return nil, errMissing },
		pipeline.Stage{})

	_, err := system.Start(t.Context(), supervision.Tree{
		Name: "app", Budget: budget, Children: []supervision.Child{p},
	}, quiet())
	require.ErrorContains(t, err, "/app/ingest/opening")

	for stage, cause := range map[string]error{
		"other": errRefused, "db": errRefused, "file": errLocked, "made": errMissing, "with": errMissing,
	} {
		require.ErrorIs(t, err, cause)
		assert.ErrorContains(t, err, "/app/ingest/"+stage+": must open, but refuses to: "+cause.Error())
	}

	assert.Zero(t, sink.open, "what had opened is closed")
	assert.Zero(t, source.opened)
	assert.Zero(t, source.next, "no source hands out anything before all is open")
	assert.Empty(t, sink.all())
}

// fitful is a sink that panics once, and then does not open twice.
type fitful struct {
	list[int]

	opens    int
	panicked bool
}

func (f *fitful) Open(ctx context.Context) error {
	f.opens++
	if f.opens == 2 || f.opens == 3 {
		return errRefused
	}

	return f.list.Open(ctx)
}

func (f *fitful) Write(ctx context.Context, items []int) error {
	if slices.Contains(items, 50) && !f.panicked {
		f.panicked = true

		panic("fit")
	}

	return f.list.Write(ctx, items)
}

func TestASinkThatRefusesToOpenAgainIsRestartedAlone(t *testing.T) {
	source, sink := newLedger(100), &fitful{}
	p := pipeline.New("ingest", options())
	pipeline.To[int](pipeline.From[int](p, "numbers", numbers{source}), "db", sink, pipeline.Stage{Redeliver: 1})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)
	assert.Equal(t, 4, sink.opens)
	assert.Len(t, sink.all(), 100)
	assert.Zero(t, source.check(t, 100))
}

// TestAPipelineFitsAnyGrace has a grace period that is short, and a worker that hangs at the end of it.
func TestAPipelineFitsAnyGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, release := newLedger(1), make(chan struct{})
		p := pipeline.New("ingest", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "hang",
			func(context.Context, int) error { <-release; return nil }, pipeline.Stage{Timeout: time.Millisecond})

		o := quiet()
		o.Grace = 100 * time.Millisecond

		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "app", Budget: budget, Children: []supervision.Child{p},
		}, o)
		require.NoError(t, err)
		require.NoError(t, p.Wait(t.Context()))

		began := time.Now()
		r, err := sys.Shutdown(context.WithoutCancel(t.Context()))
		require.ErrorContains(t, err, "/app/ingest/workers")
		assert.LessOrEqual(t, time.Since(began), o.Grace)
		assert.Zero(t, r.Unaccounted)
		close(release)

		for _, a := range r.Actors {
			if a.Path == "/app/ingest/workers" {
				require.Len(t, a.Abandoned, 1)
				assert.Contains(t, a.Abandoned[0].Stack, "TestAPipelineFitsAnyGrace")
			} else {
				assert.Empty(t, a.Abandoned, a.Path)
			}
		}
	})
}

func TestStageDeadlinesThatDoNotFitTheGraceNameThePipeline(t *testing.T) {
	o := options()
	o.Deadlines.Close = time.Second
	p := pipeline.New("ingest", o)
	pipeline.To[int](pipeline.From[int](p, "numbers", numbers{newLedger(1)}), "list", &list[int]{}, pipeline.Stage{})

	s := quiet()
	s.Grace = 2 * time.Second

	_, err := system.Start(t.Context(), supervision.Tree{
		Name: "app", Budget: budget, Children: []supervision.Child{p},
	}, s)
	require.ErrorContains(t, err, "/app/ingest/numbers: Deadlines.Close: along /app/ingest/numbers → /app/ingest/list → "+
		"/app/ingest/workers they add up to 2s, but the phase has 400ms of the grace period")
}
