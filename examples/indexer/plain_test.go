package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// plain indexes a tree into a map: one file after the other, and nothing that the program does it with but the parser.
func plain(t *testing.T, root string) map[string]store.File {
	t.Helper()

	all := make(map[string]store.File)

	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(name) != ".go" {
			return err
		}

		text, err := os.ReadFile(name)
		require.NoError(t, err)

		below, err := filepath.Rel(root, name)
		require.NoError(t, err)

		path := filepath.ToSlash(below)

		found, err := symbols.Parse(path, text)
		if err != nil {
			all[path] = store.File{Path: path, Err: err.Error()}
		} else {
			all[path] = store.File{Path: path, Symbols: found}
		}

		return nil
	}))

	return all
}

// checkWhole checks that a database holds what the plain indexer has made of its root: the same files, the same symbols
// by name, and nothing else.
func checkWhole(t *testing.T, path, root string, want map[string]store.File) {
	t.Helper()

	db, err := store.Open(path)
	require.NoError(t, err)

	byName := make(map[string][]symbols.Symbol)
	pairs := make(map[[2]string]bool) // of a name and a file
	stats := store.Stats{Files: len(want)}

	for file, f := range want {
		got, found, err := db.File(file)
		require.NoError(t, err)
		require.True(t, found, file)
		require.Equal(t, f, got)

		stats.Symbols += len(f.Symbols)
		if f.Err != "" {
			stats.Failed++
		}

		for _, s := range f.Symbols {
			byName[s.Name] = append(byName[s.Name], s)
			pairs[[2]string{s.Name, file}] = true
		}
	}

	for name, all := range byName {
		slices.SortFunc(all, symbols.Compare)

		got, err := db.Lookup(name)
		require.NoError(t, err)
		require.Equal(t, all, got)
	}

	held, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, stats, held)

	whole, complete, err := db.Complete()
	require.NoError(t, err)
	assert.True(t, complete)
	assert.Equal(t, store.Index{Root: root, Files: stats.Files, Symbols: stats.Symbols}, whole)
	require.NoError(t, db.Close())

	checkKeys(t, path, map[string]int{"files": len(want), "paths": len(want), "names": len(pairs)})
}

// checkKeys counts the keys of the buckets of a database, past the package that writes them.
func checkKeys(t *testing.T, path string, want map[string]int) {
	t.Helper()

	const readable = 0o600

	bolt, err := bbolt.Open(path, readable, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, bolt.View(func(tx *bbolt.Tx) error {
		for bucket, n := range want {
			assert.Equal(t, n, tx.Bucket([]byte(bucket)).Stats().KeyN, bucket)
		}

		return nil
	}))
	require.NoError(t, bolt.Close())
}
