package index_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/internal/filetest"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const parsers = 3

// rig is an indexer at work on a tree.
type rig struct {
	*index.Indexer

	sys *system.System
	db  *store.DB
}

func start(t *testing.T, dir string, chaos index.Chaos) *rig {
	t.Helper()

	tree, err := source.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tree.Close()) })

	return startOn(t, tree, chaos)
}

func startOn(t *testing.T, tree *source.Tree, chaos index.Chaos) *rig {
	t.Helper()

	db, err := store.Open(filepath.Join(t.TempDir(), "index.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	require.NoError(t, db.Begin(tree.Root()))

	x := index.Declare(tree, db, parsers, chaos)
	sys, err := system.Start(t.Context(), x.Tree, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	return &rig{Indexer: x, sys: sys, db: db}
}

// finish waits until all is indexed, and stops.
func (r *rig) finish(t *testing.T) *system.Report {
	t.Helper()
	require.NoError(t, r.Pipeline.Wait(t.Context()))

	report, err := r.sys.Shutdown(t.Context())
	require.NoError(t, err)

	return report
}

// files returns how many files the database holds.
func (r *rig) files(t *testing.T) int {
	t.Helper()

	stats, err := r.db.Stats()
	require.NoError(t, err)

	return stats.Files
}

func seeds() int {
	if testing.Short() {
		return 4
	}

	return 24
}

// TestStoppedAtARandomMomentEveryFileIsAccountedFor runs the real tree over real files with parsers that panic, stops
// it somewhere on the way, and looks at the report for the law of conservation and the order of the phases, and at the
// database for every file that is not a dead letter.
func TestStoppedAtARandomMomentEveryFileIsAccountedFor(t *testing.T) {
	dir := filepath.Join(runtime.GOROOT(), "src", "go") //nolint:staticcheck // the tree the test itself was built from

	for seed := range seeds() {
		chance := rand.New(rand.NewPCG(uint64(seed), 0))
		moment := time.Duration(chance.Int64N(int64(300 * time.Millisecond)))
		r := start(t, dir, index.Chaos{Rate: 0.05, Seed: uint64(seed)})

		waiting, cancel := context.WithTimeout(t.Context(), moment)
		_ = r.Pipeline.Wait(waiting) // the moment, or the end before

		cancel()
		checkBounds(t, r.Pipeline)

		report, err := r.sys.Shutdown(t.Context())
		require.NoError(t, err, "seed %d", seed)
		checkLaw(t, report)
		checkOrder(t, report)

		panics := checkLetters(t, r, report)
		assert.Equal(t, r.Walked().Files-panics, r.files(t), "every file is in the database, or a parser has panicked")

		if t.Failed() {
			_, _ = report.WriteTo(os.Stderr)

			t.Fatalf("seed %d, stopped after %v", seed, moment)
		}
	}
}

// checkBounds checks that no stage holds more than it is declared to, while the walk would give it all it has.
func checkBounds(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()

	for _, s := range p.Snapshot().Stages {
		bound := (1 + s.Workers) * index.Capacity // in the queue, and in the workers' hands

		switch s.Name {
		case "read", "parse":
			bound = (1 + s.Workers) * index.TextCapacity
		case "walk":
			bound = index.Capacity // in its hands: it has no queue
		case "batches":
			bound = index.Capacity + index.BatchSize
		case "write":
			bound = 2
		}

		assert.LessOrEqual(t, s.Queue, bound, s.Path)
	}
}

func checkLaw(t *testing.T, r *system.Report) {
	t.Helper()
	assert.Zero(t, r.Unaccounted)

	for _, a := range r.Actors {
		dead := uint64(0)
		for _, n := range a.DeadLettered {
			dead += n
		}

		assert.Equal(t, a.Accepted, a.Processed+a.Failed+dead, "%s", a.Path)
		assert.Zero(t, a.Queued, "%s", a.Path)
		assert.Equal(t, "stopped", a.State, "%s", a.Path)
	}
}

// checkOrder checks that the phases follow each other for all, and within each the stages from the walk on.
func checkOrder(t *testing.T, r *system.Report) {
	t.Helper()

	drain := func(a system.ActorReport) *system.StepReport { return a.Drain }
	flush := func(a system.ActorReport) *system.StepReport { return a.Flush }
	closing := func(a system.ActorReport) *system.StepReport { return a.Close }
	phases := []func(system.ActorReport) *system.StepReport{drain, flush, closing}

	for i, step := range phases {
		for _, a := range r.Actors {
			if step(a) == nil {
				continue // it was down and had nothing left to do
			}

			if i > 0 {
				for _, b := range r.Actors {
					if before := phases[i-1](b); before != nil {
						assert.LessOrEqual(t, before.Began+before.Took, step(a).Began,
							"%s of %s before the next phase", r.Phases[i].Name, b.Path)
					}
				}
			}

			for _, b := range r.Actors {
				if behind(a.Path, b.Path) && step(b) != nil {
					assert.LessOrEqual(t, step(a).Began+step(a).Took, step(b).Began,
						"%s before %s in %s", a.Path, b.Path, r.Phases[i+1].Name)
				}
			}
		}
	}
}

// behind reports whether a stage leads to another, as the picture of the package has it.
func behind(from, to string) bool {
	next := map[string]string{
		"walk": "new", "new": "read", "read": "parse refused", "parse": "outcomes refused", "refused": "record",
		"record": "outcomes", "outcomes": "batches", "batches": "write",
	}

	return strings.Contains(next[filepath.Base(from)], filepath.Base(to)) && from != to
}

// checkLetters checks that every lost file is a dead letter with its path and the reason, of the stage that has lost
// it, and returns for how many that is a panic.
func checkLetters(t *testing.T, r *rig, report *system.Report) (panics int) {
	t.Helper()

	assert.Equal(t, report.Total.Failed, report.DeadLetters[mailbox.Failed])

	for _, l := range r.sys.DeadLetters().Letters() {
		assert.Equal(t, mailbox.Failed, l.Reason)
		assert.Equal(t, "/indexer/pipeline/parse", l.Target)

		m, ok := l.Message.(*index.File)
		require.True(t, ok, "%T", l.Message)
		assert.NotEmpty(t, m.Path)
		require.Error(t, l.Cause)

		if bad := (*symbols.ParseError)(nil); !errors.As(l.Cause, &bad) {
			assert.ErrorContains(t, l.Cause, "chaos strikes "+m.Path)

			panics++
		}
	}

	return panics
}

// TestWhatTheDatabaseHoldsIsNotReadAgain has an index that was begun be gone on with.
func TestWhatTheDatabaseHoldsIsNotReadAgain(t *testing.T) {
	dir := filetest.Make(t, map[string]string{"a.go": "package a\n\nfunc A() {}\n", "b.go": "package b\n\nfunc B() {}\n"})
	r := start(t, dir, index.Chaos{})
	r.finish(t)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("no longer Go"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.go"), []byte("package c\n\nfunc C() {}\n"), 0o600))

	tree, err := source.Open(dir)
	require.NoError(t, err)

	x := index.Declare(tree, r.db, parsers, index.Chaos{})
	sys, err := system.Start(t.Context(), x.Tree, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	again := &rig{Indexer: x, sys: sys, db: r.db}
	assert.Empty(t, again.finish(t).DeadLetters)
	assert.Equal(t, index.Walked{Files: 3, Ended: true}, again.Walked())
	assert.Equal(t, 3, again.files(t))

	total, done, failed := again.Progress()
	assert.Equal(t, []int{1, 1, 0}, []int{total, done, failed})
	require.NoError(t, tree.Close())
}

// TestADatabaseThatFailsStopsTheSystem has the first write fail.
func TestADatabaseThatFailsStopsTheSystem(t *testing.T) {
	r := start(t, filepath.Join(runtime.GOROOT(), "src", "go"), index.Chaos{}) //nolint:staticcheck // as above
	require.NoError(t, r.db.Close())

	err := r.sys.Wait(t.Context())
	require.ErrorIs(t, err, store.ErrClosed)

	var failed *pipeline.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, []string{"/indexer/pipeline/new", "/indexer/pipeline/write"}, failed.Stage)
	assert.Zero(t, r.sys.Report().Unaccounted)
}
