package store

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// ErrNotBegun occurs when an index is declared complete that is not the one being built.
var ErrNotBegun = errors.New("must have been begun")

// Index describes a complete index.
type Index struct {
	// Root is the directory that was indexed.
	Root string
	// Files and Symbols are the figures that were given to SetComplete.
	Files, Symbols int
}

// state is an Index that may not be complete yet. Its Root is "" before the first Begin, and its figures are
// zero until it is complete.
type state struct {
	Index

	complete bool
}

// Begin starts the index of root, or goes on with it if that was begun and is neither complete nor abandoned.
// If it starts, it takes the mark of completeness away and removes all that the database holds, in one
// transaction, so that no file of an earlier tree lives on in the new index.
func (d *DB) Begin(root string) error {
	if root == "" {
		return failure(d.path, errors.New("the root of an index must have a name"))
	}
	return d.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		now, err := decodeState(meta.Get(keyState))
		if err != nil {
			return err
		}
		if now.Root == root && !now.complete {
			return nil
		}
		if err := dropData(tx); err != nil {
			return err
		}
		if err := createData(tx); err != nil {
			return err
		}
		if err := meta.Delete(keyCounters); err != nil {
			return err
		}
		return meta.Put(keyState, appendState(nil, state{Index: Index{Root: root}}))
	})
}

// Abandon has the next Begin start anew. What the database holds stays until then.
func (d *DB) Abandon() error {
	return d.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyState) })
}

// SetComplete marks the index of root as being all there, with the number of files and symbols that belong
// to it in the eyes of the caller. If there was no Begin, or the last was for another root or was
// abandoned, the error is [ErrNotBegun].
func (d *DB) SetComplete(root string, files, symbols int) error {
	if files < 0 || files > maxLine || symbols < 0 || symbols > maxLine {
		return failure(d.path, fmt.Errorf(
			"index of %q: its counts must be from 0 to %d, are %d and %d", root, maxLine, files, symbols))
	}
	return d.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		now, err := decodeState(meta.Get(keyState))
		if err != nil {
			return err
		}
		if root == "" || now.Root != root {
			return fmt.Errorf("index of %q: %w", root, ErrNotBegun)
		}
		done := state{Index: Index{Root: root, Files: files, Symbols: symbols}, complete: true}
		return meta.Put(keyState, appendState(nil, done))
	})
}

// Complete returns the index that the database holds, and whether it is complete: only then can a query be
// answered from it. It is not after Begin or Abandon, and in a new database.
func (d *DB) Complete() (Index, bool, error) {
	var now state
	err := d.view(func(tx *bbolt.Tx) error {
		var err error
		now, err = decodeState(tx.Bucket(bucketMeta).Get(keyState))
		return err
	})
	if err != nil || !now.complete {
		return Index{}, false, err
	}
	return now.Index, true, nil
}
