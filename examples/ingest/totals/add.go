package totals

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// Visit is what is counted of a line.
type Visit struct {
	// Source names what the line is from, and Number is its place there.
	Source string
	Number int64
	Time   time.Time
	Path   string
	Status int
	Bytes  int64
	// Bot says that it is only counted as one of a program.
	Bot bool
}

// Setup returns the statements that make the tables, if there are none.
func Setup() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS counted (
			source TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (source, first)
		) WITHOUT ROWID`,
		`CREATE TABLE IF NOT EXISTS visits (
			minute INTEGER NOT NULL, path TEXT NOT NULL,
			requests INTEGER NOT NULL, errors INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (minute, path)
		) WITHOUT ROWID`,
		`CREATE TABLE IF NOT EXISTS dropped (why TEXT PRIMARY KEY, lines INTEGER NOT NULL) WITHOUT ROWID`,
	}
}

// cell is what sums are kept for.
type cell struct {
	minute int64 // since 1970
	path   string
}

// Add adds visits to the sums, without those that are counted already.
func Add(ctx context.Context, tx *sql.Tx, visits []Visit) error {
	fresh, err := count(ctx, tx, visits)
	if err != nil {
		return err
	}

	programs := int64(0)
	sums := make(map[cell]Sum)

	for _, v := range fresh {
		if v.Bot {
			programs++

			continue
		}

		c := cell{v.Time.Unix() / secondsPerMinute, v.Path}
		sums[c] = sums[c].with(v)
	}

	for c, s := range sums {
		if _, err := tx.ExecContext(ctx, `INSERT INTO visits VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
			requests = requests + excluded.requests, errors = errors + excluded.errors, bytes = bytes + excluded.bytes`,
			c.minute, c.path, s.Requests, s.Errors, s.Bytes); err != nil {
			return err
		}
	}

	_, err = tx.ExecContext(ctx,
		`INSERT INTO dropped VALUES ('bot', ?) ON CONFLICT DO UPDATE SET lines = lines + excluded.lines`, programs)

	return err
}

const secondsPerMinute = 60

// count notes that the visits are counted, and returns those that were not.
func count(ctx context.Context, tx *sql.Tx, visits []Visit) (fresh []Visit, err error) {
	bySource := make(map[string][]Visit)
	for _, v := range visits {
		bySource[v.Source] = append(bySource[v.Source], v)
	}

	for source, all := range bySource {
		slices.SortStableFunc(all, func(a, b Visit) int { return cmp.Compare(a.Number, b.Number) })

		counted, err := load(ctx, tx, source, all[0].Number-1, all[len(all)-1].Number+1)
		if err != nil {
			return nil, err
		}

		old := slices.Clone(counted)

		for _, v := range all {
			if !counted.has(v.Number) {
				counted = counted.with(v.Number)
				fresh = append(fresh, v)
			}
		}

		if err := replace(ctx, tx, source, old, counted); err != nil {
			return nil, err
		}
	}

	return fresh, nil
}

// load returns the runs of counted numbers that have some of those from first to last, and perhaps the one before.
func load(ctx context.Context, tx *sql.Tx, source string, first, last int64) (s spans, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT first, last FROM counted WHERE source = ?1 AND first <= ?3 AND first >=
		coalesce((SELECT max(first) FROM counted WHERE source = ?1 AND first <= ?2), ?2) ORDER BY first`,
		source, first, last)
	if err != nil {
		return nil, err
	}

	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()

	for rows.Next() {
		var r span
		if err := rows.Scan(&r.first, &r.last); err != nil {
			return nil, err
		}

		s = append(s, r)
	}

	return s, nil
}

// replace writes the runs of counted numbers.
func replace(ctx context.Context, tx *sql.Tx, source string, old, fresh spans) error {
	for _, r := range old {
		if _, err := tx.ExecContext(ctx, `DELETE FROM counted WHERE source = ? AND first = ?`, source, r.first); err != nil {
			return err
		}
	}

	for _, r := range fresh {
		if _, err := tx.ExecContext(ctx, `INSERT INTO counted VALUES (?, ?, ?)`, source, r.first, r.last); err != nil {
			return err
		}
	}

	return nil
}
