package sqlsink_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
	"github.com/troupe-go/troupe/internal/pipelinetest"
	"github.com/troupe-go/troupe/mailbox"
)

// made are n visits.
func made(n int) []visit {
	all := make([]visit, n)
	for i := range all {
		all[i] = visit{ID: i, Path: "/"}
	}

	return all
}

// TestAPipelineWritesAllButWhatIsBad has items that fail for good, one that fails once, and one that crashes the stage.
func TestAPipelineWritesAllButWhatIsBad(t *testing.T) {
	const n = 1000

	onBoth(t, func(t *testing.T, db *sql.DB) {
		all := made(n)
		all[300].Path, all[950].Path = "bad", "bad"

		failed, crashed := false, false // by the one worker of each incarnation
		o := visits()
		good := o.Args
		o.Args = func(v visit) ([]any, error) {
			switch {
			case v.ID == 500 && !failed:
				failed = true

				return nil, errBad
			case v.ID == 900 && !crashed:
				crashed = true

				panic("crash")
			}

			return good(v)
		}

		ledger := pipelinetest.Keep(pipeline.Slice(all))
		p := pipeline.New("out", pipelinetest.Options())
		pipeline.To(pipeline.From(p, "visits", ledger), "db", sqlsink.New(db, o), pipeline.Stage{
			Retry: pipeline.Retry{Max: 1, Initial: time.Millisecond}, Redeliver: 1,
		})

		sys := pipelinetest.Start(t, p)
		require.NoError(t, p.Wait(t.Context()))

		letters := sys.DeadLetters().Letters()
		pipelinetest.Stop(t, sys)
		require.Len(t, letters, 2)

		for i, id := range []int{300, 950} {
			assert.Equal(t, visit{id, "bad"}, letters[i].Message)
			assert.Equal(t, mailbox.Failed, letters[i].Reason)
			require.ErrorIs(t, letters[i].Cause, errBad)
		}

		items, undone := ledger.Check(t)
		assert.Equal(t, n, items)
		assert.Zero(t, undone)
		assert.True(t, failed)
		assert.True(t, crashed)
		assert.Len(t, rows(t, db, allVisits), n-2)
		assert.Empty(t, rows(t, db, `SELECT id, path FROM visits WHERE id IN (300, 950)`))
	})
}

// TestALostConnectionIsTriedAgain ends the server's side of the connection in the middle of a transaction.
func TestALostConnectionIsTriedAgain(t *testing.T) {
	const n = 500

	onPostgres(t, func(t *testing.T, db *sql.DB) {
		lost := false
		o := sqlsink.Options[visit]{
			Setup: visits().Setup,
			Write: func(ctx context.Context, tx *sql.Tx, items []visit) error {
				for _, v := range items {
					if _, err := tx.ExecContext(ctx, `INSERT INTO visits VALUES ($1, $2)`, v.ID, v.Path); err != nil {
						return err
					}
				}

				if !lost && items[0].ID > 0 {
					lost = true

					_, err := tx.ExecContext(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)

					return err
				}

				return nil
			},
		}

		ledger := pipelinetest.Keep(pipeline.Slice(made(n)))
		p := pipeline.New("out", pipelinetest.Options())
		pipeline.To(pipeline.From(p, "visits", ledger), "db", sqlsink.New(db, o), pipeline.Stage{
			Capacity: 100, Retry: pipeline.Retry{Max: 10, Initial: time.Millisecond},
		})
		pipelinetest.Run(t, p)

		items, undone := ledger.Check(t)
		assert.Equal(t, n, items)
		assert.Zero(t, undone)
		assert.True(t, lost)
		assert.Len(t, rows(t, db, allVisits), n)
	})
}
