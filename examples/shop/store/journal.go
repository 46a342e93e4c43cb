package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// lockTimeout is how long Open waits for a file that another process has open.
const lockTimeout = time.Second

// ErrSequence occurs when the file has events that do not follow one another: it is damaged or not ours.
var ErrSequence = errors.New("events do not follow one another")

var bucket = []byte("events")

// Journal is the file of all events, append-only. It is safe for concurrent use.
type Journal struct {
	path string
	bolt *bbolt.DB
}

// Open opens the file and creates it if it is not there.
func Open(path string) (*Journal, error) {
	const mode = 0o600

	bolt, err := bbolt.Open(path, mode, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("journal %q: %w", path, err)
	}

	err = bolt.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)

		return err
	})
	if err != nil {
		return nil, fmt.Errorf("journal %q: %w", path, errors.Join(err, bolt.Close()))
	}

	return &Journal{path: path, bolt: bolt}, nil
}

// Append numbers the events, in place, and writes them in one transaction. It returns when they are on disk; if it
// fails, none of them is there.
func (j *Journal) Append(events []order.Event) error {
	err := j.bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)

		for i := range events {
			seq, err := b.NextSequence()
			if err != nil {
				return err
			}

			events[i].Seq = seq

			text, err := json.Marshal(events[i])
			if err != nil {
				return err
			}

			if err := b.Put(key(seq), text); err != nil {
				return err
			}
		}

		return nil
	})
	if err != nil {
		return fmt.Errorf("journal %q: %w", j.path, err)
	}

	return nil
}

// Read returns the events that follow the one with number after, in order, at most limit.
func (j *Journal) Read(after uint64, limit int) (events []order.Event, err error) {
	err = j.bolt.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()

		for k, text := c.Seek(key(after + 1)); k != nil && len(events) < limit; k, text = c.Next() {
			var e order.Event
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}

			after++
			if e.Seq != after {
				return fmt.Errorf("%w: %d is where %d belongs", ErrSequence, e.Seq, after)
			}

			events = append(events, e)
		}

		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("journal %q: %w", j.path, err)
	}

	return events, nil
}

// Close releases the file. Closing twice is harmless.
func (j *Journal) Close() error { return j.bolt.Close() }

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
