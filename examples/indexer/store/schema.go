package store

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// schemaVersion is raised by any change to the buckets, the keys or the encoding of the values.
const schemaVersion = 1

var (
	bucketMeta  = []byte("meta")
	bucketFiles = []byte("files")
	bucketPaths = []byte("paths")
	bucketNames = []byte("names")

	// dataBuckets are those that an index fills; Begin empties them.
	dataBuckets = [][]byte{bucketFiles, bucketPaths, bucketNames}

	keyVersion  = []byte("version")
	keyCounters = []byte("counters")
	keyState    = []byte("state")
)

// errNoSchema occurs when a bbolt file holds nothing at all: new, or its creator was killed before the
// schema was committed.
var errNoSchema = errors.New("database is empty")

// schemaOf returns nil if the file is ours and of this version, errNoSchema if it is nobody's yet,
// and ErrForeign or ErrVersion otherwise.
func schemaOf(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("%w: its first bucket is %q", ErrForeign, name)
		}
		return errNoSchema
	}
	version := meta.Get(keyVersion)
	if len(version) != 1 {
		return fmt.Errorf("%w: it has no version", ErrForeign)
	}
	if version[0] != schemaVersion {
		return fmt.Errorf("%w, has %d", ErrVersion, version[0])
	}
	for _, name := range dataBuckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: its bucket %q is missing", ErrForeign, name)
		}
	}
	return nil
}

// createSchema writes the schema into an empty file. The transaction makes it all or nothing.
func createSchema(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return err
	}
	if err := meta.Put(keyVersion, []byte{schemaVersion}); err != nil {
		return err
	}
	return createData(tx)
}

// createData makes the empty buckets that an index fills.
func createData(tx *bbolt.Tx) error {
	for _, name := range dataBuckets {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// dropData removes what createData made, with all that is in it.
func dropData(tx *bbolt.Tx) error {
	for _, name := range dataBuckets {
		if err := tx.DeleteBucket(name); err != nil {
			return err
		}
	}
	return nil
}
