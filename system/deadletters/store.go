package deadletters

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

// Limits and defaults of [Options].
const (
	// DefaultLetters is how many letters are kept when Options.MaxLetters is 0.
	DefaultLetters = 100_000
	// DefaultBytes is how many bytes of letters are kept when Options.MaxBytes is 0.
	DefaultBytes = 64 << 20
	// MinBytes is the least that Options.MaxBytes can be: any letter fits in, at least as what it prints.
	MinBytes = 64 << 10
)

// Options configure a store. The zero value keeps all messages that are not protobuf as what they print.
type Options struct {
	// Types of messages that are stored as JSON.
	Types []Type
	// MaxLetters is how many letters are kept at most; the oldest go. 0 means [DefaultLetters].
	MaxLetters int
	// MaxBytes is how large the letters that are kept are in all; the oldest go. The file is larger, at most about
	// twice, and does not shrink: it uses the room again. A letter that is larger by itself is kept as what it prints. 0
	// means [DefaultBytes].
	MaxBytes int
}

func (o Options) validate() error {
	var errs []error

	if o.MaxLetters < 0 {
		errs = append(errs, fmt.Errorf("deadletters.Options.MaxLetters: %d is negative, must be from 1, or 0 for %d",
			o.MaxLetters, DefaultLetters))
	}

	if o.MaxBytes != 0 && o.MaxBytes < MinBytes {
		errs = append(errs, fmt.Errorf("deadletters.Options.MaxBytes: %d is too little, must be from %d, or 0 for %d",
			o.MaxBytes, MinBytes, DefaultBytes))
	}

	return errors.Join(errs...)
}

// Store is a file of dead letters. All methods are safe for concurrent use. They wait for the disk and for each other's
// transactions, so they are not for actors, but for Keep, which the system calls. [Open] makes one. The zero Store, and
// the nil one that comes with an error of Open, are of no file: they answer [ErrNoFile], and Close does nothing.
type Store struct {
	db         *bbolt.DB
	path       string // which db forgets when it is closed
	codec      *codec
	maxLetters uint64
	maxBytes   uint64
	replaying  sync.Mutex // tried only: held by the one who replays
}

// The buckets of the file, and the one key of the second.
var (
	lettersBucket = []byte("letters.v1")
	totalsBucket  = []byte("totals.v1")
	totalsKey     = []byte("totals")
)

const (
	fileMode = 0o600 // messages may be anything
	patience = time.Second
	fillRate = 0.9 // of a page: numbers grow
	keySize  = 8
)

// ErrInUse says that another process, or another Store, has the file open.
var ErrInUse = errors.New("the file is in use by another process")

// ErrNoFile says that a Store is of no file: it is the zero Store or nil.
var ErrNoFile = errors.New("dead letters: no file, Open opens one")

// ofNoFile reports whether the store was not made by Open.
func (s *Store) ofNoFile() bool { return s == nil || s.db == nil }

// Open opens a file of dead letters, and makes it if there is none. If another process has it open, it waits for a
// second; the error is [ErrInUse] then.
func Open(path string, options Options) (*Store, error) {
	types, err := newCodec(options.Types)
	if err := errors.Join(options.validate(), err); err != nil {
		return nil, err
	}

	db, err := bbolt.Open(path, fileMode, &bbolt.Options{Timeout: patience, FreelistType: bbolt.FreelistMapType})

	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, &os.PathError{Op: "open", Path: path, Err: ErrInUse}
	case err != nil:
		return nil, fmt.Errorf("dead letters in %q: %w", path, err)
	}

	s := &Store{
		db: db, path: path, codec: types,
		maxLetters: uint64(cmp.Or(options.MaxLetters, DefaultLetters)), //nolint:gosec // validated
		maxBytes:   uint64(cmp.Or(options.MaxBytes, DefaultBytes)),     //nolint:gosec // validated
	}

	if err := s.update(func(f *file) error { return f.evict() }); err != nil {
		return nil, errors.Join(err, db.Close())
	}

	return s, nil
}

// Close closes the file. It waits for transactions to end. The store cannot be used any more; it can be closed again.
func (s *Store) Close() error {
	if s.ofNoFile() {
		return nil
	}

	if err := s.db.Close(); err != nil {
		return fmt.Errorf("dead letters in %q: %w", s.path, err)
	}

	return nil
}

// Stats are what has become of all letters ever stored. Stored = Held + Replayed + Removed + Evicted.
type Stats struct {
	// Stored is how many letters there ever were.
	Stored uint64
	// Held is how many are kept, Bytes is how large they are.
	Held, Bytes uint64
	// Replayed is how many left because their message was accepted by its target.
	Replayed uint64
	// Removed is how many left by Remove.
	Removed uint64
	// Evicted is how many had to make room.
	Evicted uint64
	// Opaque is how many, of those stored, had a message that could not be encoded.
	Opaque uint64
	// Reasons counts those stored by the name of their reason.
	Reasons map[string]uint64
}

