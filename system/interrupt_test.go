package system_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// slowStart is an actor that starts when it is released, or told that it is over.
type slowStart struct{ release chan struct{} }

func (a slowStart) Start(ctx *actors.Context[struct{}]) error {
	select {
	case <-a.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (slowStart) Receive(*actors.Context[struct{}], struct{}) error { return nil }

func TestThirdAndLaterSignalsDoNothingAndTheFirstOnesAreShown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		interrupts, release := make(chan os.Signal), make(chan struct{})
		a := declare(&probe{name: "a", closes: func(context.Context) error {
			<-release

			return nil
		}}, supervision.Spec{})
		options := silent()
		options.Interrupts = interrupts
		s := start(t, tree(a), options)

		stopped := make(chan error, 1)
		go func() { stopped <- s.Wait(t.Context()) }()

		began := time.Now()

		for range 10 {
			interrupts <- os.Interrupt
			<-time.After(time.Millisecond)
		}

		require.ErrorIs(t, <-stopped, system.ErrForced)
		assert.Equal(t, time.Millisecond+system.ForcedGrace, time.Since(began), "since the second one")

		var did []string
		for _, r := range s.Report().Signals {
			did = append(did, r.Did)
		}

		assert.Equal(t, []string{
			"shutdown", "force", "nothing", "nothing", "nothing", "nothing", "nothing", "nothing",
		}, did)

		close(release)
		synctest.Wait()
	})
}

func TestASignalOfTheProgramsOwnStopsTheSystemWheneverItComes(t *testing.T) {
	for name, c := range map[string]struct {
		before, after int // signals while it starts, and before it is waited for
		closed        bool
	}{
		"while it starts":         {before: 1},
		"before it is waited for": {after: 1},
		"never":                   {closed: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				interrupts, release := make(chan os.Signal, 2), make(chan struct{})
				o := system.Options{Logger: slog.New(slog.DiscardHandler)}
				o.Interrupts = interrupts

				for range c.before {
					interrupts <- os.Interrupt
				}

				if c.closed {
					close(interrupts)
				}

				if c.before == 0 {
					close(release)
				}

				slow := supervision.Actor("slow", func(supervision.Deps) (slowStart, error) {
					return slowStart{release}, nil
				}, supervision.Spec{})

				sys, err := system.Start(t.Context(), supervision.Tree{
					Name: "app", Budget: supervision.Budget{Restarts: 1, Within: time.Minute},
					Children: []supervision.Child{slow},
				}, o)

				if c.before > 0 {
					require.ErrorIs(t, err, system.ErrInterrupted)
					assert.Equal(t, system.ExitClean, system.ExitCode(err))

					return
				}

				require.NoError(t, err)

				for range c.after {
					interrupts <- os.Interrupt
				}

				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()

				began := time.Now()
				err = sys.Wait(ctx)
				assert.Len(t, sys.Report().Signals, c.after)

				if c.closed {
					assert.Equal(t, time.Hour, time.Since(began))
				} else {
					assert.Zero(t, time.Since(began))
				}

				require.NoError(t, err)
			})
		})
	}
}

// wildSignal is a signal of a program's own.
type wildSignal struct{}

func (wildSignal) Signal()        {}
func (wildSignal) String() string { panic("String") }

// selfishSignal is one that panics with itself, which fmt does not recover from.
type selfishSignal struct{}

func (selfishSignal) Signal()          {}
func (s selfishSignal) String() string { panic(s) }

func TestAllThatComesFromTheProgramIsASignal(t *testing.T) {
	for want, sig := range map[string]os.Signal{
		"<nil>": nil, "PANIC=String method": wildSignal{}, "that cannot be printed": selfishSignal{},
	} {
		virtual(t, func(t *testing.T) {
			interrupts := make(chan os.Signal, 1)
			options := silent()
			options.Interrupts = interrupts
			interrupts <- sig

			s, err := system.Start(t.Context(), tree(supervision.Actor("a", func(supervision.Deps) (slowStart, error) {
				return slowStart{}, nil
			}, supervision.Spec{})), options)
			require.ErrorIs(t, err, system.ErrInterrupted)
			assert.Nil(t, s)

			s = start(t, tree(declare(&probe{name: "a"}, supervision.Spec{})), options)
			interrupts <- sig

			require.NoError(t, s.Wait(t.Context()))
			require.Len(t, s.Report().Signals, 1)
			assert.Contains(t, s.Report().Signals[0].Signal, want)
			assert.Equal(t, "shutdown", s.Report().Signals[0].Did)
		})
	}
}
