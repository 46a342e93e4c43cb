package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// DefaultMaxRecord is how many bytes a record can have if AppendOptions.MaxRecord is 0: 1 MiB.
const DefaultMaxRecord = 1 << 20

// Sync says when what is written is brought to the disk.
type Sync int

const (
	// SyncWrite is the zero value: before Write returns. What is acknowledged survives a power failure. It costs an fsync
	// per Write, so give the sink batches.
	SyncWrite Sync = iota
	// SyncClose: when the sink is closed, and before that when the operating system sees fit. What is acknowledged
	// survives the end of the process; what of it is not yet on disk is lost in a power failure.
	SyncClose
)

// AppendOptions configure a file that is appended to.
type AppendOptions struct {
	// Sync says when what is written is brought to the disk.
	Sync Sync
	// MaxRecord is how many bytes a record can have at most, without its line feed. 0 means [DefaultMaxRecord].
	MaxRecord int
	// Mode are the permissions of a file that is made, before the umask. 0 means 0600.
	Mode fs.FileMode
}

func (o AppendOptions) validate() error {
	var errs []error

	if o.Sync < SyncWrite || o.Sync > SyncClose {
		errs = append(errs, fmt.Errorf("files.AppendOptions.Sync: there is no policy %d", o.Sync))
	}

	if o.MaxRecord < 0 {
		errs = append(errs, fmt.Errorf("files.AppendOptions.MaxRecord: %d is negative, must be from 1, or 0 for %d",
			o.MaxRecord, DefaultMaxRecord))
	}

	if o.Mode&^fs.ModePerm != 0 {
		errs = append(errs, fmt.Errorf("files.AppendOptions.Mode: %v has more than permissions", o.Mode))
	}

	return errors.Join(errs...)
}

// Errors of records and files.
var (
	// ErrLineFeed occurs when a record has a line feed in it, which ends it.
	ErrLineFeed = errors.New("the record has a line feed in it")
	// ErrLongRecord occurs when a record is longer than AppendOptions.MaxRecord.
	ErrLongRecord = errors.New("the record is too long")
	// ErrNotRecords occurs when a file ends with more bytes without a line feed than a record can have, so that it is not
	// one that was written here.
	ErrNotRecords = errors.New("the file does not end with a record")
)

// AppendSink is a file that is appended to. It implements pipeline.Sink.
type AppendSink[T any] struct {
	path    string
	encode  func(dst []byte, item T) ([]byte, error)
	options AppendOptions

	f        appended // nil if closed
	size     int64    // of what is sunk; the file may be longer after a Write that failed
	torn     bool     // the file may be longer
	buf      []byte
	repaired int64
}

// appended is what the sink needs of an [os.File].
type appended interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// Append makes a sink that writes each item as a record, which is a line: encode appends the item to dst, without a
// line feed, and returns the longer slice, as [strconv.AppendInt] does. One goroutine at a time calls it.
//
// A Write that fails is taken back, so that it can be tried again. What is torn at the end of the file, because the
// process or the machine ended during a Write, is cut off when the file is opened next; the items were not
// acknowledged and come again. So may whole records of the same Write: at least once.
//
// One sink at a time may have the file open, and nobody else may write to it. To rotate it, stop the pipeline.
func Append[T any](path string, encode func(dst []byte, item T) ([]byte, error), options AppendOptions) *AppendSink[T] {
	return &AppendSink[T]{path: path, encode: encode, options: options}
}

// Open opens the file, makes it if there is none, and cuts off what is torn.
func (s *AppendSink[T]) Open(context.Context) error {
	if err := s.check(); err != nil {
		return err
	}

	f, size, err := s.open()
	if err != nil {
		return s.named(err)
	}

	s.f, s.torn = f, false

	if err := s.repair(size); err != nil {
		return errors.Join(s.named(err), s.Close(context.Background()))
	}

	return nil
}

