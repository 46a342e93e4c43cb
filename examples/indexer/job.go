package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/console"
	actorindex "github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/system"
)

// index does the whole job: it answers the query from a complete index, or makes one first.
func index(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.root == "" {
		if o.root, err = source.Default(ctx); err != nil {
			return err
		}
	}

	tree, err := source.Open(o.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()

	const dirMode = 0o755
	if err := os.MkdirAll(filepath.Dir(o.db), dirMode); err != nil {
		return fmt.Errorf("database %q: %w", o.db, err)
	}

	db, err := store.Open(o.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	whole, found, err := db.Complete()
	if err != nil {
		return err
	}

	if found && whole.Root == tree.Root() {
		return answer(ctx, o, db, whole, stdout)
	}

	return build(ctx, o, tree, db, stdout, stderr)
}

// answer asks the keeper of a complete index.
func answer(ctx context.Context, o options, db *store.DB, whole store.Index, stdout io.Writer) error {
	fmt.Fprintf(stdout, "%s holds %d symbols of %d files below %s\n", db.Path(), whole.Symbols, whole.Files, whole.Root)

	decl, keeper := actorindex.DeclareReader(db)

	sys, err := system.Start(ctx, decl, system.Options{ReportFile: o.report, Interrupts: o.interrupts})
	if err != nil {
		return err
	}

	found, err := actors.Ask(ctx, keeper.From(sys.Intake()), func(r actors.Reply[[]symbols.Symbol]) actorindex.Lookup {
		return actorindex.Lookup{Name: o.query, Reply: r}
	})
	if err == nil {
		show(stdout, o.query, found)
	}

	_, stopErr := sys.Shutdown(ctx)

	return errors.Join(err, stopErr)
}

// build indexes the tree, stops everything in order, and looks at what came of it.
func build(ctx context.Context, o options, tree *source.Tree, db *store.DB, stdout, stderr io.Writer) error {
	if err := db.Begin(tree.Root()); err != nil {
		return err
	}

	before, err := db.Stats()
	if err != nil {
		return err
	}

	began := time.Now()
	x := actorindex.Declare(tree, db, max(2, runtime.GOMAXPROCS(0)), actorindex.Chaos{Rate: o.chaos, Seed: o.seed})

	sys, err := system.Start(ctx, x.Tree, system.Options{
		ReportFile: o.report, Logger: quiet(stderr), Interrupts: o.interrupts,
	})
	if err != nil {
		return err
	}

	working, stopped := context.WithCancel(ctx)
	defer stopped()

	finished := make(chan bool, 1)

	go func() { // awaited below
		finished <- x.Pipeline.Wait(working) == nil // of a failure there is more to be heard from the system
		sys.Stop()
	}()

	watched := make(chan struct{})

	go func() { // ends with the system
		defer close(watched)
		watch(sys, x, stderr)
	}()

	stopErr := sys.Wait(ctx)

	stopped()

	j := &job{walked: x.Walked(), report: sys.Report(), before: before.Files, took: time.Since(began)}
	j.ended = <-finished && j.walked.Ended

	<-watched

	closeErr := j.close(db, tree.Root(), o.query)
	j.print(stdout, o.query)

	return errors.Join(stopErr, closeErr)
}

// job is what an indexing has come to.
type job struct {
	walked  actorindex.Walked
	report  *system.Report
	before  int  // files that the database held before
	ended   bool // every file of the tree was handled
	whole   bool // the index is complete
	stats   store.Stats
	symbols []symbols.Symbol
	took    time.Duration
}

// close marks the index as complete if no file is missing from it. If one is missing although all were handled, or one
// is there that is not in the tree any more, the next run is to make it anew; one that was stopped is gone on with.
func (j *job) close(db *store.DB, root, query string) (err error) {
	if j.stats, err = db.Stats(); err != nil || !j.ended {
		return err
	}

	if j.symbols, err = db.Lookup(query); err != nil {
		return err
	}

	if j.stats.Files != j.walked.Files || len(j.walked.Unreadable) > 0 {
		return db.Abandon()
	}

	err = db.SetComplete(root, j.stats.Files, j.stats.Symbols)
	j.whole = err == nil

	return err
}

// print shows what came out.
func (j *job) print(w io.Writer, query string) {
	_, _ = j.report.WriteTo(w) // a broken stdout is not worth more words

	letters := make(map[string]int)
	for reason, n := range j.report.DeadLetters {
		letters[reason.String()] = int(n) //nolint:gosec // at most one per file
	}

	fmt.Fprintln(w)

	for _, err := range j.walked.Unreadable {
		fmt.Fprintf(w, "left out: %v\n", err)
	}

	switch {
	case !j.ended:
		fmt.Fprintln(w, "the index is not complete; the next run goes on with it")
	case !j.whole:
		show(w, query, j.symbols)
		fmt.Fprintln(w, "the index is not complete; the next run makes it anew")
	default:
		show(w, query, j.symbols)
	}

	fmt.Fprintln(w)

	_, _ = console.Summary{
		Files: j.stats.Files, Symbols: j.stats.Symbols, Restarts: j.report.Restarts, DeadLetters: letters,
		FilesPerSecond: float64(j.stats.Files-j.before) / j.took.Seconds(), PeakMemory: console.PeakMemory(),
		Unaccounted: j.report.Unaccounted, Duration: j.took,
	}.WriteTo(w)
}
