package index_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const parsers = 3

// rig is an indexer at work on a real tree.
type rig struct {
	*index.Indexer

	sys *system.System
	db  string
	// walked has the outcome of the walk once there is one.
	walked chan error
}

func start(t *testing.T, dir string, chaos index.Chaos) *rig {
	t.Helper()

	tree, err := source.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tree.Close()) })

	path := filepath.Join(t.TempDir(), "index.db")
	db, err := store.Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Begin(tree.Root()))

	x := index.Declare(tree, db, parsers, chaos)
	sys, err := system.Start(t.Context(), x.Tree, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	r := &rig{Indexer: x, sys: sys, db: path, walked: make(chan error, 1)}

	go func() { // awaited through walked
		_, err := actors.Ask(t.Context(), x.Walker.From(sys.Intake()),
			func(r actors.Reply[index.Walked]) index.WalkerMsg { return index.Walk{Reply: r} })
		r.walked <- err
	}()

	return r
}

// files returns what the database holds after the stop.
func (r *rig) files(t *testing.T) store.Stats {
	t.Helper()

	db, err := store.Open(r.db)
	require.NoError(t, err)

	stats, err := db.Stats()
	require.NoError(t, err)
	require.NoError(t, db.Close())

	return stats
}

func seeds() int {
	if testing.Short() {
		return 4
	}

	return 24
}

// TestStoppedAtARandomMomentEveryMessageIsAccountedFor runs the real tree over real files with parsers that panic,
// stops it somewhere on the way, and looks at the report alone for the law of conservation and the order of the phases.
func TestStoppedAtARandomMomentEveryMessageIsAccountedFor(t *testing.T) {
	dir := filepath.Join(runtime.GOROOT(), "src", "net") //nolint:staticcheck // the tree the test itself was built from

	for seed := range seeds() {
		chance := rand.New(rand.NewPCG(uint64(seed), 0))
		chaos := index.Chaos{Rate: 0.05, Seed: uint64(seed)}
		moment := time.Duration(chance.Int64N(int64(300 * time.Millisecond)))

		r := start(t, dir, chaos)

		select {
		case <-time.After(moment):
		case err := <-r.walked: // done before
			r.walked <- err
		}

		checkBounds(t, r.sys)

		report, err := r.sys.Shutdown(t.Context())
		require.NoError(t, err, "seed %d", seed)

		if err := <-r.walked; err != nil && !errors.Is(err, mailbox.ErrStopping) { // it asked too late
			require.ErrorIs(t, err, mailbox.ErrStopped, "seed %d", seed)
		}

		checkLaw(t, report)
		checkOrder(t, report)
		checkLetters(t, r, report)

		keeper := report.Actors[0]
		require.Equal(t, "/indexer/keeper", keeper.Path)
		assert.Equal(t, int(keeper.Processed), r.files(t).Files, "seed %d: every file the keeper took is committed", seed)

		if t.Failed() {
			_, _ = report.WriteTo(os.Stderr)

			t.Fatalf("seed %d, stopped after %v", seed, moment)
		}
	}
}

// checkBounds checks that no mailbox holds more than it is declared to, while the walker would give it all it has.
func checkBounds(t *testing.T, sys *system.System) {
	t.Helper()

	capacities := map[string]uint64{
		"/indexer/parsers": index.ParserCapacity, "/indexer/shards": index.ShardCapacity, "/indexer": index.KeeperCapacity,
	}

	for _, s := range sys.Stats() {
		assert.LessOrEqual(t, s.Queued, capacities[filepath.Dir(s.Path)], s.Path)
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

// checkOrder checks that the phases follow each other for all, and within each the actors by their dependencies.
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

			for _, on := range dependencies(a.Path, r) {
				if step(on) != nil {
					assert.LessOrEqual(t, step(a).Began+step(a).Took, step(on).Began,
						"%s before %s in %s", a.Path, on.Path, r.Phases[i+1].Name)
				}
			}
		}
	}
}

// dependencies are those the tree declares, written down once more.
func dependencies(path string, r *system.Report) (on []system.ActorReport) {
	for _, a := range r.Actors {
		switch kind, of := filepath.Dir(path), filepath.Dir(a.Path); {
		case path == "/indexer/walker" && of == "/indexer/parsers",
			kind == "/indexer/parsers" && (of == "/indexer/shards" || a.Path == "/indexer/keeper"):
			on = append(on, a)
		}
	}

	return on
}

// checkLetters checks that every lost file is a dead letter with its path and the reason.
func checkLetters(t *testing.T, r *rig, report *system.Report) {
	t.Helper()

	assert.Equal(t, report.Total.Failed, report.DeadLetters[mailbox.Failed])

	for _, l := range r.sys.DeadLetters().Letters() {
		if l.Reason != mailbox.Failed {
			continue
		}

		m, ok := l.Message.(index.ParseFile)
		require.True(t, ok, "%T", l.Message)
		assert.NotEmpty(t, m.File)
		assert.Error(t, l.Cause)
	}
}

// TestTheIndexEqualsThatOfAPlainLoop compares what the actors made of a real tree with what a loop makes of it.
func TestTheIndexEqualsThatOfAPlainLoop(t *testing.T) {
	dir := filepath.Join(runtime.GOROOT(), "src", "go") //nolint:staticcheck // the tree the test itself was built from

	r := start(t, dir, index.Chaos{})
	require.NoError(t, <-r.walked)

	report, err := r.sys.Shutdown(t.Context())
	require.NoError(t, err)
	checkLaw(t, report)

	tree, err := source.Open(dir)
	require.NoError(t, err)

	db, err := store.Open(r.db)
	require.NoError(t, err)

	files := 0

	require.NoError(t, tree.Walk(t.Context(), source.Visitor{File: func(file string) error {
		files++

		text, err := tree.Read(file)
		require.NoError(t, err)

		want, parseErr := symbols.Parse(file, text)
		got, found, err := db.File(file)
		require.NoError(t, err)
		require.True(t, found, file)

		if parseErr != nil {
			assert.Equal(t, parseErr.Error(), got.Err)
		} else {
			assert.ElementsMatch(t, want, got.Symbols, file)
		}

		return nil
	}}))

	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, files, stats.Files)
	require.NoError(t, db.Close())
	require.NoError(t, tree.Close())
}
