package pipelinetest

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// Options let a stage fail a thousand times, and tell a source of its items at once.
func Options() pipeline.Options {
	return pipeline.Options{
		Budget: supervision.Budget{Restarts: 1000, Within: time.Minute}, CommitEvery: pipeline.Immediately,
		Backoff: supervision.Backoff{Initial: supervision.Immediately},
	}
}

// Quiet are options of a system that says nothing and leaves signals alone.
func Quiet() system.Options {
	return system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}}
}

// Start starts a system that runs a pipeline and says nothing.
func Start(t testing.TB, p *pipeline.Pipeline) *system.System {
	t.Helper()

	tree := supervision.Tree{
		Name: "test", Budget: supervision.Budget{Restarts: 1, Within: time.Minute}, Children: []supervision.Child{p},
	}

	s, err := system.Start(t.Context(), tree, Quiet())
	require.NoError(t, err)

	return s
}

// Stop stops a system, which must account for everything.
func Stop(t testing.TB, s *system.System) *system.Report {
	t.Helper()

	r, err := s.Shutdown(context.WithoutCancel(t.Context()))
	require.NoError(t, err, "%v", r)
	require.Zero(t, r.Unaccounted)

	return r
}

// Run runs a pipeline until its sources have ended and know what became of their items.
func Run(t testing.TB, p *pipeline.Pipeline) *system.Report {
	t.Helper()

	s := Start(t, p)
	require.NoError(t, p.Wait(t.Context()))

	return Stop(t, s)
}
