package sqlsink_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
)

// exampleDB is a database with SQLite. The one of PostgreSQL would be sql.Open("pgx", url).
func exampleDB() (db *sql.DB, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}

	db, err = sql.Open("sqlite", filepath.Join(dir, "visits.db"))
	if err != nil {
		panic(err)
	}

	return db, func() {
		_ = db.Close()
		_ = os.RemoveAll(dir)
	}
}

// One statement for each item. The key makes an item that comes again the same row.
func ExampleNew() {
	db, remove := exampleDB()
	defer remove()

	sink := sqlsink.New(db, sqlsink.Options[visit]{
		Setup:     []string{`CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, path TEXT NOT NULL)`},
		Statement: `INSERT INTO visits (id, path) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`,
		Args:      func(v visit) ([]any, error) { return []any{v.ID, v.Path}, nil },
	})

	ctx := context.Background()
	fmt.Println(sink.Open(ctx))
	fmt.Println(sink.Write(ctx, []visit{{1, "/"}, {2, "/about"}}))
	fmt.Println(sink.Write(ctx, []visit{{2, "/about"}, {3, "/"}})) // after a crash, say
	fmt.Println(sink.Close(ctx))

	var n int

	err := db.QueryRow(`SELECT count(*) FROM visits`).Scan(&n)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// <nil>
	// 3 <nil>
}

// Sums that are right though items come again: each key is kept in the transaction that adds it.
func ExampleOptions_write() {
	db, remove := exampleDB()
	defer remove()

	sink := sqlsink.New(db, sqlsink.Options[visit]{
		Setup: []string{
			`CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY)`,
			`CREATE TABLE IF NOT EXISTS total (n INTEGER NOT NULL)`,
			`INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total)`,
		},
		Write: func(ctx context.Context, tx *sql.Tx, items []visit) error {
			fresh := int64(0)

			for _, v := range items {
				r, err := tx.ExecContext(ctx, `INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING`, v.ID)
				if err != nil {
					return err
				}

				n, err := r.RowsAffected()
				if err != nil {
					return err
				}

				fresh += n
			}

			_, err := tx.ExecContext(ctx, `UPDATE total SET n = n + ?`, fresh)

			return err
		},
	})

	ctx := context.Background()
	fmt.Println(sink.Open(ctx))
	fmt.Println(sink.Write(ctx, []visit{{1, "/"}, {2, "/about"}}))
	fmt.Println(sink.Write(ctx, []visit{{2, "/about"}, {3, "/"}}))
	fmt.Println(sink.Close(ctx))

	var n int

	err := db.QueryRow(`SELECT n FROM total`).Scan(&n)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// <nil>
	// 3 <nil>
}
