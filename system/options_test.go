package system_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// TestTheRangesOfOptions has a row on each side of each bound.
func TestTheRangesOfOptions(t *testing.T) {
	shares := supervision.Shares{Drain: 7 * time.Second, Flush: 2 * time.Second, Close: time.Second}
	more := shares
	more.Intake = 1

	for name, of := range map[string]struct {
		options system.Options
		want    []string
	}{
		"the zero value is valid": {},
		"everything at its least is valid": {
			options: system.Options{Grace: 1, Letters: 1, Replays: 1, Events: 1},
		},
		"everything below it": {
			system.Options{Grace: -1, Letters: -1, Replays: -1, Events: -1},
			[]string{
				"system.Options.Grace: -1ns is negative",
				"system.Options.Letters: -1 is out of range, must be from 1 to 1048576, or 0 for 1024",
				"system.Options.Replays: -1 is out of range, must be from 1 to 1000, or 0 for 3",
				"system.Options.Events: -1 is out of range, must be from 1 to 1048576, or 0 for 1024",
			},
		},
		"everything at its most is valid": {
			options: system.Options{Letters: system.MaxLetters, Replays: system.MaxReplays, Events: system.MaxEvents},
		},
		"everything above it": {
			system.Options{
				Letters: system.MaxLetters + 1, Replays: system.MaxReplays + 1, Events: system.MaxEvents + 1,
			},
			[]string{
				"system.Options.Letters: 1048577 is out of range, must be from 1 to 1048576, or 0 for 1024",
				"system.Options.Replays: 1001 is out of range, must be from 1 to 1000, or 0 for 3",
				"system.Options.Events: 1048577 is out of range, must be from 1 to 1048576, or 0 for 1024",
			},
		},
		"a signal that is none": {
			system.Options{Signals: []os.Signal{os.Interrupt, nil}}, []string{"system.Options.Signals[1]: is nil"},
		},
		"shares that are the grace period are valid": {options: system.Options{Grace: 10 * time.Second, Shares: shares}},
		"shares that are more": {
			system.Options{Grace: 10 * time.Second, Shares: more},
			[]string{"system.Options.Shares: they add up to 1ns more than Grace, 10s"},
		},
		"no limit is valid": {options: system.Options{Grace: math.MaxInt64}},
		"shares without a limit are valid": {options: system.Options{Grace: math.MaxInt64, Shares: supervision.Shares{
			Drain: math.MaxInt64 - 2, Flush: 1, Close: 1,
		}}},
		"shares that are more than no limit": {
			system.Options{Grace: math.MaxInt64, Shares: supervision.Shares{Drain: math.MaxInt64, Flush: 1, Close: 1}},
			[]string{"system.Options.Shares: they add up to 2ns more than Grace, 2562047h47m16.854775807s"},
		},
		"shares that are far more": {
			system.Options{Grace: 1, Shares: supervision.Shares{
				Intake: math.MaxInt64, Drain: math.MaxInt64, Flush: math.MaxInt64, Close: math.MaxInt64,
			}},
			[]string{"system.Options.Shares: they add up to 2562047h47m16.854775807s more than Grace, 1ns"},
		},
		"shares of which one is forgotten": {
			system.Options{Shares: supervision.Shares{Intake: -1, Drain: time.Second, Close: -2}},
			[]string{
				"system.Options.Shares.Intake: -1ns is negative",
				"system.Options.Shares.Flush: is not set, must be as the others are",
				"system.Options.Shares.Close: -2ns is negative",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			of.options.Logger = silent().Logger
			s, err := system.Start(t.Context(), tree(), of.options)

			if of.want != nil {
				assert.EqualError(t, err, strings.Join(of.want, "\n"))

				return
			}

			require.NoError(t, err)

			_, err = stop(t, s)
			require.NoError(t, err)
		})
	}
}

// TestTheSharesOfAnyGracePeriod compares with numbers that do not overflow.
func TestTheSharesOfAnyGracePeriod(t *testing.T) {
	const maxProduct = math.MaxInt64 / 4 // the longest whose four tenths can be had in a simple way

	tenths := func(d time.Duration, n int64) time.Duration {
		exact := big.NewInt(int64(d))

		return time.Duration(exact.Div(exact.Mul(exact, big.NewInt(n)), big.NewInt(10)).Int64())
	}

	for _, grace := range []time.Duration{
		1, 9, 10, 11, 25 * time.Second, maxProduct - 1, maxProduct, maxProduct + 1, math.MaxInt64 / 2, math.MaxInt64 - 1,
		math.MaxInt64,
	} {
		assert.Equal(t, supervision.Shares{
			Drain: tenths(grace, 4) + tenths(grace, 2), Flush: tenths(grace, 2), Close: tenths(grace, 2),
		}, system.SharesOf(grace), grace)
	}
}

// TestWithoutALimitAStopWaits has a hook of a year, and a task that goes on until it is cut.
func TestWithoutALimitAStopWaits(t *testing.T) {
	const year = 365 * 24 * time.Hour

	for _, deadline := range []time.Duration{
		year, math.MaxInt64 / 9, math.MaxInt64/9 + 1, math.MaxInt64 / 5, math.MaxInt64 / 2,
	} {
		t.Run(deadline.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := declare(&probe{name: "a", flush: func(ctx context.Context) error {
					select {
					case <-time.After(year):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}}, supervision.Spec{Deadlines: supervision.Deadlines{Flush: math.MaxInt64 / 5}})
				options := patient(math.MaxInt64)
				options.Tasks = []*supervision.Task{{
					Name: "task", Phase: supervision.PhaseDrain, Deadline: deadline,
					Run: func(ctx context.Context) error { <-ctx.Done(); return nil },
				}}
				s := start(t, tree(a), options)
				began := time.Now()
				_, err := stop(t, s)
				require.NoError(t, err)
				assert.InDelta(t, 0, time.Since(began)-year-(deadline-deadline/10), 1, "in ns")
			})
		})
	}
}

func TestWithoutALimitAStopCanBeForced(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{})
		s := start(t, tree(a), patient(math.MaxInt64))

		tell(t, s, a, hangs(release))
		s.Stop()

		began := time.Now()

		s.Force()
		<-s.Done()
		assert.LessOrEqual(t, time.Since(began), system.ForcedGrace)
		require.ErrorIs(t, s.Report().Err(), system.ErrForced)

		close(release)
		synctest.Wait()
	})
}

func TestANilContextIsReportedWithTheRest(t *testing.T) {
	want := "/: %s: nil context\nsystem.Options.Grace: -1ns is negative\n/: Name: is empty, every child needs one\n" +
		"/: Budget: is not set, every supervisor needs one"

	_, err := system.Start(nil, supervision.Tree{}, system.Options{Grace: -1}) //nolint:staticcheck // on purpose
	require.EqualError(t, err, fmt.Sprintf(want, "Start"))

	err = system.Run(nil, supervision.Tree{}, system.Options{Grace: -1}) //nolint:staticcheck // on purpose
	require.EqualError(t, err, fmt.Sprintf(want, "Run"))
	require.ErrorIs(t, err, mailbox.ErrNilContext)
}
