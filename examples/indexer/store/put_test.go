package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func TestLookupFindsExactlyTheNameSortedByFile(t *testing.T) {
	db := fresh(t)
	require.NoError(t, db.Put([]store.File{file("z.go", "Get", "GetAll")}))
	require.NoError(t, db.Put([]store.File{file("b.go", "Client.Get", "Get"), file("a.go", "init", "Get", "init")}))

	for name, want := range map[string][]symbols.Symbol{
		"Get": {
			{Name: "Get", File: "a.go", Line: 2, Kind: symbols.KindFunc},
			{Name: "Get", File: "b.go", Line: 2, Kind: symbols.KindFunc},
			{Name: "Get", File: "z.go", Line: 1, Kind: symbols.KindFunc},
		},
		"init": {
			{Name: "init", File: "a.go", Line: 1, Kind: symbols.KindFunc},
			{Name: "init", File: "a.go", Line: 3, Kind: symbols.KindFunc},
		},
		"Client.Get":  {{Name: "Client.Get", File: "b.go", Line: 1, Kind: symbols.KindFunc}},
		"Ge":          nil,
		"":            nil,
		"Get\x00":     nil,
		"Get\x00\x00": nil,
	} {
		got, err := db.Lookup(name)
		require.NoError(t, err, "%q", name)
		assert.Equal(t, want, got, "%q", name)
	}
}

func TestPutReplacesAFileWithAllItsSymbols(t *testing.T) {
	db := fresh(t)
	require.NoError(t, db.Put([]store.File{file("a.go", "Old", "Both", "Old", "Both"), file("b.go", "Old")}))
	now := file("a.go", "New", "Both")
	for range 2 { // the second time changes nothing
		require.NoError(t, db.Put([]store.File{now}))
		stats, err := db.Stats()
		require.NoError(t, err)
		assert.Equal(t, store.Stats{Files: 2, Symbols: 3}, stats)
		for name, files := range map[string][]string{"Old": {"b.go"}, "Both": {"a.go"}, "New": {"a.go"}} {
			found, err := db.Lookup(name)
			require.NoError(t, err)
			assert.Equal(t, files, paths(found), name)
		}
	}
	got, found, err := db.File("a.go")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, now, got)
}

func paths(found []symbols.Symbol) []string {
	var all []string
	for _, s := range found {
		all = append(all, s.File)
	}
	return all
}

func TestPutKeepsTheFailureOfAFile(t *testing.T) {
	db := fresh(t)
	bad := store.File{Path: "bad.go", Err: "expected 'package'"}
	require.NoError(t, db.Put([]store.File{bad, file("a.go", "A")}))
	got, found, err := db.File("bad.go")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, bad, got)
	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, store.Stats{Files: 2, Failed: 1, Symbols: 1}, stats)

	require.NoError(t, db.Put([]store.File{file("bad.go", "Repaired")}))
	stats, err = db.Stats()
	require.NoError(t, err)
	assert.Equal(t, store.Stats{Files: 2, Symbols: 2}, stats)
	_, found, err = db.File("none.go")
	require.NoError(t, err)
	assert.False(t, found)
}

func TestPutCountsTheLastOfAPathThatIsThereTwice(t *testing.T) {
	db := fresh(t)
	batch := []store.File{file("b.go", "First", "Extra"), file("a.go", "A"), file("b.go", "Last")}
	before := slices.Clone(batch)
	require.NoError(t, db.Put(batch))
	assert.Equal(t, before, batch, "the caller's slice is as it was")
	stats, err := db.Stats()
	require.NoError(t, err)
	assert.Equal(t, store.Stats{Files: 2, Symbols: 2}, stats)
	found, err := db.Lookup("First")
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestPutOfNothingIsNothing(t *testing.T) {
	require.NoError(t, fresh(t).Put(nil))
}

func TestPutNamesWhatItCannotStoreAndStoresNothing(t *testing.T) {
	symbol := func(change func(*symbols.Symbol)) store.File {
		f := file("bad.go", "Bad")
		change(&f.Symbols[0])
		return f
	}
	long := strings.Repeat("x", 16<<10+1)
	tests := map[string]store.File{
		"its path must not be empty":               {},
		"its path must not contain a NUL byte":     {Path: "a\x00b"},
		"its path must be at most 16384 bytes":     {Path: long},
		"its name must not be empty":               symbol(func(s *symbols.Symbol) { s.Name = "" }),
		"its name must not contain a NUL byte":     symbol(func(s *symbols.Symbol) { s.Name = "a\x00" }),
		"its name must be at most 16384 bytes":     symbol(func(s *symbols.Symbol) { s.Name = long }),
		"its kind must be valid, is unset":         symbol(func(s *symbols.Symbol) { s.Kind = 0 }),
		"its line must be from 0 to 2147483647":    symbol(func(s *symbols.Symbol) { s.Line = -1 }),
		`its file must be that path, is "else.go"`: symbol(func(s *symbols.Symbol) { s.File = "else.go" }),
	}
	for rule, bad := range tests {
		t.Run(rule, func(t *testing.T) {
			db := fresh(t)
			err := db.Put([]store.File{file("good.go", "Good"), bad})
			require.ErrorContains(t, err, rule)
			require.ErrorContains(t, err, db.Path())
			stats, err := db.Stats()
			require.NoError(t, err)
			assert.Zero(t, stats)
		})
	}
}

func TestPutStoresTheLongestPathAndName(t *testing.T) {
	db := fresh(t)
	long := strings.Repeat("x", 16<<10)
	require.NoError(t, db.Put([]store.File{file(long, long)}))
	found, err := db.Lookup(long)
	require.NoError(t, err)
	assert.Equal(t, file(long, long).Symbols, found)
}
