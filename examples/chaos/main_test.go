package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/system"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheFrameworkKeepsItsPromises runs a few seeds at once: most of the time they wait.
func TestTheFrameworkKeepsItsPromises(t *testing.T) {
	dir := t.TempDir()

	for seed := range uint64(3) {
		seed++

		report := filepath.Join(dir, strconv.FormatUint(seed, 10)+".json")
		args := []string{"-seed", strconv.FormatUint(seed, 10), "-duration", "2s", "-report", report}

		var out, errs bytes.Buffer
		require.Zero(t, run(t.Context(), args, &out, &errs), "%s%s", &out, &errs)
		assert.Contains(t, out.String(), "PASS")
		assert.Contains(t, out.String(), fmt.Sprintf("-seed %d ", seed), "it says what it was drawn from")

		text, err := os.ReadFile(report)
		require.NoError(t, err)

		var r system.Report
		require.NoError(t, json.Unmarshal(text, &r))
		assert.Zero(t, r.Unaccounted)
		assert.Positive(t, r.Total.Accepted)
		assert.Positive(t, r.Restarts)
		assert.Positive(t, r.Total.Failed)
	}
}

func TestItStopsWhenItIsToldTo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()

	var out, errs bytes.Buffer
	assert.Zero(t, run(ctx, []string{"-duration", "1h"}, &out, &errs), "%s%s", &out, &errs)
	assert.NotContains(t, out.String(), "-seed 0 ")
}

func TestBadInputIsOneClearErrorAndAnExitCode(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "report.json")

	for _, args := range [][]string{
		{"-frob"},
		{"x"},
		{"-duration", "0s"},
		{"-rate", "0"},
		{"-rate", "NaN"},
		{"-rate", "1e9"},
		{"-seed", "-1"},
		{"-report", missing},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, exitUsage, run(t.Context(), args, &out, &errs), args)
		assert.Contains(t, errs.String(), args[0])
		assert.Empty(t, out.String())
	}

	directory := []string{"-duration", "10ms", "-report", t.TempDir()} // where a file cannot be written

	var out, errs bytes.Buffer
	assert.Equal(t, exitFailure, run(t.Context(), directory, &out, &errs))
	assert.Contains(t, out.String(), "VIOLATION")
}
