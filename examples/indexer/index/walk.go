package index

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/examples/indexer/source"
)

// walk is a source of the Go files of a tree: the regular files whose names end in ".go". It keeps no offset of its
// own, because the database knows what is done. Its fields belong to the goroutine that pulls.
type walk struct {
	*files.WalkSource

	ended      bool
	unreadable []error // directories that were left out
}

func newWalk(tree *source.Tree) *walk {
	w := new(walk)
	w.WalkSource = files.Walk(tree.FS(), files.WalkOptions{
		Keep: func(name string, d fs.DirEntry) bool { return path.Ext(name) == ".go" && d.Type().IsRegular() },
		Unreadable: func(dir string, err error) error {
			w.unreadable = append(w.unreadable, &source.DirError{Dir: dir, Err: err})

			return nil
		},
	})

	return w
}

// Pull hands out files, and notes the end of the tree, which is none if the intake is over.
func (w *walk) Pull(ctx context.Context, items []files.Entry) (int, error) {
	n, err := w.WalkSource.Pull(ctx, items)
	w.ended = errors.Is(err, io.EOF) && ctx.Err() == nil

	return n, err
}
