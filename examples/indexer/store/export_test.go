package store

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// SchemaVersion is the version byte of the file.
const SchemaVersion = schemaVersion

// ErrDamaged is what the decoders return.
var ErrDamaged = errDamaged

// SkipSync makes commits as fast as memory, for tests that do not kill anybody.
func (d *DB) SkipSync() { d.bolt.NoSync = true }

// CheckPages has the library check every page of the file.
func (d *DB) CheckPages() error {
	return d.bolt.View(func(tx *bbolt.Tx) error {
		var all error
		for err := range tx.Check() {
			all = errors.Join(all, err)
		}
		return all
	})
}

func EncodeRecord(number uint32, f File) []byte { return appendRecord(nil, number, f) }

func DecodeRecord(path string, b []byte) (uint32, File, error) {
	r, err := decodeRecord(path, b)
	return r.number, r.File, err
}

func EncodePlaces(found []symbols.Symbol) []byte {
	var b []byte
	before := 0
	for _, s := range found {
		b = appendPlace(b, before, place{kind: s.Kind, line: s.Line})
		before = s.Line
	}
	return b
}

func DecodePlaces(name, path string, b []byte) ([]symbols.Symbol, error) {
	return decodePlaces(nil, name, path, b)
}

func EncodeState(i Index, complete bool) []byte {
	return appendState(nil, state{Index: i, complete: complete})
}

func DecodeState(b []byte) (Index, bool, error) {
	s, err := decodeState(b)
	return s.Index, s.complete, err
}

func EncodeStats(s Stats) []byte { return appendStats(nil, s) }

func DecodeStats(b []byte) (Stats, error) { return decodeStats(b) }
