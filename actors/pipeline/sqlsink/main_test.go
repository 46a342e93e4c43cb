package sqlsink_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
)

var _ pipeline.Sink[string] = (*sqlsink.Sink[string])(nil)

// postgres is the URL of the PostgreSQL to test with, or why there is none.
var (
	postgres    string
	errPostgres error
)

func TestMain(m *testing.M) {
	var c *cluster

	if postgres = os.Getenv("TROUPE_POSTGRES_URL"); postgres == "" {
		if c, errPostgres = startCluster(context.Background()); c != nil {
			postgres = c.url
		}
	}

	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		if c != nil {
			if err := c.close(); err != nil {
				fmt.Fprintln(os.Stderr, err)

				code = 1
			}
		}

		os.Exit(code)
	}))
}

// onBoth runs a test with SQLite and with PostgreSQL, each with a database of its own.
func onBoth(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+
			"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
		require.NoError(t, err)

		defer db.Close()

		test(t, db)
	})
	onPostgres(t, test)
}

// onPostgres runs a test with PostgreSQL.
func onPostgres(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	t.Helper()
	t.Run("PostgreSQL", func(t *testing.T) {
		if errors.Is(errPostgres, errNoPostgres) {
			t.Skip(errPostgres)
		}

		require.NoError(t, errPostgres)

		schema(t, "CREATE SCHEMA troupe_test")

		u, err := url.Parse(postgres)
		require.NoError(t, err)

		query := u.Query()
		query.Set("search_path", "troupe_test")
		u.RawQuery = query.Encode()

		db, err := sql.Open("pgx", u.String())
		require.NoError(t, err)

		defer func() {
			assert.NoError(t, db.Close())
			schema(t)
		}()

		test(t, db)
	})
}

// schema removes what a test has left in PostgreSQL, and executes the statements.
func schema(t *testing.T, statements ...string) {
	t.Helper()

	db, err := sql.Open("pgx", postgres)
	require.NoError(t, err)

	defer db.Close()

	for _, s := range append([]string{"DROP SCHEMA IF EXISTS troupe_test CASCADE"}, statements...) {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
}
