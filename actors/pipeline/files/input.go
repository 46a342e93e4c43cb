package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// input is what lines are read from. Its methods are called by one goroutine at a time.
type input interface {
	// read is as io.Reader has it. It returns the context's error when that ends before there is something.
	read(ctx context.Context, p []byte) (int, error)
	// skip leaves out n bytes; if there are not so many, it is a [*ChangedError].
	skip(ctx context.Context, n int64) error
	// look says what has become of the file at the path.
	look() (fate, error)
	close(ctx context.Context) error
}

// fate is what has become of a file that was opened.
type fate int

const (
	same     fate = iota // or there is none at its path, for now
	shorter              // it has fewer bytes than were read
	replaced             // another file is at its path
)

// readFull reads as much as p has room for.
func readFull(ctx context.Context, in input, p []byte) error {
	for len(p) > 0 {
		n, err := in.read(ctx, p)
		p = p[n:]

		switch {
		case errors.Is(err, io.EOF) && len(p) > 0:
			return errShort()
		case err != nil && len(p) > 0:
			return err
		}
	}

	return nil
}

func errShort() error { return &ChangedError{Why: "it is shorter than what was read of it"} }

// file is the input from a file.
type file struct {
	path string
	f    *os.File
	at   int64
}

// errNotRegular says that a file is something that can wait for ever.
var errNotRegular = errors.New("not a regular file; for pipes and the like there is files.Stream")

func openFile(path string) (*file, error) {
	if err := regular(os.Stat(path)); err != nil { // looked at before: opening a pipe would wait for a writer
		return nil, err
	}

	f, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}

	return &file{path: path, f: f}, nil
}

func regular(info fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return pathless(err)
	case !info.Mode().IsRegular():
		return errNotRegular
	default:
		return nil
	}
}

func (i *file) read(_ context.Context, p []byte) (int, error) {
	n, err := i.f.Read(p)
	i.at += int64(n)

	return n, pathless(err)
}

func (i *file) skip(_ context.Context, n int64) error {
	info, err := i.f.Stat()

	switch {
	case err != nil:
		return pathless(err)
	case info.Size() < i.at+n:
		return errShort()
	}

	i.at, err = i.f.Seek(n, io.SeekCurrent)

	return pathless(err)
}

func (i *file) look() (fate, error) {
	mine, err := i.f.Stat()
	if err != nil {
		return same, pathless(err)
	}

	theirs, err := os.Stat(i.path)

	switch {
	case errors.Is(err, fs.ErrNotExist):
		return same, nil
	case err != nil:
		return same, pathless(err)
	case !os.SameFile(mine, theirs):
		return replaced, nil
	case mine.Size() < i.at:
		return shorter, nil
	default:
		return same, nil
	}
}

func (i *file) close(context.Context) error { return pathless(i.f.Close()) }

// pathless takes the operation and the path off an error; ours names the path already.
func pathless(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}

	return err
}

// stream is the input from a reader, whose Read can wait for ever. One goroutine reads it, when it is asked to.
type stream struct {
	r    io.ReadCloser
	asks chan struct{} // the reader's buffer is empty: read
	got  chan chunk    // what was read; has room for one, so that the goroutine never waits for who asked
	left []byte        // of the last chunk
	err  error         // behind left
	busy bool          // it was asked and has not answered
	gone chan struct{} // the goroutine has ended
}

// chunk is what one Read has returned.
type chunk struct {
	b   []byte
	err error
}

const streamBuffer = 64 << 10

func openStream(open func() (io.ReadCloser, error)) (*stream, error) {
	if open == nil {
		return nil, errors.New("files.Stream: the function is nil")
	}

	r, err := open()
	if err != nil {
		return nil, err
	}

	if r == nil {
		return nil, errors.New("files.Stream: the function has returned nil")
	}

	i := &stream{r: r, asks: make(chan struct{}), got: make(chan chunk, 1), gone: make(chan struct{})}

	go i.run()

	return i, nil
}

// run is the goroutine. It ends when asks is closed.
func (i *stream) run() {
	defer close(i.gone)

	buf := make([]byte, streamBuffer)

	for range i.asks {
		n, err := i.r.Read(buf)
		i.got <- chunk{b: buf[:n], err: err}
	}
}

func (i *stream) read(ctx context.Context, p []byte) (int, error) {
	for len(i.left) == 0 {
		if i.err != nil {
			return 0, i.err
		}

		if err := i.ask(ctx); err != nil {
			return 0, err
		}
	}

	n := copy(p, i.left)
	i.left = i.left[n:]

	return n, nil
}

// ask has the goroutine read, and waits for what it got.
func (i *stream) ask(ctx context.Context) error {
	if !i.busy {
		i.asks <- struct{}{} // it is waiting for that
		i.busy = true
	}

	select {
	case c := <-i.got:
		i.left, i.err, i.busy = c.b, c.err, false

		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *stream) skip(ctx context.Context, n int64) error {
	waste := make([]byte, min(n, streamBuffer))

	for n > 0 {
		part := waste[:min(n, int64(len(waste)))]
		if err := readFull(ctx, i, part); err != nil {
			return err
		}

		n -= int64(len(part))
	}

	return nil
}

func (i *stream) look() (fate, error) { return same, nil }

func (i *stream) close(ctx context.Context) error {
	err := i.r.Close()

	close(i.asks)

	select {
	case <-i.gone:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("it is closed and a Read has not returned: %w", ctx.Err()))
	}

	return err
}
