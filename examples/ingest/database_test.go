package main

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestADatabaseIsOpenedByManyAtOnce has a database that none of them has seen before.
func TestADatabaseIsOpenedByManyAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "totals.db")

		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				db, err := openDB(t.Context(), path)
				if !assert.NoError(t, err) {
					return
				}

				_, err = db.ExecContext(t.Context(), `CREATE TABLE IF NOT EXISTS t (n INTEGER)`)
				assert.NoError(t, err)
				assert.NoError(t, db.Close())
			})
		}

		all.Wait()
	}
}

func TestADatabaseThatCannotBeOpenedIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "totals.db")
	_, err := openDB(t.Context(), path)
	require.ErrorContains(t, err, "the database "+path+": ")
}
