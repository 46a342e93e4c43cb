package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// batchSize is the number of files in a transaction.
const batchSize = 256

// parseAll reads and parses a tree, one file after the other.
func parseAll(t testing.TB, root string, visit func(store.File)) {
	t.Helper()
	tree, err := source.Open(root)
	require.NoError(t, err)
	defer func() { require.NoError(t, tree.Close()) }()
	require.NoError(t, fs.WalkDir(tree.FS(), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(file) != ".go" {
			return err
		}
		src, err := tree.Read(file)
		if err != nil {
			return err
		}
		found, err := symbols.Parse(file, src)
		if bad := (*symbols.ParseError)(nil); errors.As(err, &bad) {
			visit(store.File{Path: file, Err: bad.Err.Error()})
			return nil
		}
		visit(store.File{Path: file, Symbols: found})
		return err
	}))
}

func goroot(t testing.TB) string {
	t.Helper()
	root, err := source.Default(t.Context())
	if err != nil {
		t.Skip(err)
	}
	return root
}

// TestARealTreeIsStoredAsItIs stores net/... of the Go distribution and compares it with what was parsed.
func TestARealTreeIsStoredAsItIs(t *testing.T) {
	if testing.Short() {
		t.Skip("parses hundreds of files")
	}
	db := fresh(t)
	want := model{}
	byName := map[string][]symbols.Symbol{}
	var batch []store.File
	parseAll(t, filepath.Join(goroot(t), "net"), func(f store.File) {
		want[f.Path] = f
		for _, s := range f.Symbols {
			byName[s.Name] = append(byName[s.Name], s)
		}
		if batch = append(batch, f); len(batch) == 64 {
			require.NoError(t, db.Put(batch))
			batch = batch[:0]
		}
	})
	require.NoError(t, db.Put(batch))
	require.NotEmpty(t, byName["Client.Get"])

	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, want.stats(), stats)
	for path, f := range want {
		got, found, err := db.File(path)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, f, got)
	}
	for name, all := range byName {
		got, err := db.Lookup(name)
		require.NoError(t, err)
		require.ElementsMatch(t, all, got, name)
	}
	require.NoError(t, db.CheckPages())
}

// BenchmarkGoroot models the indexer without actors, one thing after the other: it parses the whole Go
// distribution into memory and then stores it in batches of 256 files. It reports seconds for each half, and
// the sizes; it checks that the database holds all that was parsed.
func BenchmarkGoroot(b *testing.B) {
	root := goroot(b)
	var parsing, storing time.Duration
	for b.Loop() {
		started := time.Now()
		want := model{}
		var all []store.File
		parseAll(b, root, func(f store.File) { all = append(all, f) })
		want.put(all)
		parsing += time.Since(started)
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)

		path := filepath.Join(b.TempDir(), "index.db")
		db, err := store.Open(path)
		require.NoError(b, err)
		started = time.Now()
		for at := 0; at < len(all); at += batchSize {
			require.NoError(b, db.Put(all[at:min(at+batchSize, len(all))]))
		}
		storing += time.Since(started)
		stats, err := db.Stats()
		require.NoError(b, err)
		require.Equal(b, want.stats(), stats)
		require.NoError(b, db.Close())
		info, err := os.Stat(path)
		require.NoError(b, err)
		b.ReportMetric(float64(stats.Files), "files")
		b.ReportMetric(float64(stats.Failed), "failed")
		b.ReportMetric(float64(stats.Symbols), "symbols")
		b.ReportMetric(float64(info.Size())/(1<<20), "db-MiB")
		b.ReportMetric(float64(mem.HeapAlloc)/(1<<20), "heap-MiB")
	}
	b.ReportMetric(parsing.Seconds()/float64(b.N), "parse-s")
	b.ReportMetric(storing.Seconds()/float64(b.N), "store-s")
}

// BenchmarkPut models the write stage with batches of different sizes over a tree of 1,024 small files,
// synced to disk; files/s is the rate.
func BenchmarkPut(b *testing.B) {
	const files = 1024
	var all []store.File
	for n := 0; len(all) < files; n++ {
		all = append(all, crashBatch(n)[:newFiles]...)
	}
	all = all[:files]
	for name, size := range map[string]int{"batch=16": 16, "batch=64": 64, "batch=256": 256, "batch=1024": 1024} {
		b.Run(name, func(b *testing.B) {
			db := fresh(b)
			for b.Loop() {
				require.NoError(b, db.Abandon())
				require.NoError(b, db.Begin("/src"))
				for at := 0; at < files; at += size {
					require.NoError(b, db.Put(all[at:at+size]))
				}
			}
			stats, err := db.Stats()
			require.NoError(b, err)
			require.Equal(b, files, stats.Files)
			b.ReportMetric(float64(files*b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// BenchmarkLookup models the query at the end.
func BenchmarkLookup(b *testing.B) {
	db := fresh(b)
	for n := range 20 {
		require.NoError(b, db.Put(crashBatch(n)))
	}
	for b.Loop() {
		found, err := db.Lookup(crashName(7))
		require.NoError(b, err)
		require.NotEmpty(b, found)
	}
}
