package system_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
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

func TestANilContextIsReportedWithTheRest(t *testing.T) {
	want := "/: %s: nil context\nsystem.Options.Grace: -1ns is negative\n/: Name: is empty, every child needs one\n" +
		"/: Budget: is not set, every supervisor needs one"

	_, err := system.Start(nil, supervision.Tree{}, system.Options{Grace: -1}) //nolint:staticcheck // on purpose
	require.EqualError(t, err, fmt.Sprintf(want, "Start"))

	err = system.Run(nil, supervision.Tree{}, system.Options{Grace: -1}) //nolint:staticcheck // on purpose
	require.EqualError(t, err, fmt.Sprintf(want, "Run"))
	require.ErrorIs(t, err, mailbox.ErrNilContext)
}
