package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Put stores a batch of files in one transaction: all of them or, with an error, none. A file that is
// there already is replaced with all of its symbols; the same content again writes nothing. If a path
// is in the batch twice, the last one counts. Put keeps nothing of files.
//
// It blocks until the batch is on disk. Cost: symbols are spread over the whole file by name, so that a
// transaction rewrites most pages of a small database whatever its own size. Batches of some hundred files
// are the measure: see BenchmarkPut.
func (d *DB) Put(files []File) error {
	for _, f := range files {
		if err := f.check(); err != nil {
			return failure(d.path, err)
		}
	}
	if len(files) == 0 {
		return nil
	}
	return d.update(func(tx *bbolt.Tx) error {
		stats, err := statsOf(tx)
		if err != nil {
			return err
		}
		b := batch{
			records: tx.Bucket(bucketFiles), paths: tx.Bucket(bucketPaths), names: tx.Bucket(bucketNames),
			stats: stats,
		}
		for _, f := range lastOfEach(files) {
			if err := b.replace(f); err != nil {
				return err
			}
		}
		if err := b.write(); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyCounters, appendStats(nil, b.stats))
	})
}

// lastOfEach returns the files sorted by path, of equal paths the last.
func lastOfEach(files []File) []File {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	kept := sorted[:0]
	for i, f := range sorted {
		if i+1 == len(sorted) || sorted[i+1].Path != f.Path {
			kept = append(kept, f)
		}
	}
	return kept
}

// batch collects the changes of one transaction, so that the names are written in key order: inserting
// into a B+tree in order touches each page once.
type batch struct {
	records *bbolt.Bucket
	paths   *bbolt.Bucket
	names   *bbolt.Bucket
	stats   Stats
	changes []change // at most one for each key
}

// change sets a key of the names bucket, or deletes it if places is nil.
type change struct {
	key    []byte
	places []byte
}

// replace writes the record of f and notes the changes of its names.
func (b *batch) replace(f File) error {
	key := []byte(f.Path)
	old := b.records.Get(key)
	if old == nil {
		number, err := b.number(f.Path)
		if err != nil {
			return err
		}
		return b.put(key, number, f)
	}
	was, err := decodeRecord(f.Path, old)
	if err != nil {
		return err
	}
	if bytes.Equal(old, appendRecord(nil, was.number, f)) {
		return nil
	}
	b.stats = b.stats.without(was.File)
	b.forget(was, f)
	return b.put(key, was.number, f)
}

// number gives a new file its number.
func (b *batch) number(path string) (uint32, error) {
	next, err := b.records.NextSequence()
	if err != nil {
		return 0, err
	}
	if next > math.MaxUint32 {
		return 0, errors.New("must hold at most 2³²−1 files")
	}
	number := uint32(next)
	return number, b.paths.Put(binary.BigEndian.AppendUint32(nil, number), []byte(path))
}

func (b *batch) put(key []byte, number uint32, f File) error {
	b.stats = b.stats.with(f)
	b.changes = appendNames(b.changes, number, f)
	return b.records.Put(key, appendRecord(nil, number, f))
}

// forget notes the deletion of the names that are in the old version of a file and not in the new one.
func (b *batch) forget(old record, now File) {
	kept := make(map[string]bool, len(now.Symbols))
	for _, s := range now.Symbols {
		kept[s.Name] = true
	}
	for _, s := range old.Symbols {
		if !kept[s.Name] {
			kept[s.Name] = true // noted: the old version may declare it twice
			b.changes = append(b.changes, change{key: nameKey(s.Name, old.number)})
		}
	}
}

// appendNames appends one change for each name of f, with all the places of that name.
func appendNames(to []change, number uint32, f File) []change {
	// Indexes rather than symbols: 4 bytes to move instead of 48, and f stays as the caller has it.
	order := make([]int32, len(f.Symbols))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &f.Symbols[a], &f.Symbols[b]
		return cmp.Or(strings.Compare(x.Name, y.Name), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Kind, y.Kind))
	})
	before := 0
	for i, at := range order {
		s := &f.Symbols[at]
		if i == 0 || s.Name != f.Symbols[order[i-1]].Name {
			to = append(to, change{key: nameKey(s.Name, number)})
			before = 0
		}
		last := &to[len(to)-1]
		last.places = appendPlace(last.places, before, place{kind: s.Kind, line: s.Line})
		before = s.Line
	}
	return to
}

// write brings the noted changes into the names bucket.
func (b *batch) write() error {
	slices.SortFunc(b.changes, func(x, y change) int { return bytes.Compare(x.key, y.key) })
	for _, c := range b.changes {
		var err error
		if c.places == nil {
			err = b.names.Delete(c.key)
		} else {
			err = b.names.Put(c.key, c.places)
		}
		if err != nil {
			return fmt.Errorf("name %q: %w", c.key, err)
		}
	}
	return nil
}

// nameKey returns name NUL number: all files of a name stand together, and name NUL is the prefix of no
// other name's keys.
func nameKey(name string, number uint32) []byte {
	key := make([]byte, 0, len(name)+1+4)
	key = append(key, name...)
	key = append(key, 0)
	return binary.BigEndian.AppendUint32(key, number)
}
