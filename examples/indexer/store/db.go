package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long Open waits for a database that another process holds: long enough for one that is
// just closing, short enough for a person at a terminal.
const lockTimeout = 300 * time.Millisecond

// Errors of Open, wrapped together with the path of the database.
var (
	// ErrLocked occurs when another process has the database open, or this one has, through another DB.
	ErrLocked = errors.New("is locked by another process")
	// ErrForeign occurs when the file is there and is no database of this package: not bbolt at all, bbolt
	// of some other program, or damaged beyond use.
	ErrForeign = errors.New("must be a database of the indexer, or a new file")
	// ErrVersion occurs when the file was written by another version of this package.
	ErrVersion = fmt.Errorf("must have schema version %d", schemaVersion)
	// ErrClosed occurs when a DB is used after Close.
	ErrClosed = errors.New("is closed")
)

// DB is an open database file. It is safe for concurrent use: writers wait for each other, readers for
// nobody. Everything that writes blocks until the data is on disk (fsync).
//
// Every error names the database and wraps its cause; after Close that is [ErrClosed].
type DB struct {
	path string
	bolt *bbolt.DB
}

// Open opens the database file at path and creates it if it is not there or empty; the directory must be
// there. It blocks for at most some hundred milliseconds for the lock. Errors: [ErrLocked], [ErrForeign],
// [ErrVersion], and those of the file system; then nothing was written to a file that was there before.
func Open(path string) (*DB, error) {
	db, err := open(path)
	if err != nil {
		return nil, failure(path, err)
	}
	return db, nil
}

func open(path string) (*DB, error) {
	if path == "" {
		return nil, errors.New("must have a name")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // to be created
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: not a regular file", ErrForeign)
	case info.Size() > 0:
		if err := inspect(path); err != nil {
			return nil, err
		}
	}
	bolt, err := dial(path, false)
	if err != nil {
		return nil, err
	}
	// Again, and with the lock held from now on: between the two it can have been anybody's.
	err = guard(func() error { return bolt.View(schemaOf) })
	if errors.Is(err, errNoSchema) {
		err = bolt.Update(createSchema)
	}
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	return &DB{path: path, bolt: bolt}, nil
}

// inspect looks at a file without the means to write to it, because opening a database for writing may
// already change it.
func inspect(path string) error {
	bolt, err := dial(path, true)
	if err != nil {
		return err
	}
	err = guard(func() error { return bolt.View(func(tx *bbolt.Tx) error { return whole(path, tx) }) })
	return errors.Join(err, bolt.Close())
}

// whole returns nil if all of the file is there and it is ours, or nobody's yet.
func whole(path string, tx *bbolt.Tx) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// Pages beyond the end of a mapped file are not an error but a SIGBUS.
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w: it is cut off at %d of %d bytes", ErrForeign, info.Size(), tx.Size())
	}
	if err := schemaOf(tx); !errors.Is(err, errNoSchema) {
		return err
	}
	return nil
}

// guard makes an error of a panic: bbolt panics where it finds a damaged page. This is for the first look at
// a file only. Later a panic is a matter for whoever supervises the caller.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrForeign, p)
		}
	}()
	return fn()
}

// dial opens the file and gives the library's errors our names. After a panic on the way the file stays open
// and locked until the process ends: there is nothing to close it by.
func dial(path string, readOnly bool) (*bbolt.DB, error) {
	var bolt *bbolt.DB
	err := guard(func() (err error) {
		bolt, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      lockTimeout,
			FreelistType: bbolt.FreelistMapType,
			ReadOnly:     readOnly,
			NoStatistics: true,
		})
		return err
	})
	var system *fs.PathError
	switch {
	case err == nil:
		return bolt, nil
	case errors.As(err, &system):
		return nil, fmt.Errorf("must be a writable file in a directory that is there: %w", system.Err)
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, bbolterrors.ErrInvalid),
		errors.Is(err, bbolterrors.ErrChecksum),
		errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	default:
		return nil, err
	}
}

// Path returns the path of the database file as it was given to Open.
func (d *DB) Path() string { return d.path }

// Close waits for running transactions and releases the file and its lock. Closing twice is harmless.
func (d *DB) Close() error {
	if err := d.bolt.Close(); err != nil {
		return failure(d.path, err)
	}
	return nil
}

// view runs fn in a read transaction: it sees one committed state, whatever is written meanwhile.
func (d *DB) view(fn func(tx *bbolt.Tx) error) error {
	if err := d.bolt.View(fn); err != nil {
		return failure(d.path, err)
	}
	return nil
}

// update runs fn in the one write transaction and commits it, or, if fn fails, leaves no trace of it.
func (d *DB) update(fn func(tx *bbolt.Tx) error) error {
	if err := d.bolt.Update(fn); err != nil {
		return failure(d.path, err)
	}
	return nil
}

// failure names the database and takes the library's word for a closed one back to ours.
func failure(path string, err error) error {
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		err = ErrClosed
	}
	var inner *fs.PathError
	if errors.As(err, &inner) && inner.Path == path {
		err = inner.Err // the path stands in front already
	}
	return fmt.Errorf("database %q: %w", path, err)
}
