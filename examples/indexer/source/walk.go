package source

import (
	"context"
	"errors"
	"io/fs"
	"path"
)

// Visitor receives what a walk finds. Its functions run one at a time on the goroutine of the walk, and
// they may block: that is how a slow consumer holds the walk back.
type Visitor struct {
	// File is called once for every Go file with its slash path relative to the root. An error ends the
	// walk and is returned as it is. Must not be nil.
	File func(file string) error
	// Unreadable is called for every directory that could not be listed; the walk goes on beside it if it
	// returns nil and ends with its error otherwise. Without it (nil) the first such directory ends the
	// walk with its [*DirError], because a tree with a hole must not pass for a whole one.
	Unreadable func(err *DirError) error
}

// Walk visits the regular files of the tree whose names end in ".go", directory by directory, the entries
// of each in lexical order ("a/x.go" before "a.go", because "a" is before "a.go"). Links are not followed:
// what they point to inside the tree is visited where it is.
//
// Walk ends with nil at the end of the tree, with the cause of ctx soon after ctx ends (at the next
// entry), and with what v says. It never collects the tree: its memory is the entries of the directories
// on the current path. It blocks while the file system or v does, and is safe for concurrent use.
func (t *Tree) Walk(ctx context.Context, v Visitor) error {
	if v.File == nil {
		return errors.New("walk: Visitor.File must be set")
	}
	// Kept aside rather than returned through WalkDir, to which fs.SkipDir and fs.SkipAll mean something.
	var stop error
	_ = fs.WalkDir(t.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if stop = v.visit(ctx, name, entry, err); stop != nil {
			return fs.SkipAll
		}
		return nil
	})
	return stop
}

// visit handles one entry. err is set when name is a directory that could not be listed.
func (v Visitor) visit(ctx context.Context, name string, entry fs.DirEntry, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return v.unreadable(&DirError{Dir: name, Err: cause(err)})
	case path.Ext(name) != ".go" || !entry.Type().IsRegular():
		return nil
	default:
		return v.File(name)
	}
}

func (v Visitor) unreadable(err *DirError) error {
	if v.Unreadable == nil {
		return err
	}
	return v.Unreadable(err)
}
