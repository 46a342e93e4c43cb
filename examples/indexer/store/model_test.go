package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// model is what the database should be: a map.
type model map[string]store.File

func (m model) put(batch []store.File) {
	for _, f := range batch {
		m[f.Path] = f
	}
}

func (m model) stats() store.Stats {
	var s store.Stats
	for _, f := range m {
		s.Files++
		s.Symbols += len(f.Symbols)
		if f.Err != "" {
			s.Failed++
		}
	}
	return s
}

func (m model) lookup(name string) []symbols.Symbol {
	var found []symbols.Symbol
	for _, f := range m {
		for _, s := range f.Symbols {
			if s.Name == name {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, symbols.Compare)
	return found
}

// compare checks the whole database against the model; paths and names are all that may occur.
func (m model) compare(t require.TestingT, db *store.DB, paths, names []string) {
	stats, err := db.Stats()
	require.NoError(t, err)
	require.Equal(t, m.stats(), stats)
	for _, path := range paths {
		got, found, err := db.File(path)
		require.NoError(t, err)
		want, there := m[path]
		require.Equal(t, there, found, path)
		require.Equal(t, want, got, path)
	}
	for _, name := range names {
		got, err := db.Lookup(name)
		require.NoError(t, err)
		require.Equal(t, m.lookup(name), got, name)
	}
	require.NoError(t, db.CheckPages())
}

// TestTheDatabaseIsAMap plays random histories of batches, new indexes and reopenings.
func TestTheDatabaseIsAMap(t *testing.T) {
	paths := []string{"a.go", "a/b.go", "a/b/c.go", "é.go", "z"}
	names := []string{"A", "AA", "A.A", "B", "init", "é", "\xff", "A\x01"}
	kinds := []symbols.Kind{symbols.KindFunc, symbols.KindMethod, symbols.KindType, symbols.KindConst, symbols.KindVar}

	oneFile := rapid.Custom(func(t *rapid.T) store.File {
		f := store.File{Path: rapid.SampledFrom(paths).Draw(t, "path")}
		if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
			f.Err = "does not parse"
			return f
		}
		for range rapid.IntRange(0, 6).Draw(t, "symbols") {
			f.Symbols = append(f.Symbols, symbols.Symbol{
				Name: rapid.SampledFrom(names).Draw(t, "name"),
				File: f.Path,
				Line: rapid.IntRange(0, 1<<31-1).Draw(t, "line"),
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			})
		}
		return f
	})

	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", run))
		db, err := store.Open(path)
		require.NoError(t, err)
		db.SkipSync()
		defer func() {
			require.NoError(t, db.Close())
			require.NoError(t, os.Remove(path))
		}()
		m := model{}
		begun, complete := "", store.Index{}

		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				batch := rapid.SliceOfN(oneFile, 0, 6).Draw(t, "batch")
				require.NoError(t, db.Put(batch))
				m.put(batch)
			},
			"begin": func(t *rapid.T) {
				root := rapid.SampledFrom([]string{"/src", "/other"}).Draw(t, "root")
				require.NoError(t, db.Begin(root))
				if root != begun || complete.Root != "" {
					clear(m)
				}
				begun, complete = root, store.Index{}
			},
			"abandon": func(t *rapid.T) {
				require.NoError(t, db.Abandon())
				begun, complete = "", store.Index{}
			},
			"complete": func(t *rapid.T) {
				root := rapid.SampledFrom([]string{"/src", "/other"}).Draw(t, "root")
				stats := m.stats()
				err := db.SetComplete(root, stats.Files, stats.Symbols)
				if root != begun {
					require.ErrorIs(t, err, store.ErrNotBegun)
					return
				}
				require.NoError(t, err)
				complete = store.Index{Root: root, Files: stats.Files, Symbols: stats.Symbols}
			},
			"reopen": func(t *rapid.T) {
				require.NoError(t, db.Close())
				db, err = store.Open(path)
				require.NoError(t, err)
				db.SkipSync()
			},
			"": func(t *rapid.T) {
				m.compare(t, db, paths, names)
				index, is, err := db.Complete()
				require.NoError(t, err)
				require.Equal(t, complete, index)
				require.Equal(t, complete.Root != "", is)
			},
		})
	})
}
