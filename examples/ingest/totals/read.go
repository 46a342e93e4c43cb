package totals

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"
)

// Sum is what visits add up to.
type Sum struct {
	Requests int64 `json:"requests"`
	// Errors are the requests that the server failed to answer: status 500 and above.
	Errors int64 `json:"errors"`
	Bytes  int64 `json:"bytes"`
}

func (s Sum) with(v Visit) Sum {
	s.Requests++
	s.Bytes += v.Bytes

	if v.Status >= http.StatusInternalServerError {
		s.Errors++
	}

	return s
}

// Minute is what was visited in a minute.
type Minute struct {
	Sum

	Minute time.Time `json:"minute"`
}

// Path is how a path was visited.
type Path struct {
	Sum

	Path string `json:"path"`
}

// Totals is what everything that is counted adds up to.
type Totals struct {
	Sum

	// Lines that are counted: Requests and Bots.
	Lines int64 `json:"lines"`
	// Bots are the lines of programs.
	Bots int64 `json:"bots"`
	// Minutes and Paths that were visited, in order.
	Minutes []Minute `json:"minutes"`
	Paths   []Path   `json:"paths"`
}

// Read returns what was true at an instant. It returns the error of the database.
func Read(ctx context.Context, db *sql.DB) (t Totals, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return t, err
	}

	defer func() { err = errors.Join(err, tx.Rollback()) }()

	t.Minutes, t.Paths = []Minute{}, []Path{} // not null in JSON
	err = errors.Join(
		tx.QueryRowContext(ctx, `SELECT coalesce(sum(last - first + 1), 0) FROM counted`).Scan(&t.Lines),
		tx.QueryRowContext(ctx, `SELECT coalesce(sum(lines), 0) FROM dropped`).Scan(&t.Bots),
		each(ctx, tx, `SELECT sum(requests), sum(errors), sum(bytes), minute FROM visits GROUP BY minute ORDER BY minute`,
			func(s Sum, minute int64) {
				t.Minutes = append(t.Minutes, Minute{s, time.Unix(minute*secondsPerMinute, 0).UTC()})
			}),
		each(ctx, tx, `SELECT sum(requests), sum(errors), sum(bytes), path FROM visits GROUP BY path ORDER BY path`,
			func(s Sum, path string) { t.Paths = append(t.Paths, Path{s, path}) }),
	)

	for _, p := range t.Paths {
		t.Requests += p.Requests
		t.Errors += p.Errors
		t.Bytes += p.Bytes
	}

	return t, err
}

// each calls add with each row of a query, which are sums of something.
func each[K any](ctx context.Context, tx *sql.Tx, query string, add func(Sum, K)) (err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()

	for rows.Next() {
		var (
			s Sum
			k K
		)

		if err := rows.Scan(&s.Requests, &s.Errors, &s.Bytes, &k); err != nil {
			return err
		}

		add(s, k)
	}

	return nil
}
