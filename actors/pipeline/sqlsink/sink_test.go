package sqlsink_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
)

// visit is an item; its ID is the same whenever it comes.
type visit struct {
	ID   int
	Path string
}

var errBad = errors.New("bad")

func visits() sqlsink.Options[visit] {
	return sqlsink.Options[visit]{
		Setup:     []string{`CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, path TEXT NOT NULL)`},
		Statement: `INSERT INTO visits (id, path) VALUES ($1, $2)`,
		Args: func(v visit) ([]any, error) {
			if v.Path == "bad" {
				return nil, errBad
			}

			return []any{v.ID, v.Path}, nil
		},
	}
}

func opened[T any](t *testing.T, db *sql.DB, o sqlsink.Options[T]) *sqlsink.Sink[T] {
	t.Helper()

	s := sqlsink.New(db, o)
	require.NoError(t, s.Open(t.Context()))
	t.Cleanup(func() { assert.NoError(t, s.Close(context.WithoutCancel(t.Context()))) })

	return s
}

// rows returns what a query of two columns finds.
func rows(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()

	r, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)

	defer r.Close()

	for r.Next() {
		var a, b any

		require.NoError(t, r.Scan(&a, &b))

		all = append(all, fmt.Sprintf("%v %v", a, b))
	}

	require.NoError(t, r.Err())

	return all
}

const allVisits = `SELECT id, path FROM visits ORDER BY id`

func TestAWriteIsAllOrNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		s := opened(t, db, visits())
		require.NoError(t, s.Write(t.Context(), nil))
		require.NoError(t, s.Write(t.Context(), []visit{{1, "/"}, {2, "/a"}}))

		for _, broken := range [][]visit{
			{{3, "/b"}, {1, "/twice"}}, // the database refuses it
			{{3, "/b"}, {4, "bad"}},    // the function does
		} {
			err := s.Write(t.Context(), broken)

			var item *sqlsink.ItemError
			require.ErrorAs(t, err, &item)
			assert.Equal(t, 1, item.Index)
			assert.Equal(t, 2, item.Of)
			require.ErrorContains(t, err, "sqlsink: item 1 of 2: ")
			assert.Equal(t, []string{"1 /", "2 /a"}, rows(t, db, allVisits))
		}

		require.ErrorIs(t, s.Write(t.Context(), []visit{{5, "bad"}}), errBad)
		require.NoError(t, s.Write(t.Context(), []visit{{3, "/b"}}), "it can be used on")
		assert.Equal(t, []string{"1 /", "2 /a", "3 /b"}, rows(t, db, allVisits))
	})
}

// TestACommitThatFailsIsAnErrorOfTheWrite has a constraint that the database looks at when the transaction commits.
func TestACommitThatFailsIsAnErrorOfTheWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		o := visits()
		o.Setup = []string{
			`CREATE TABLE IF NOT EXISTS paths (path TEXT PRIMARY KEY)`,
			`CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY,
				path TEXT NOT NULL REFERENCES paths DEFERRABLE INITIALLY DEFERRED)`,
			`INSERT INTO paths (path) VALUES ('/')`,
		}
		s := opened(t, db, o)
		require.ErrorContains(t, s.Write(t.Context(), []visit{{1, "/"}, {2, "/a"}}), "sqlsink: commit: ")
		assert.Empty(t, rows(t, db, allVisits))
		require.NoError(t, s.Write(t.Context(), []visit{{1, "/"}}), "it can be used on")
		assert.Equal(t, []string{"1 /"}, rows(t, db, allVisits))
	})
}

func TestWhatIsWrittenTwiceIsThereOnceWithAKey(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		o := visits()
		o.Statement += ` ON CONFLICT (id) DO UPDATE SET path = excluded.path`

		for range 2 { // the second is another process
			s := opened(t, db, o)
			require.NoError(t, s.Write(t.Context(), []visit{{1, "/"}, {2, "/a"}}))
		}

		assert.Equal(t, []string{"1 /", "2 /a"}, rows(t, db, allVisits))
	})
}

