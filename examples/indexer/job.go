package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/console"
	actorindex "github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
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

	sys, err := system.Start(ctx, decl, system.Options{ReportFile: o.report})
	if err != nil {
		return err
	}

	found, err := actors.Ask(ctx, keeper.From(sys.Intake()), func(r actors.Reply[[]symbols.Symbol]) actorindex.KeeperMsg {
		return actorindex.Lookup{Name: o.query, Reply: r}
	})
	if err == nil {
		show(stdout, o.query, found)
	}

	_, stopErr := sys.Shutdown(ctx)

	return errors.Join(err, stopErr)
}

// build indexes the tree, asks the shards in memory, and stops everything in order.
func build(ctx context.Context, o options, tree *source.Tree, db *store.DB, stdout, stderr io.Writer) error {
	if err := db.Begin(tree.Root()); err != nil {
		return err
	}

	began := time.Now()
	x := actorindex.Declare(tree, db, max(2, runtime.GOMAXPROCS(0)), actorindex.Chaos{Rate: o.chaos, Seed: o.seed})

	sys, err := system.Start(ctx, x.Tree, system.Options{ReportFile: o.report, Logger: quiet(stderr)})
	if err != nil {
		return err
	}

	j := &job{indexer: x, sys: sys, root: tree.Root(), query: o.query}
	ended := make(chan error, 1)

	go func() { // awaited below
		ended <- j.run(ctx)
		sys.Stop()
	}()

	watched := make(chan struct{})

	go func() { // ends with the system
		defer close(watched)
		watch(sys, x, j.synced.Load, stderr)
	}()

	stopErr := sys.Wait(ctx)
	jobErr := <-ended

	<-watched

	stats, err := kept(o.db)
	j.stats = stats
	j.print(stdout, time.Since(began))

	if errors.Is(jobErr, mailbox.ErrStopping) || errors.Is(jobErr, mailbox.ErrStopped) {
		jobErr = nil // stopped before the end: if that is a failure, it is in stopErr
	}

	return errors.Join(stopErr, jobErr, err)
}

// kept returns what is in the database after the keeper has closed it.
func kept(path string) (stats store.Stats, err error) {
	db, err := store.Open(path)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	return db.Stats()
}

// job is the indexing of one root.
type job struct {
	indexer *actorindex.Indexer
	sys     *system.System
	root    string
	query   string

	synced  atomic.Int64 // questions among what the parsers have handled; the rest are files
	asked   bool         // symbols is the answer
	done    bool         // the index is complete
	walked  actorindex.Walked
	stats   store.Stats
	symbols []symbols.Symbol
}

// run has the walker walk, waits until every queue it filled has been worked off, and asks. Each question queues
// behind what it is about, so its answer says that all of that is done.
func (j *job) run(ctx context.Context) (err error) {
	in := j.sys.Intake()

	walker := j.indexer.Walker.From(in)

	j.walked, err = actors.Ask(ctx, walker, func(r actors.Reply[actorindex.Walked]) actorindex.WalkerMsg {
		return actorindex.Walk{Reply: r}
	})
	if err != nil {
		return err
	}

	for _, p := range j.indexer.Parsers {
		if _, err := actors.Ask(ctx, p.From(in), func(r actors.Reply[struct{}]) actorindex.ParserMsg {
			return actorindex.Sync{Reply: r}
		}); err != nil {
			return err
		}

		j.synced.Add(1)
	}

	shard := j.indexer.Shards[actorindex.ShardOf(j.query, len(j.indexer.Shards))]

	j.symbols, err = actors.Ask(ctx, shard.From(in), func(r actors.Reply[[]symbols.Symbol]) actorindex.ShardMsg {
		return actorindex.Find{Name: j.query, Reply: r}
	})
	if err != nil {
		return err
	}

	j.asked = true

	return j.commit(ctx, in)
}

// commit makes the keeper commit everything, and mark the index as complete if no file is missing from it.
func (j *job) commit(ctx context.Context, in supervision.Deps) (err error) {
	keeper := j.indexer.Keeper.From(in)

	j.stats, err = actors.Ask(ctx, keeper, func(r actors.Reply[store.Stats]) actorindex.KeeperMsg {
		return actorindex.Commit{Reply: r}
	})
	if err != nil || j.stats.Files != j.walked.Files || len(j.walked.Unreadable) > 0 {
		return err
	}

	j.stats, err = actors.Ask(ctx, keeper, func(r actors.Reply[store.Stats]) actorindex.KeeperMsg {
		return actorindex.Complete{Root: j.root, Reply: r}
	})
	j.done = err == nil

	return err
}

// print shows what came out. Called after the system has stopped.
func (j *job) print(w io.Writer, took time.Duration) {
	report := j.sys.Report()
	_, _ = report.WriteTo(w) // a broken stdout is not worth more words

	letters := make(map[string]int)
	for reason, n := range report.DeadLetters {
		letters[reason.String()] = int(n) //nolint:gosec // at most one per file
	}

	fmt.Fprintln(w)

	for _, err := range j.walked.Unreadable {
		fmt.Fprintf(w, "left out: %v\n", err)
	}

	if j.asked {
		show(w, j.query, j.symbols)
	}

	if !j.done {
		fmt.Fprintln(w, "the index is not complete; the next run makes it anew")
	}

	fmt.Fprintln(w)

	_, _ = console.Summary{
		Files: j.stats.Files, Symbols: j.stats.Symbols, Restarts: report.Restarts, DeadLetters: letters,
		FilesPerSecond: float64(j.stats.Files) / took.Seconds(), PeakMemory: console.PeakMemory(),
		Unaccounted: report.Unaccounted, Duration: took,
	}.WriteTo(w)
}
