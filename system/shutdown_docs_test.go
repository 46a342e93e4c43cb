package system_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// TestTheWorkedReportOfTheDocsIsWhatIsPrinted makes the report that docs/shutdown.md explains.
func TestTheWorkedReportOfTheDocsIsWhatIsPrinted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})

		defer func() {
			close(release)
			synctest.Wait()
		}()

		work := func(d time.Duration) job {
			return func(*ctxOf) error {
				<-time.After(d)

				return nil
			}
		}

		ledger := declare(&probe{name: "ledger"}, supervision.Spec{})
		mail := declare(&probe{name: "mail", flush: func(context.Context) error {
			return errors.New("connection reset")
		}}, supervision.Spec{})
		orders := declare(&probe{name: "orders"}, supervision.Spec{DependsOn: supervision.On(ledger, mail)})
		stuck := declare(&probe{name: "stuck"}, supervision.Spec{Deadlines: supervision.Deadlines{Drain: 2 * time.Second}})

		listener := &supervision.Task{Name: "listener", Phase: supervision.PhaseIntake, Run: func(context.Context) error {
			<-time.After(300 * time.Millisecond)

			return nil
		}}
		pool := &supervision.Task{
			Name: "pool", Phase: supervision.PhaseClose, After: supervision.On(ledger),
			Run: func(context.Context) error { return nil },
		}
		options := with(listener, pool)
		options.Grace = 25 * time.Second
		tree := tree(ledger, mail, orders, stuck)
		tree.Name = "shop"
		s := start(t, tree, options)
		<-time.After(90 * time.Second)

		tell(t, s, stuck, hangs(release))

		for range 2 {
			tell(t, s, stuck, nothing)
			tell(t, s, ledger, work(time.Second/4))
		}

		for range 5 {
			tell(t, s, orders, work(time.Second/5))
		}

		r, err := stop(t, s)
		assert.Equal(t, system.ExitForced, system.ExitCode(err))

		var b bytes.Buffer

		_, err = r.WriteTo(&b)
		require.NoError(t, err)

		printed, _, _ := strings.Cut(b.String(), "\n#") // of the stack
		page, err := os.ReadFile("../docs/shutdown.md")
		require.NoError(t, err)
		assert.Contains(t, string(page), "```text\n"+printed, printed)
	})
}
