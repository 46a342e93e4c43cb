package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func TestAnIndexIsCompleteFromSetCompleteToTheNextBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	db, err := store.Open(path)
	require.NoError(t, err)
	incomplete := func() {
		t.Helper()
		index, complete, err := db.Complete()
		require.NoError(t, err)
		assert.False(t, complete)
		assert.Zero(t, index)
	}

	incomplete()
	require.NoError(t, db.Begin("/src"))
	require.NoError(t, db.Put([]store.File{file("a.go", "A", "B")}))
	incomplete()
	require.NoError(t, db.SetComplete("/src", 1, 2))
	require.NoError(t, db.Close())

	db = open(t, path)
	index, complete, err := db.Complete()
	require.NoError(t, err)
	assert.True(t, complete)
	assert.Equal(t, store.Index{Root: "/src", Files: 1, Symbols: 2}, index)

	require.NoError(t, db.Begin("/src"))
	incomplete()
	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Zero(t, stats, "nothing of the earlier index lives on")
	found, err := db.Lookup("A")
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestAnIndexThatWasBegunIsGoneOnWithUntilItIsAbandoned(t *testing.T) {
	db := fresh(t)
	holds := func(path string) bool {
		t.Helper()
		held, err := db.Holds(path)
		require.NoError(t, err)
		return held
	}
	require.NoError(t, db.Begin("/src"))
	require.NoError(t, db.Put([]store.File{file("a.go", "A"), {Path: "b.go", Err: "does not parse"}}))
	require.NoError(t, db.Begin("/src"))
	assert.True(t, holds("a.go"))
	assert.True(t, holds("b.go"), "what has failed is there too")
	assert.False(t, holds("c.go"))

	require.NoError(t, db.Abandon())
	assert.True(t, holds("a.go"))
	require.ErrorIs(t, db.SetComplete("/src", 2, 1), store.ErrNotBegun)
	require.NoError(t, db.Begin("/src"))
	assert.False(t, holds("a.go"))

	require.NoError(t, db.Put([]store.File{file("a.go", "A")}))
	require.NoError(t, db.Begin("/other"))
	assert.False(t, holds("a.go"), "it is of another root")
}

func TestAnIndexThatWasNotBegunCannotBeComplete(t *testing.T) {
	db := fresh(t)
	require.ErrorIs(t, db.SetComplete("/src", 0, 0), store.ErrNotBegun)
	require.ErrorIs(t, db.SetComplete("", 0, 0), store.ErrNotBegun)
	require.NoError(t, db.Begin("/src"))
	require.ErrorIs(t, db.SetComplete("/other", 0, 0), store.ErrNotBegun)
	require.ErrorContains(t, db.SetComplete("/src", -1, 0), "must be from 0 to")
	require.Error(t, db.Begin(""))
	_, complete, err := db.Complete()
	require.NoError(t, err)
	assert.False(t, complete)
}

func TestReadersSeeWholeBatchesWhileOthersWrite(t *testing.T) {
	db := fresh(t)
	db.SkipSync()
	const batches = 30
	var wg sync.WaitGroup
	for writer := range 2 {
		wg.Go(func() {
			for i := range batches {
				one := fmt.Sprintf("%d/%d/a.go", writer, i)
				two := fmt.Sprintf("%d/%d/b.go", writer, i)
				assert.NoError(t, db.Put([]store.File{file(one, "Get", "Put"), file(two, "Get", "Put")}))
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range batches {
				stats, err := db.Stats()
				assert.NoError(t, err)
				assert.Zero(t, stats.Files%2)
				assert.Equal(t, 2*stats.Files, stats.Symbols)
				found, err := db.Lookup("Get")
				assert.NoError(t, err)
				assert.Zero(t, len(found)%2)
				assert.GreaterOrEqual(t, len(found), stats.Files)
			}
		})
	}
	wg.Wait()
	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, store.Stats{Files: 4 * batches, Symbols: 8 * batches}, stats)
}

func ExampleDB_Lookup() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(filepath.Join(dir, "index.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	err = db.Put([]store.File{{
		Path:    "http/client.go",
		Symbols: []symbols.Symbol{{Name: "Client.Get", File: "http/client.go", Line: 42, Kind: symbols.KindMethod}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(db.Lookup("Client.Get"))
	// Output:
	// [http/client.go:42 method Client.Get] <nil>
}
