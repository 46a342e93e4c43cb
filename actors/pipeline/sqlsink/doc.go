// Package sqlsink writes the items of a pipeline to an SQL database, through database/sql and whatever driver the
// program imports. Each Write of the pipeline is one transaction.
//
//	sink := sqlsink.New(db, sqlsink.Options[Visit]{
//		Setup:     []string{`CREATE TABLE IF NOT EXISTS visits (id TEXT PRIMARY KEY, path TEXT NOT NULL)`},
//		Statement: `INSERT INTO visits (id, path) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
//		Args:      func(v Visit) ([]any, error) { return []any{v.ID, v.Path}, nil },
//	})
//
// A pipeline is at least once: after a crash, and after an error of a commit that the database did carry out, items are
// written again. So have the database recognise them: give each item a key that is the same every time, such as the
// offset of its line, or the sequence number of its message, and say ON CONFLICT DO NOTHING, or DO UPDATE SET
// x = excluded.x. What adds up, as in SET n = n + 1, counts twice what is written twice, unless the same transaction
// keeps the keys it has seen: that is what Options.Write is for, and its example shows it.
//
// It is tested with SQLite (modernc.org/sqlite) and PostgreSQL (github.com/jackc/pgx/v5/stdlib). Start reading at
// [New].
package sqlsink
