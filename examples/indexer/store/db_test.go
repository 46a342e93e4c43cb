package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func open(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func fresh(t testing.TB) *store.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "index.db"))
}

// file builds a file of functions, one a line.
func file(path string, names ...string) store.File {
	f := store.File{Path: path}
	for i, name := range names {
		f.Symbols = append(f.Symbols, symbols.Symbol{Name: name, File: path, Line: i + 1, Kind: symbols.KindFunc})
	}
	return f
}

func TestOpenCreatesAFileThatOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	db, err := store.Open(path)
	require.NoError(t, err)
	assert.Equal(t, path, db.Path())
	require.NoError(t, db.Put([]store.File{file("a.go", "A")}))
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())

	db = open(t, path)
	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, store.Stats{Files: 1, Symbols: 1}, stats)
}

func TestOpenTakesWhatACreatorLeftThatWasKilledEarly(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	bare := filepath.Join(dir, "bare.db")
	build(t, bare, func(*bbolt.Tx) error { return nil })
	for _, path := range []string{empty, bare} {
		require.NoError(t, open(t, path).Put([]store.File{file("a.go", "A")}))
	}
}

// build makes a bbolt file without the help of the package.
func build(t *testing.T, path string, fill func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(fill))
	require.NoError(t, db.Close())
}

func TestOpenRefusesALockedDatabase(t *testing.T) {
	db := fresh(t)
	_, err := store.Open(db.Path())
	require.ErrorIs(t, err, store.ErrLocked)
	assert.Equal(t, `database "`+db.Path()+`": is locked by another process`, err.Error())
}

func TestOpenRefusesWhatIsNotItsDatabaseAndDoesNotTouchIt(t *testing.T) {
	version := func(b byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			meta, err := tx.CreateBucket([]byte("meta"))
			if err != nil {
				return err
			}
			return meta.Put([]byte("version"), []byte{b})
		}
	}
	tests := map[string]struct {
		make func(t *testing.T, path string)
		is   error
	}{
		"a text": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("package main\n"), 0o600))
		}},
		"a long text": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("package main\n", 10_000)), 0o600))
		}},
		"the database of another program": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			build(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("members"))
				return err
			})
		}},
		"a schema without its buckets": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			build(t, path, version(store.SchemaVersion))
		}},
		"a schema without a version": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			build(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("meta"))
				return err
			})
		}},
		"another version": {is: store.ErrVersion, make: func(t *testing.T, path string) {
			build(t, path, version(store.SchemaVersion+1))
		}},
		"a database that was cut off": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			big(t, path)
			require.NoError(t, os.Truncate(path, 3*4096))
		}},
		"a database with damaged pages": {is: store.ErrForeign, make: func(t *testing.T, path string) {
			big(t, path)
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			for i := 2 * os.Getpagesize(); i < len(raw); i++ {
				raw[i] = 0xff
			}
			require.NoError(t, os.WriteFile(path, raw, 0o600))
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			tt.make(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)

			_, err = store.Open(path)
			require.ErrorIs(t, err, tt.is)
			assert.True(t, strings.HasPrefix(err.Error(), `database "`+path+`": must `), err.Error())
			assert.NotContains(t, err.Error(), "\n")

			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
}

// big makes a database of some hundred pages.
func big(t *testing.T, path string) {
	t.Helper()
	db, err := store.Open(path)
	require.NoError(t, err)
	for i := range 4 {
		require.NoError(t, db.Put(crashBatch(i)))
	}
	require.NoError(t, db.Close())
}

func TestOpenNamesThePathThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	_, err := store.Open(filepath.Join(dir, "none", "index.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Contains(t, err.Error(), "must be a writable file in a directory that is there: ")
	assert.Equal(t, 1, strings.Count(err.Error(), dir), "the path once: %v", err)

	_, err = store.Open(dir)
	require.ErrorIs(t, err, store.ErrForeign)

	_, err = store.Open("")
	require.Error(t, err)
}

func TestAClosedDatabaseSaysSo(t *testing.T) {
	db := fresh(t)
	require.NoError(t, db.Close())
	_, lookup := db.Lookup("A")
	_, stats := db.Stats()
	_, _, complete := db.Complete()
	_, _, one := db.File("a.go")
	for _, err := range []error{
		lookup, stats, complete, one,
		db.Put([]store.File{file("a.go")}), db.Begin("/src"), db.SetComplete("/src", 1, 1),
	} {
		require.ErrorIs(t, err, store.ErrClosed)
		assert.Contains(t, err.Error(), db.Path())
	}
}
