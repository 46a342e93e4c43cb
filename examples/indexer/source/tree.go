package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxFileSize is the size in bytes of the largest file that [Tree.Read] returns: 16 MiB, five times
// the largest file of the Go distribution. It bounds the memory of whoever reads and parses a file.
const MaxFileSize = 16 << 20

// ErrTooLarge occurs when a file is larger than [MaxFileSize].
var ErrTooLarge = fmt.Errorf("must be at most %d bytes", MaxFileSize)

// ErrNotRegular occurs when a path is not a regular file: a directory, a link, a pipe, a device. Such a
// thing is not read, because reading a pipe could wait for ever.
var ErrNotRegular = errors.New("must be a regular file")

// errNotDirectory stands for the system's own words, which differ from one system to the next.
var errNotDirectory = errors.New("not a directory")

// Tree is an open directory tree. It is safe for concurrent use: any number of goroutines can walk it
// and read from it.
type Tree struct {
	name string   // absolute path
	root *os.Root // owns the directory handle; closed by Close
}

// Open opens the directory root for reading. It blocks for as long as the file system does. A root that
// is missing, unreadable or not a directory gives a [*RootError] that names it. The caller closes the
// tree.
func Open(root string) (*Tree, error) {
	if root == "" {
		return nil, &RootError{Root: root, Err: errors.New("the name is empty")}
	}
	name, err := filepath.Abs(root)
	if err != nil {
		return nil, &RootError{Root: root, Err: err}
	}
	// Looked at before it is opened: opening a pipe would wait for a writer.
	info, err := os.Stat(name)
	if err != nil {
		return nil, &RootError{Root: root, Err: cause(err)}
	}
	if !info.IsDir() {
		return nil, &RootError{Root: root, Err: errNotDirectory}
	}
	handle, err := os.OpenRoot(name)
	if err != nil {
		return nil, &RootError{Root: root, Err: cause(err)}
	}
	t := &Tree{name: name, root: handle}
	if err := t.probe(); err != nil {
		return nil, &RootError{Root: root, Err: errors.Join(cause(err), handle.Close())}
	}
	return t, nil
}

// probe lists one entry: a directory can be opened without the right to list it.
func (t *Tree) probe() error {
	dir, err := t.root.Open(".")
	if err != nil {
		return err
	}
	_, err = dir.ReadDir(1)
	if errors.Is(err, io.EOF) { // empty, which is fine
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// Root returns the absolute path of the tree.
func (t *Tree) Root() string { return t.name }

// FS returns the tree as a file system, for whoever walks it. It is usable until Close.
func (t *Tree) FS() fs.FS { return t.root.FS() }

// Read returns the content of the regular file at the slash path file, as in [Tree.FS]. It blocks for as
// long as the file system does. Every failure is a [*FileError]; it wraps [ErrNotRegular], [ErrTooLarge],
// [fs.ErrNotExist] and the like, and [os.ErrClosed] after Close.
func (t *Tree) Read(file string) ([]byte, error) {
	src, err := t.read(filepath.FromSlash(file))
	if err != nil {
		return nil, &FileError{File: file, Err: cause(err)}
	}
	return src, nil
}

func (t *Tree) read(name string) (_ []byte, err error) {
	info, err := t.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	if info.Size() > MaxFileSize {
		return nil, ErrTooLarge
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// One byte more than the size, so that the end shows without growing the buffer.
	src := make([]byte, 0, info.Size()+1)
	return readUpTo(f, src)
}

// readUpTo reads to the end of r, which may have grown since its size was taken, but not beyond the
// limit.
func readUpTo(r io.Reader, src []byte) ([]byte, error) {
	for {
		if len(src) == cap(src) {
			src = append(src, 0)[:len(src)]
		}
		n, err := r.Read(src[len(src):cap(src)])
		src = src[:len(src)+n]
		switch {
		case len(src) > MaxFileSize:
			return nil, ErrTooLarge
		case errors.Is(err, io.EOF):
			return src, nil
		case err != nil:
			return nil, err
		}
	}
}

// Close releases the directory handle. Walks and reads that run end with an error that wraps
// [os.ErrClosed]. Closing twice is harmless.
func (t *Tree) Close() error {
	if err := t.root.Close(); err != nil {
		return &RootError{Root: t.name, Err: cause(err)}
	}
	return nil
}

// cause takes the operation and the path off a file system error; ours names the path already.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