// counts adds up, and keeps in the same transaction what it has added.
func counts() sqlsink.Options[visit] {
	return sqlsink.Options[visit]{
		Setup: []string{
			`CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY)`,
			`CREATE TABLE IF NOT EXISTS counts (path TEXT PRIMARY KEY, n INTEGER NOT NULL)`,
		},
		Write: func(ctx context.Context, tx *sql.Tx, items []visit) error {
			for _, v := range items {
				r, err := tx.ExecContext(ctx, `INSERT INTO seen (id) VALUES ($1) ON CONFLICT DO NOTHING`, v.ID)
				if err != nil {
					return err
				}

				if n, err := r.RowsAffected(); err != nil {
					return err
				} else if n == 0 {
					continue // it was added before
				}

				_, err = tx.ExecContext(ctx, `INSERT INTO counts (path, n) VALUES ($1, 1)
					ON CONFLICT (path) DO UPDATE SET n = counts.n + 1`, v.Path)
				if err != nil {
					return err
				}
			}

			return nil
		},
	}
}

func TestSumsCountEachKeyOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		s := opened(t, db, counts())
		require.NoError(t, s.Write(t.Context(), []visit{{1, "/"}, {2, "/a"}, {3, "/"}}))
		require.NoError(t, s.Write(t.Context(), []visit{{2, "/a"}, {3, "/"}, {4, "/"}}))
		assert.Equal(t, []string{"/ 3", "/a 1"}, rows(t, db, `SELECT path, n FROM counts ORDER BY path`))
	})
}

func TestAPanicGivesTheConnectionBack(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		db.SetMaxOpenConns(1)

		o := visits()
		good := o.Args
		o.Args = func(v visit) ([]any, error) {
			if v.ID == 0 {
				panic("zero")
			}

			return good(v)
		}

		s := opened(t, db, o)

		assert.PanicsWithValue(t, "zero", func() { _ = s.Write(t.Context(), []visit{{1, "/"}, {0, "/"}}) })
		require.NoError(t, s.Write(t.Context(), []visit{{2, "/a"}}))
		assert.Equal(t, []string{"2 /a"}, rows(t, db, allVisits))
	})
}

func TestAContextThatEndsRollsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		o := visits()
		good := o.Args
		o.Args = func(v visit) ([]any, error) {
			if v.ID == 2 {
				cancel()
			}

			return good(v)
		}

		s := opened(t, db, o)
		require.ErrorIs(t, s.Write(ctx, []visit{{1, "/"}, {2, "/"}, {3, "/"}}), context.Canceled)

		require.NoError(t, s.Write(t.Context(), []visit{{3, "/"}}))
		assert.Equal(t, []string{"3 /"}, rows(t, db, allVisits))
	})
}

// TestTheEndOfTheContextIsWhatTheErrorSays uses the transaction when package sql has taken it away: then all it says is
// that the statement is closed.
func TestTheEndOfTheContextIsWhatTheErrorSays(t *testing.T) {
	onBoth(t, func(t *testing.T, db *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		o := visits()
		good := o.Args
		o.Args = func(v visit) ([]any, error) {
			cancel()
			assert.Eventually(t, func() bool { return db.Stats().InUse == 0 }, time.Minute, time.Millisecond)

			return good(v)
		}

		require.ErrorIs(t, opened(t, db, o).Write(ctx, []visit{{1, "/"}}), context.Canceled)
		assert.Empty(t, rows(t, db, allVisits))
	})
}

func TestWhatIsWrongIsSaidAtOpen(t *testing.T) {
	var both sqlsink.Options[visit]

	both.Statement = "x"
	both.Write = counts().Write
	both.Tx = &sql.TxOptions{ReadOnly: true}

	err := sqlsink.New(nil, both).Open(t.Context())
	for _, part := range []string{
		"Statement or Write, and not both", "Statement and Args go together", "read only", "database is nil",
	} {
		require.ErrorContains(t, err, part)
	}

	onBoth(t, func(t *testing.T, db *sql.DB) {
		s := sqlsink.New(db, visits())
		require.Error(t, s.Write(t.Context(), []visit{{1, "/"}}), "it is not open")

		o := visits()
		o.Statement = `INSERT INTO nowhere VALUES ($1, $2)`
		require.ErrorContains(t, sqlsink.New(db, o).Open(t.Context()), "nowhere")

		o.Setup = []string{`CREATE TABLE IF NOT EXISTS t (id INTEGER)`, `CREATE TABEL`}
		require.ErrorContains(t, sqlsink.New(db, o).Open(t.Context()), "setup statement 1: ")

		require.NoError(t, db.Close())
		require.Error(t, sqlsink.New(db, counts()).Open(t.Context()))
	})
}
