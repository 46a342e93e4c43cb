package store

import "go.etcd.io/bbolt"

// Stats counts what is stored. Its figures are kept beside the files and change in the same transaction,
// therefore they always agree with the content.
type Stats struct {
	// Files counts all stored files, those that failed among them.
	Files int
	// Failed counts the files with an Err.
	Failed int
	// Symbols counts the symbols of all files.
	Symbols int
}

func (s Stats) with(f File) Stats {
	s.Files++
	if f.Err != "" {
		s.Failed++
	}
	s.Symbols += len(f.Symbols)
	return s
}

func (s Stats) without(f File) Stats {
	s.Files--
	if f.Err != "" {
		s.Failed--
	}
	s.Symbols -= len(f.Symbols)
	return s
}

// Stats returns the counts. It reads one value: some microseconds, whatever the size of the database.
func (d *DB) Stats() (Stats, error) {
	var stats Stats
	err := d.view(func(tx *bbolt.Tx) error {
		var err error
		stats, err = statsOf(tx)
		return err
	})
	return stats, err
}

func statsOf(tx *bbolt.Tx) (Stats, error) {
	return decodeStats(tx.Bucket(bucketMeta).Get(keyCounters))
}
