package system_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// nilPath returns what a function returns by mistake that has declared its error as a pointer: Error and Unwrap panic.
func nilPath() error {
	var e *fs.PathError

	return e
}

// whenEnded returns it once ctx has ended.
func whenEnded(ctx context.Context) error {
	<-ctx.Done()

	return nilPath()
}

func TestAGoroutineThatReturnsAnErrorThatPanicsAfterItsContextHasEndedCostsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *actors.Context[job]) error { return ctx.Go(whenEnded) })
		tell(t, s, a, broken)
		synctest.Wait()
		tell(t, s, a, nothing)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(2), r.Total.Processed)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Equal(t, []string{"start a", "close a", "start a", "flush a", "close a"}, d.read())
	})
}

func TestAHookThatReturnsAnErrorThatPanicsWhenItIsCutHasFailedAndNoMore(t *testing.T) {
	deadlines := supervision.Deadlines{Flush: time.Second, Close: time.Second}

	for name, p := range map[string]*probe{
		"flush": {flush: whenEnded},
		"close": {closes: whenEnded},
		"both":  {flush: whenEnded, closes: whenEnded},
	} {
		for _, used := range []bool{false, true} { // hooks of actors without a message are called elsewhere
			t.Run(name, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					p := *p
					p.name, p.diary = "a", &diary{}
					a := declare(&p, supervision.Spec{Deadlines: deadlines})
					s := start(t, tree(a), silent())

					if used {
						tell(t, s, a, nothing)
						synctest.Wait()
					}

					began := time.Now()
					r, err := stop(t, s)
					require.ErrorContains(t, err, "*fs.PathError whose Error method panics")
					assert.Equal(t, system.ExitFailed, system.ExitCode(err))
					assert.LessOrEqual(t, time.Since(began), 1800*time.Millisecond, "each is cut in its last tenth")
					assert.Empty(t, r.Actors[0].Abandoned)
					assert.Equal(t, []string{"start a", "flush a", "close a"}, p.diary.read())
				})
			})
		}
	}
}

func TestTheExitCodeOfAnErrorThatPanics(t *testing.T) {
	var none *system.StopError

	for _, err := range []error{none, nilPath(), fmt.Errorf("w: %w", nilPath())} {
		assert.Equal(t, system.ExitFailed, system.ExitCode(err))
	}

	assert.Equal(t, system.ExitClean, system.ExitCode(errors.Join(nilPath(), system.ErrInterrupted)))
}

func TestAReceiveThatReturnsAnErrorThatPanicsWhenItIsCutHasFailed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{
			Deadlines: supervision.Deadlines{Drain: time.Second},
		})
		s := start(t, tree(a), silent())
		tell(t, s, a, func(ctx *actors.Context[job]) error { return whenEnded(ctx) })

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Equal(t, "close a", d.read()[len(d.read())-1])
	})
}
