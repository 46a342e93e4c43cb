package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Entry is a file of a tree.
type Entry struct {
	// Path is its slash path in the file system, as [fs.FS] has it.
	Path string
	// Dir is what the directory says of it.
	Dir fs.DirEntry
}

// WalkOptions configure a walk. The zero value walks all regular files.
type WalkOptions struct {
	// Root is the slash path of the directory to walk. "" means ".", all of the file system.
	Root string
	// Keep says whether something that is no directory is an item. nil means that regular files are. Links are not
	// followed.
	Keep func(path string, d fs.DirEntry) bool
	// Enter says whether a directory below Root is walked. nil means that all are.
	Enter func(path string, d fs.DirEntry) bool
	// Unreadable is told of a directory that cannot be listed. The walk goes on beside it if it returns nil; an error is
	// a failure of the source. nil stands for a function that returns the error.
	Unreadable func(path string, err error) error
	// OffsetFile is the path of the file in which the last path that is done is kept, as LineOptions.OffsetFile. A source
	// that is opened goes on behind it. To walk again from the beginning, remove the file. "" means that nothing is kept.
	OffsetFile string
}

// WalkSource is a source of the files of a tree. It implements pipeline.Source and pipeline.Committer.
type WalkSource struct {
	fsys    fs.FS
	options WalkOptions

	// The following are for who opens, pulls and closes.
	levels   []level // from the root to the directory that is being walked
	last     string  // the last path that was handed out, or saved; "" before the first
	begun    bool    // last is known
	resuming bool    // nothing was handed out since Open, and there is something to be passed over

	kept kept[string]
}

// level is a directory whose entries are being walked.
type level struct {
	dir     string
	entries []fs.DirEntry // those to come, in the order of their names
}

// Walk makes a source of the files of a file system, such as that of an [os.Root], which nothing leads out of. They
// come directory by directory, the entries of each in the order of their names. The files are not opened: that is work
// for a stage with workers.
//
// With an offset file, a restart goes on behind the last path up to which all is done. What was added to the tree
// before that meanwhile is not seen.
//
// It holds the entries of the directories from the root to the one being walked, and the path of each item that is not
// committed. The file system stays the caller's, to be closed after the pipeline has stopped.
func Walk(fsys fs.FS, options WalkOptions) *WalkSource {
	return &WalkSource{fsys: fsys, options: options}
}

// Open finds where the walk goes on. It lists the root.
func (s *WalkSource) Open(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}

	if !s.begun {
		last, err := loadPath(s.options.OffsetFile)
		if err != nil {
			return err
		}

		s.last, s.begun = last, true
	}

	s.levels, s.resuming = nil, s.last != ""

	return s.list(ctx, s.root())
}

// savedPath is a path in a file of its own.
type savedPath struct {
	Version int    `json:"version"`
	Path    string `json:"path"`
}

const pathVersion = 1

func loadPath(file string) (string, error) {
	var s savedPath

	found, err := load(file, &s)
	if err == nil && found && (s.Version != pathVersion || !fs.ValidPath(s.Path)) {
		err = fmt.Errorf("offset file %q: it is not the path of a walk", file)
	}

	return s.Path, err
}

func (s *WalkSource) root() string { return cmp.Or(s.options.Root, ".") }

func (s *WalkSource) check() error {
	var errs []error

	if s.fsys == nil {
		errs = append(errs, errors.New("files.Walk: the file system is nil"))
	}

	if !fs.ValidPath(s.root()) {
		errs = append(errs, fmt.Errorf("files.WalkOptions.Root: %q is not a slash path inside a file system", s.root()))
	}

	return errors.Join(errs...)
}

// list begins with a directory.
func (s *WalkSource) list(ctx context.Context, dir string) error {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err == nil {
		s.levels = append(s.levels, level{dir: dir, entries: entries})

		return nil
	}

	if s.options.Unreadable != nil {
		err = s.options.Unreadable(dir, pathless(err))
	}

	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("files: directory %q: %w", dir, pathless(err))
	}

	return nil
}

// Pull hands out files.
func (s *WalkSource) Pull(ctx context.Context, items []Entry) (n int, err error) {
	for n < len(items) && err == nil && ctx.Err() == nil {
		var (
			e  Entry
			ok bool
		)

		if e, ok, err = s.next(ctx); ok {
			items[n] = e
			n++
		}
	}

	for _, e := range items[:n] {
		s.kept.add(e.Path)
	}

	if n == 0 && err == nil {
		err = io.EOF // the context has ended
	}

	return n, err
}

// next looks at one entry, and reports whether it is an item.
func (s *WalkSource) next(ctx context.Context) (Entry, bool, error) {
	if len(s.levels) == 0 {
		return Entry{}, false, io.EOF
	}

	l := &s.levels[len(s.levels)-1]
	if len(l.entries) == 0 {
		s.levels = s.levels[:len(s.levels)-1]

		return Entry{}, false, nil
	}

	e := Entry{Path: path.Join(l.dir, l.entries[0].Name()), Dir: l.entries[0]}
	l.entries = l.entries[1:] // before list, which may move the levels

	if e.Dir.IsDir() {
		if !s.enters(e) {
			return Entry{}, false, nil
		}

		return Entry{}, false, s.list(ctx, e.Path)
	}

	if s.passed(e.Path) || !s.keeps(e) {
		return Entry{}, false, nil
	}

	s.last, s.resuming = e.Path, false

	return e, true, nil
}

func (s *WalkSource) keeps(e Entry) bool {
	if s.options.Keep == nil {
		return e.Dir.Type().IsRegular()
	}

	return s.options.Keep(e.Path, e.Dir)
}

func (s *WalkSource) enters(e Entry) bool {
	if s.resuming && compare(e.Path, s.last) < 0 && !strings.HasPrefix(s.last, e.Path+"/") {
		return false // all of it is before the last path
	}

	return s.options.Enter == nil || s.options.Enter(e.Path, e.Dir)
}

// passed reports whether a file was handed out before.
func (s *WalkSource) passed(file string) bool { return s.resuming && compare(file, s.last) <= 0 }

// compare compares paths in the order of a walk.
func compare(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }

// Commit keeps the path of the last of the first done files, on disk when it returns.
func (s *WalkSource) Commit(_ context.Context, done uint64) error {
	return s.kept.commit(done, s.options.OffsetFile, func(path string) any {
		return savedPath{Version: pathVersion, Path: path}
	})
}

// Close forgets the directories.
func (s *WalkSource) Close(context.Context) error {
	s.levels = nil

	return nil
}
