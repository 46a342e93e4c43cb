package index

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// File is a file on its way. It belongs to the stage that has it.
type File struct {
	// Path is its slash path below the root.
	Path string

	text []byte // between read and parse
}

// unknown passes on a file that the database does not hold.
func (x *Indexer) unknown(_ context.Context, e files.Entry, emit func(*File)) error {
	x.found.Add(1)

	held, err := x.db.Holds(e.Path)
	if err == nil && !held {
		emit(&File{Path: e.Path})
	}

	return err
}

func (x *Indexer) read(_ context.Context, f *File) (_ *File, err error) {
	f.text, err = x.tree.Read(f.Path)

	return f, err
}

func (x *Indexer) parse(_ context.Context, f *File) (store.File, error) {
	text := f.text
	f.text = nil // a dead letter is to hold the path only

	if x.chaos.strikes(f.Path) {
		panic(fmt.Sprintf("chaos strikes %s", f.Path))
	}

	found, err := symbols.Parse(f.Path, text)

	return store.File{Path: f.Path, Symbols: found}, err
}

// record has the database remember that a file was seen and why it has no symbols.
func record(_ context.Context, f pipeline.Failure[*File]) (store.File, error) {
	return store.File{Path: f.Item.Path, Err: f.Err.Error()}, nil
}

func (x *Indexer) write(_ context.Context, batch []store.File) error { return x.db.Put(batch) }