// Stats returns what was true at an instant.
func (s *Store) Stats() (stats Stats, err error) {
	err = s.view(func(f *file) error {
		t := f.totals
		stats = Stats{
			Stored: t.GetStored(), Held: t.GetHeld(), Bytes: t.GetBytes(), Replayed: t.GetReplayed(),
			Removed: t.GetRemoved(), Evicted: t.GetEvicted(), Opaque: t.GetOpaque(), Reasons: t.GetReasons(),
		}

		return nil
	})

	return stats, err
}

// file is the file within a transaction.
type file struct {
	store   *Store
	letters *bbolt.Bucket
	totals  *letterpb.Totals
}

// view runs a function on the file as it is.
func (s *Store) view(f func(*file) error) error {
	if s.ofNoFile() {
		return ErrNoFile
	}

	return s.failed(s.db.View(func(tx *bbolt.Tx) error {
		totals, err := readTotals(tx.Bucket(totalsBucket))
		if err != nil {
			return err
		}

		return f(&file{s, tx.Bucket(lettersBucket), totals})
	}))
}

// update changes the file, in whole or, if there is an error, not at all.
func (s *Store) update(f func(*file) error) error {
	if s.ofNoFile() {
		return ErrNoFile
	}

	return s.failed(s.db.Update(func(tx *bbolt.Tx) error {
		letters, err := tx.CreateBucketIfNotExists(lettersBucket)
		if err != nil {
			return err //nolint:wrapcheck // see failed
		}

		letters.FillPercent = fillRate

		bucket, err := tx.CreateBucketIfNotExists(totalsBucket)
		if err != nil {
			return err //nolint:wrapcheck // see failed
		}

		totals, err := readTotals(bucket)
		if err != nil {
			return err
		}

		if err := f(&file{s, letters, totals}); err != nil {
			return err
		}

		text, err := proto.Marshal(totals)
		if err != nil {
			return err //nolint:wrapcheck // see failed
		}

		return bucket.Put(totalsKey, text)
	}))
}

// failed says where an error is from.
func (s *Store) failed(err error) error {
	if err != nil {
		return fmt.Errorf("dead letters in %q: %w", s.path, err)
	}

	return nil
}

func readTotals(b *bbolt.Bucket) (*letterpb.Totals, error) {
	t := new(letterpb.Totals)

	if err := proto.Unmarshal(b.Get(totalsKey), t); err != nil {
		return nil, fmt.Errorf("totals: %w", err)
	}

	if t.Reasons == nil {
		t.Reasons = make(map[string]uint64)
	}

	return t, nil
}

func key(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, keySize), number)
}

// put adds a letter, under its number or, if that is another's because the clock was set back, the next one.
func (f *file) put(number uint64, l *letterpb.Letter, text []byte) error {
	if old := f.letters.Get(key(number)); old != nil {
		if same(old, l) {
			return nil
		}

		last, _ := f.letters.Cursor().Last()
		number = binary.BigEndian.Uint64(last) + 1
	}

	t := f.totals
	t.Stored++
	t.Held++
	t.Bytes += size(text)
	t.Reasons[l.GetReason()]++

	if l.GetOpaque() != nil {
		t.Opaque++
	}

	return f.letters.Put(key(number), text) //nolint:wrapcheck // see failed
}

func size(text []byte) uint64 { return uint64(keySize + len(text)) }

// same reports whether what is stored is that very letter.
func same(text []byte, l *letterpb.Letter) bool {
	var stored letterpb.Letter

	return proto.Unmarshal(text, &stored) == nil && stored.GetTarget() == l.GetTarget() &&
		stored.GetTime().AsTime().Equal(l.GetTime().AsTime())
}

// take takes a letter out, under the name of count.
func (f *file) take(k []byte, count *uint64) error {
	f.totals.Held--
	f.totals.Bytes -= size(f.letters.Get(k))
	*count++

	return f.letters.Delete(k) //nolint:wrapcheck // see failed
}

// evict takes out the oldest letters until the others fit.
func (f *file) evict() error {
	for t := f.totals; t.GetHeld() > f.store.maxLetters || t.GetBytes() > f.store.maxBytes; {
		oldest, _ := f.letters.Cursor().First()
		if oldest == nil {
			return fmt.Errorf("totals: %d letters of %d bytes are missing", t.GetHeld(), t.GetBytes())
		}

		if err := f.take(oldest, &t.Evicted); err != nil {
			return err
		}
	}

	return nil
}
