package index

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Capacities of the mailboxes, in messages. Together with the messages in hand they bound what is in flight:
// a ParseFile is a path, an Add and a Keep hold the symbols of at most one file.
const (
	ParserCapacity = 32
	ShardCapacity  = 32
	KeeperCapacity = 64
)

// Shards is how many parts the index in memory has.
const Shards = 4

// Indexer is the declared tree of the indexer, and the declarations that main refers to.
type Indexer struct {
	Tree    supervision.Tree
	Walker  *supervision.ActorChild[WalkerMsg]
	Parsers []*supervision.ActorChild[ParserMsg]
	Shards  []*supervision.ActorChild[ShardMsg]
	Keeper  *supervision.ActorChild[KeeperMsg]
}

// Declare declares the actors that index a tree of files into a database with a number of parsers.
func Declare(tree *source.Tree, db *store.DB, parsers int, chaos Chaos) *Indexer {
	x := &Indexer{Keeper: declareKeeper(db)}

	for i := range Shards {
		x.Shards = append(x.Shards, supervision.Actor(fmt.Sprintf("shard-%d", i),
			func(supervision.Deps) (*shard, error) {
				return &shard{byName: make(map[string][]symbols.Symbol)}, nil
			}, supervision.Spec{
				Restart: supervision.Permanent, Decide: fatal, Mailbox: &mailbox.Options{Capacity: ShardCapacity},
			}))
	}

	for i := range parsers {
		x.Parsers = append(x.Parsers, supervision.Actor(fmt.Sprintf("parser-%d", i),
			func(in supervision.Deps) (*parser, error) {
				return &parser{tree: tree, chaos: chaos, shards: refs(x.Shards, in), keeper: x.Keeper.From(in)}, nil
			}, supervision.Spec{
				Restart:   supervision.Permanent,
				Decide:    badFile,
				DependsOn: append(children(x.Shards), x.Keeper),
				Mailbox:   &mailbox.Options{Capacity: ParserCapacity},
				Backoff: supervision.Backoff{
					Initial: time.Millisecond, Max: 50 * time.Millisecond, Stable: 50 * time.Millisecond,
				},
			}))
	}

	x.Walker = supervision.Actor("walker", func(in supervision.Deps) (*walker, error) {
		return &walker{tree: tree, parsers: refs(x.Parsers, in)}, nil
	}, supervision.Spec{Decide: fatal, DependsOn: children(x.Parsers)})

	pool := &supervision.Tree{
		Name: "parsers", Budget: supervision.Budget{Restarts: 200, Within: time.Second}, Children: children(x.Parsers),
	}
	memory := &supervision.Tree{Name: "shards", Budget: none(), Children: children(x.Shards)}

	x.Tree = supervision.Tree{
		Name: "indexer", Budget: none(), Children: []supervision.Child{x.Keeper, memory, pool, x.Walker},
	}

	return x
}

// DeclareReader declares the tree that answers queries from a database that is complete.
func DeclareReader(db *store.DB) (supervision.Tree, *supervision.ActorChild[KeeperMsg]) {
	k := declareKeeper(db)

	return supervision.Tree{Name: "reader", Budget: none(), Children: supervision.On(k)}, k
}

func declareKeeper(db *store.DB) *supervision.ActorChild[KeeperMsg] {
	return supervision.Actor("keeper", func(supervision.Deps) (*keeper, error) { return &keeper{db: db}, nil },
		supervision.Spec{
			Restart: supervision.Permanent, Decide: fatal, Mailbox: &mailbox.Options{Capacity: KeeperCapacity},
		})
}

// none is the budget of a supervisor whose children hold what cannot be made again by restarting them: the first
// failure stops the system, and the next run indexes anew.
func none() supervision.Budget { return supervision.Budget{Restarts: 0, Within: time.Second} }

func fatal(error) supervision.Directive { return supervision.EscalateFailure }

// badFile lets a parser go on after a file that cannot be read or parsed; that is the file's fault.
func badFile(err error) supervision.Directive {
	var (
		unparsed *symbols.ParseError
		unread   *source.FileError
	)

	if errors.As(err, &unparsed) || errors.As(err, &unread) {
		return supervision.ResumeChild
	}

	return supervision.RestartChild
}

func children[M any](all []*supervision.ActorChild[M]) []supervision.Child {
	list := make([]supervision.Child, len(all))
	for i, c := range all {
		list[i] = c
	}

	return list
}

func refs[M any](all []*supervision.ActorChild[M], in supervision.Deps) []actors.Ref[M] {
	list := make([]actors.Ref[M], len(all))
	for i, c := range all {
		list[i] = c.From(in)
	}

	return list
}
