package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestTheReportPrintsAsATableAndMarshalsToJSON(t *testing.T) {
	virtual(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "report.json")
		options := silent()
		options.ReportFile = path

		var seen []*system.Report

		options.OnReport = func(r *system.Report) { seen = append(seen, r) }

		s, a := failing(t, options)
		tell(t, s, a, broken)
		tell(t, s, a, nothing)
		synctest.Wait()
		<-time.After(90 * time.Second)

		r, err := stop(t, s)
		require.NoError(t, err)
		require.Len(t, seen, 1, "once")
		assert.Same(t, r, seen[0])

		var table bytes.Buffer

		n, err := r.WriteTo(&table)
		require.NoError(t, err)
		assert.Equal(t, int64(table.Len()), n)

		lines := strings.Split(table.String(), "\n")
		assert.Equal(t, "shutdown of test after 1m30s: clean", lines[0])
		assert.Equal(t, []string{"2", "1", "1", "0", "0", "0", "0", "0", "0", "/test/a"}, strings.Fields(lines[6]))
		assert.Equal(t, []string{"2", "1", "1", "0", "0", "0", "0", "0", "0", "total"}, strings.Fields(lines[7]))
		assert.Equal(t, "dead letters: 1 failed", lines[8])
		assert.Equal(t, "unaccounted: 0", lines[9])

		text, err := os.ReadFile(path)
		require.NoError(t, err)

		var raw map[string]any
		require.NoError(t, json.Unmarshal(text, &raw))
		assert.InDelta(t, 0, raw["unaccounted"], 0)
		assert.InDelta(t, 90, raw["uptime_seconds"], 0)
		assert.Equal(t, map[string]any{"failed": 1.0}, raw["dead_letters"])

		var back system.Report
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, uint64(1), back.DeadLetters[mailbox.Failed])

		again, err := json.MarshalIndent(back, "", "  ")
		require.NoError(t, err)
		assert.Equal(t, string(text), string(again)+"\n", "it reads back as it was")
	})
}

func TestSecondsAreReadIfTheyFit(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "-0.5": -500 * time.Millisecond, "1e-9": 1, "9.2e9": 9_200_000_000 * time.Second,
	} {
		var s system.Seconds

		require.NoError(t, s.UnmarshalJSON([]byte(text)), text)
		assert.Equal(t, want, time.Duration(s), text)
	}

	for _, text := range []string{"", `"1"`, "NaN", "Inf", "-inf", "1e300", "9223372037", "-9223372037"} {
		s := system.Seconds(7)

		require.EqualError(t, s.UnmarshalJSON([]byte(text)),
			fmt.Sprintf("system.Seconds: %q is not a number of seconds", text))
		assert.Equal(t, system.Seconds(7), s, "it stays as it is")
	}
}

func TestAReportTakesThePlaceOfAnotherOrIsNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	require.NoError(t, os.WriteFile(path, []byte("the last one"), 0o600))

	old, err := os.Open(path)
	require.NoError(t, err)

	defer func() { require.NoError(t, old.Close()) }()

	options := silent()
	options.ReportFile = path
	s, _ := failing(t, options)
	_, err = s.Shutdown(t.Context())
	require.NoError(t, err)

	text, err := io.ReadAll(old)
	require.NoError(t, err)
	assert.Equal(t, "the last one", string(text), "who reads the last one reads all of it")

	text, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, json.Valid(text))

	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "below"), 0o700))

	options.ReportFile = taken
	s, _ = failing(t, options)
	_, err = s.Shutdown(t.Context())
	require.ErrorContains(t, err, "taken")

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing half-written is left")
}

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	dir := t.TempDir()
	options := silent()
	options.ReportFile = filepath.Join(dir, "no", "report.json")
	options.OnReport = func(*system.Report) { panic("callback") }

	s, _ := failing(t, options)
	r, err := s.Shutdown(t.Context())
	require.ErrorContains(t, err, "report.json")
	require.ErrorContains(t, err, "system.Options.OnReport: panic: callback")
	assert.False(t, r.Clean)
	assert.Zero(t, r.Unaccounted)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing half-written")
}

func TestAnOnReportThatEndsItsGoroutineHoldsUpNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options := silent()
		options.OnReport = func(*system.Report) { runtime.Goexit() }

		s := start(t, tree(declare(&probe{name: "a"}, quick())), options)
		r, err := stop(t, s)
		require.ErrorContains(t, err, "system.Options.OnReport has ended its goroutine")
		assert.False(t, r.Clean)
	})
}

// TestASignalShutsDownAndASecondOneForces uses a signal of its own, so that the test's runner does not mind.
func TestASignalShutsDownAndASecondOneForces(t *testing.T) {
	listening := deaf(t, syscall.SIGUSR1)
	a := declare(&probe{name: "a"}, supervision.Spec{})
	options := silent()
	options.Grace = time.Hour
	options.Signals = []os.Signal{syscall.SIGUSR1}

	s := start(t, tree(a), options)
	waited := make(chan error, 1)

	go func() { waited <- s.Wait(t.Context()) }() // awaited below

	entered := make(chan struct{})
	tell(t, s, a, func(ctx *ctxOf) error {
		close(entered)
		<-ctx.Done() // the drain is stuck until it is cut

		return nil
	})
	<-entered

	refused := func() bool { return errors.Is(a.From(s.Intake()).TryTell(nothing), mailbox.ErrStopping) }

	listening()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	require.Eventually(t, refused, time.Minute, time.Millisecond)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))

	err := <-waited

	r := s.Report()
	assert.Equal(t, r.Err(), err)
	assert.True(t, r.Forced)
	assert.False(t, r.Clean)
	assert.Less(t, time.Duration(r.Phases[1].Took), time.Minute)
	checkLaw(t, r)
}

func TestTheErrorsOfAStopAreBounded(t *testing.T) {
	const actorsThatFail, told = 250, 100

	virtual(t, func(t *testing.T) {
		var all []supervision.Child

		for i := range actorsThatFail {
			all = append(all, declare(&probe{
				name: strconv.Itoa(i), closes: func(context.Context) error { return errBroken },
			}, supervision.Spec{}))
		}

		r, err := stop(t, start(t, tree(all...), silent()))
		require.ErrorIs(t, err, errBroken)
		assert.Len(t, r.Errors, told+1)
		assert.Equal(t, "and 150 more", r.Errors[told])
		assert.Equal(t, told, strings.Count(err.Error(), "\n"), "one line an error")
		assert.Len(t, r.Actors, actorsThatFail, "each has its own step all the same")
		assert.False(t, r.Clean)
	})
}
