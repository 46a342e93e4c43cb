package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"modernc.org/sqlite"
	code "modernc.org/sqlite/lib"
)

// openDB opens the database, and makes it one that is read while it is written. A transaction is on disk when it has
// committed.
func openDB(ctx context.Context, path string) (*sql.DB, error) {
	name := url.URL{
		Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(),
		RawQuery: "_pragma=busy_timeout(5000)&_pragma=synchronous(full)&_txlock=immediate",
	}

	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}

	if err := logAhead(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s: %w", path, err), db.Close())
	}

	return db, nil
}

// logAhead makes the database write ahead to a log, for good. Whoever does that needs the database for itself, and of
// two at a time SQLite refuses one at once, whatever the busy timeout (https://sqlite.org/c3ref/busy_handler.html): it
// is tried again.
func logAhead(ctx context.Context, db *sql.DB) error {
	_, err := backoff.Retry(ctx, func() (sql.Result, error) {
		r, err := db.ExecContext(ctx, `PRAGMA journal_mode = wal`)

		var e *sqlite.Error
		if err != nil && !(errors.As(err, &e) && e.Code()&0xff == code.SQLITE_BUSY) { // the rest of a code is details
			err = backoff.Permanent(err)
		}

		return r, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(time.Millisecond)), backoff.WithMaxElapsedTime(patience))

	return err
}