func (s *AppendSink[T]) check() error {
	err := s.options.validate()

	if s.path == "" {
		err = errors.Join(err, errors.New("files.Append: the path is empty"))
	}

	if s.encode == nil {
		err = errors.Join(err, errors.New("files.Append: the function is nil"))
	}

	return err
}

func (s *AppendSink[T]) named(err error) error {
	if err == nil {
		return nil
	}

	return fmt.Errorf("files: %s: %w", s.path, pathless(err))
}

// open opens or makes the file, and returns its size.
func (s *AppendSink[T]) open() (*os.File, int64, error) {
	err := regular(os.Stat(s.path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}

	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, cmp.Or(s.options.Mode, fileMode))
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // named by the caller
	}

	info, err := f.Stat()
	if err == nil {
		err = syncDir(filepath.Dir(s.path))
	}

	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}

	return f, info.Size(), nil
}

func (s *AppendSink[T]) maxRecord() int { return cmp.Or(s.options.MaxRecord, DefaultMaxRecord) }

// repair cuts off what is behind the last line feed.
func (s *AppendSink[T]) repair(size int64) error {
	tail := make([]byte, min(size, int64(s.maxRecord())+1))
	if _, err := s.f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err //nolint:wrapcheck // named by the caller
	}

	torn := len(tail) - 1 - bytes.LastIndexByte(tail, '\n')
	if torn > s.maxRecord() {
		return ErrNotRecords
	}

	s.size, s.repaired = size-int64(torn), int64(torn)
	s.torn = torn > 0

	return s.mend()
}

// mend takes away what is behind what is sunk.
func (s *AppendSink[T]) mend() error {
	if !s.torn {
		return nil
	}

	if err := s.f.Truncate(s.size); err != nil {
		return err
	}

	s.torn = false

	return nil
}

// Repaired returns how many bytes the last Open has cut off. To be called by who opens, or after that.
func (s *AppendSink[T]) Repaired() int64 { return s.repaired }

// Write appends the items. An item that cannot be encoded is an error, and none is written.
func (s *AppendSink[T]) Write(_ context.Context, items []T) error {
	if s.f == nil {
		return s.named(os.ErrClosed)
	}

	if err := s.gather(items); err != nil {
		return s.named(err)
	}

	err := s.put()
	if err != nil {
		s.torn = true
		err = errors.Join(err, s.mend()) // if that fails too, it is tried again before the next Write
	}

	return s.named(err)
}

// gather encodes the items into the buffer.
func (s *AppendSink[T]) gather(items []T) error {
	s.buf = s.buf[:0]

	for i, item := range items {
		begin := len(s.buf)

		buf, err := s.encode(s.buf, item)

		switch {
		case err != nil:
			return fmt.Errorf("item %d of %d: %w", i, len(items), err)
		case len(buf) < begin:
			return fmt.Errorf("item %d of %d: the function has returned less than it was given", i, len(items))
		case bytes.IndexByte(buf[begin:], '\n') >= 0:
			return fmt.Errorf("item %d of %d: %w", i, len(items), ErrLineFeed)
		case len(buf)-begin > s.maxRecord():
			return fmt.Errorf("item %d of %d: %w: %d bytes, of at most %d",
				i, len(items), ErrLongRecord, len(buf)-begin, s.maxRecord())
		}

		buf = append(buf, '\n')
		s.buf = buf
	}

	return nil
}

// put writes the buffer behind what is sunk.
func (s *AppendSink[T]) put() error {
	if err := s.mend(); err != nil {
		return err
	}

	if _, err := s.f.WriteAt(s.buf, s.size); err != nil {
		return err //nolint:wrapcheck // named by the caller
	}

	if s.options.Sync == SyncWrite {
		if err := s.f.Sync(); err != nil {
			return err
		}
	}

	s.size += int64(len(s.buf))

	return nil
}

// Close brings everything to the disk and closes the file.
func (s *AppendSink[T]) Close(context.Context) error {
	if s.f == nil {
		return nil
	}

	err := errors.Join(s.mend(), s.f.Sync(), s.f.Close())
	s.f = nil

	return s.named(err)
}
