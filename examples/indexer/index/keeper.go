package index

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// KeeperMsg is what the keeper understands.
type KeeperMsg interface{ isKeeper() }

// Keep writes one file's outcome to the database, with the next batch.
type Keep struct{ File store.File }

// Commit writes what is pending and is answered with what the database holds then.
type Commit struct{ actors.Reply[store.Stats] }

// Complete commits and marks the index of a root as whole.
type Complete struct {
	actors.Reply[store.Stats]

	Root string
}

// Lookup asks the database for the symbols of a name.
type Lookup struct {
	actors.Reply[[]symbols.Symbol]

	Name string
}

func (Keep) isKeeper()     {}
func (Commit) isKeeper()   {}
func (Complete) isKeeper() {}
func (Lookup) isKeeper()   {}

// Batch is how many files the keeper commits in one transaction.
const Batch = 256

// keeper owns the database while the system runs.
type keeper struct {
	db      *store.DB
	pending []store.File // at most Batch
}

func (k *keeper) Receive(_ *actors.Context[KeeperMsg], m KeeperMsg) error {
	switch m := m.(type) {
	case Keep:
		k.pending = append(k.pending, m.File)
		if len(k.pending) >= Batch {
			return k.commit()
		}
	case Commit:
		return k.answer(m.Reply)
	case Complete:
		return k.complete(m)
	case Lookup:
		found, err := k.db.Lookup(m.Name)
		if err != nil {
			return m.Fail(err)
		}

		return m.Send(found)
	}

	return nil
}

func (k *keeper) commit() error {
	if len(k.pending) == 0 {
		return nil
	}

	err := k.db.Put(k.pending)
	clear(k.pending)
	k.pending = k.pending[:0]

	return err
}

func (k *keeper) answer(r actors.Reply[store.Stats]) error {
	if err := k.commit(); err != nil {
		return err
	}

	stats, err := k.db.Stats()
	if err != nil {
		return err
	}

	return r.Send(stats)
}

func (k *keeper) complete(m Complete) error {
	if err := k.commit(); err != nil {
		return err
	}

	stats, err := k.db.Stats()
	if err != nil {
		return err
	}

	if err := k.db.SetComplete(m.Root, stats.Files, stats.Symbols); err != nil {
		return err
	}

	return m.Send(stats)
}

// Flush commits what the last batch left.
func (k *keeper) Flush(context.Context) error { return k.commit() }

// Close closes the database.
func (k *keeper) Close(context.Context) error { return k.db.Close() }
