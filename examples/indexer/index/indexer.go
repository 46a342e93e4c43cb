package index

import (
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/supervision"
)

const (
	// Capacity of each stage's queue, in files.
	Capacity = 32
	// TextCapacity is that of the stages that have the texts of files in their queues or hands.
	TextCapacity = 8
	// BatchSize is how many files are written in one transaction.
	BatchSize = 256
)

// Indexer is the declared tree of the indexer, and what main asks it afterwards.
type Indexer struct {
	Tree     supervision.Tree
	Pipeline *pipeline.Pipeline

	tree  *source.Tree
	db    *store.DB
	chaos Chaos
	walk  *walk
	found atomic.Int64 // files that came out of the walk
}

// Declare declares the pipeline that indexes a tree of files into a database with a number of parsers. It adds what the
// database does not hold.
func Declare(tree *source.Tree, db *store.DB, parsers int, chaos Chaos) *Indexer {
	p := pipeline.New("pipeline", pipeline.Options{
		Budget: supervision.Budget{Restarts: 200, Within: time.Second},
		Backoff: supervision.Backoff{
			Initial: time.Millisecond, Max: 50 * time.Millisecond, Stable: 50 * time.Millisecond,
		},
	})
	x := &Indexer{Pipeline: p, tree: tree, db: db, chaos: chaos, walk: newWalk(tree)}
	fatal := pipeline.FailPipeline() // of what only the database can fail at: the next run goes on from there

	refused, failures := pipeline.NewSide[*File](p, "refused", pipeline.Stage{Capacity: Capacity})
	badFile := refused.CopyPolicy()

	walked := pipeline.From(p, "walk", x.walk)
	files := pipeline.FlatMap(walked, "new", x.unknown, pipeline.Stage{Capacity: Capacity, Failed: fatal})
	texts := pipeline.Map(files, "read", x.read, pipeline.Stage{Capacity: TextCapacity, Failed: badFile})
	parsed := pipeline.Map(texts, "parse", x.parse, pipeline.Stage{
		Capacity: TextCapacity, Workers: parsers, Order: pipeline.AsCompleted, Failed: badFile,
	})
	recorded := pipeline.Map(failures, "record", record, pipeline.Stage{Capacity: Capacity})
	outcomes := pipeline.Merge("outcomes", pipeline.Stage{Capacity: Capacity}, parsed, recorded)
	batches := pipeline.Batch(outcomes, "batches", pipeline.BatchSize[store.File]{Items: BatchSize},
		pipeline.Stage{Capacity: Capacity})
	pipeline.ToFunc(batches, "write", x.write, pipeline.Stage{Capacity: 1, Failed: fatal})

	x.Tree = supervision.Tree{Name: "indexer", Budget: none(), Children: []supervision.Child{p}}

	return x
}

// none is the budget of a supervisor whose first failure stops the system.
func none() supervision.Budget { return supervision.Budget{Restarts: 0, Within: time.Second} }

// Walked is how far a walk has come.
type Walked struct {
	// Files that it has found.
	Files int
	// Ended says that it has seen all of the tree.
	Ended bool
	// Unreadable directories that were left out.
	Unreadable []error
}

// Walked returns how far the walk has come. Called after the system has stopped.
func (x *Indexer) Walked() Walked {
	return Walked{Files: int(x.found.Load()), Ended: x.walk.ended, Unreadable: x.walk.unreadable}
}

// Progress returns how many files are to be indexed as far as is known, how many of them were parsed or have failed,
// and how many have failed. It is safe for concurrent use and does not block.
func (x *Indexer) Progress() (total, done, failed int) {
	for _, s := range x.Pipeline.Snapshot().Stages {
		out, bad := int(s.Out), int(s.Failed) //nolint:gosec // numbers of files

		switch s.Name {
		case "new":
			total = out
		case "read":
			done, failed = done+bad, failed+bad
		case "parse":
			done, failed = done+out+bad, failed+bad
		}
	}

	return max(total, done), done, failed
}
