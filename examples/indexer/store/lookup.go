package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// Lookup returns the declarations of exactly that name ("Get", "Client.Get"), sorted by file and line; none
// is no error. It reads one range of the file: some microseconds and a few for every hit.
func (d *DB) Lookup(name string) ([]symbols.Symbol, error) {
	if name == "" || strings.IndexByte(name, 0) >= 0 { // no symbol is called that
		return nil, nil
	}
	var found []symbols.Symbol
	err := d.view(func(tx *bbolt.Tx) error {
		prefix := append([]byte(name), 0)
		paths := tx.Bucket(bucketPaths)
		cursor := tx.Bucket(bucketNames).Cursor()
		for key, value := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, value = cursor.Next() {
			path := paths.Get(key[len(prefix):])
			if path == nil {
				return fmt.Errorf("%w: name %q in a file without a path", errDamaged, name)
			}
			var err error
			if found, err = decodePlaces(found, name, string(path), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, symbols.Compare)
	return found, nil
}

// File returns what is stored of the file at path, its symbols in source order, and whether there is any.
func (d *DB) File(path string) (File, bool, error) {
	var (
		file  File
		found bool
	)
	err := d.view(func(tx *bbolt.Tx) error {
		value := tx.Bucket(bucketFiles).Get([]byte(path))
		if value == nil {
			return nil
		}
		found = true
		stored, err := decodeRecord(path, value)
		file = stored.File
		return err
	})
	if err != nil {
		return File{}, false, err
	}
	return file, found, nil
}

// Holds reports whether there is a file at path, with symbols or with the reason why it has none.
func (d *DB) Holds(path string) (bool, error) {
	found := false
	err := d.view(func(tx *bbolt.Tx) error {
		found = tx.Bucket(bucketFiles).Get([]byte(path)) != nil
		return nil
	})
	return found, err
}
