package totals_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/troupe-go/troupe/examples/ingest/totals"
)

func open(t *testing.T) *sql.DB {
	t.Helper()

	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "totals.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })

	for _, s := range totals.Setup() {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}

	return db
}

func add(t *testing.T, db *sql.DB, keep bool, visits ...totals.Visit) {
	t.Helper()

	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, totals.Add(t.Context(), tx, visits))

	if keep {
		require.NoError(t, tx.Commit())
	} else {
		require.NoError(t, tx.Rollback())
	}
}

func read(t *testing.T, db *sql.DB) totals.Totals {
	t.Helper()

	got, err := totals.Read(t.Context(), db)
	require.NoError(t, err)

	return got
}

func TestSumsArePerMinuteAndPath(t *testing.T) {
	noon := time.Date(2026, time.October, 10, 12, 0, 0, 0, time.UTC)
	db := open(t)
	add(t, db, true,
		totals.Visit{Source: "a", Number: 1, Time: noon, Path: "/tea", Status: 200, Bytes: 10},
		totals.Visit{Source: "a", Number: 2, Time: noon.Add(59 * time.Second), Path: "/", Status: 500, Bytes: 20},
		totals.Visit{Source: "a", Number: 3, Time: noon.Add(60 * time.Second), Path: "/tea", Status: 499, Bytes: 40},
		totals.Visit{Source: "a", Number: 4, Time: noon, Path: "/tea", Status: 200, Bytes: 80, Bot: true},
		totals.Visit{Source: "b", Number: 1, Time: noon, Path: "/tea", Status: 200, Bytes: 160},
	)

	assert.Equal(t, totals.Totals{
		Sum: totals.Sum{Requests: 4, Errors: 1, Bytes: 230}, Lines: 5, Bots: 1,
		Minutes: []totals.Minute{
			{totals.Sum{Requests: 3, Errors: 1, Bytes: 190}, noon},
			{totals.Sum{Requests: 1, Bytes: 40}, noon.Add(time.Minute)},
		},
		Paths: []totals.Path{
			{totals.Sum{Requests: 1, Errors: 1, Bytes: 20}, "/"},
			{totals.Sum{Requests: 3, Bytes: 210}, "/tea"},
		},
	}, read(t, db))
}

// TestALineIsCountedOnceHoweverOftenItComes adds batches in a random order, some again, some in transactions that are
// rolled back, until every line was there.
func TestALineIsCountedOnceHoweverOftenItComes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	db := open(t)

	var all []totals.Visit

	for i := range int64(600) {
		all = append(all, totals.Visit{
			Source: strconv.FormatInt(i%2, 10), Number: 1 + i/2, Time: time.Unix(i, 0), Path: fmt.Sprintf("/%d", i%5),
			Status: 200, Bytes: i, Bot: i%7 == 0,
		})
	}

	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	for next := 0; next < len(all); {
		first := max(0, next-random.IntN(40))
		end := min(len(all), next+1+random.IntN(20))
		keep := random.IntN(3) > 0
		add(t, db, keep, append(all[first:end:end], all[first])...)

		if keep {
			next = end
		}
	}

	got := read(t, db)
	assert.EqualValues(t, 600, got.Lines)

	var want totals.Sum

	for _, v := range all {
		if !v.Bot {
			want.Requests++
			want.Bytes += v.Bytes
		}
	}

	assert.Equal(t, want, got.Sum)
	assert.Equal(t, 600-want.Requests, got.Bots)

	var rows int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM counted`).Scan(&rows))
	assert.Equal(t, 2, rows, "what is counted is kept as runs")
}
