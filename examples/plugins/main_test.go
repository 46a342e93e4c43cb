package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/system/plugin"
)

func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), plugin.Prefix) {
		main()
		os.Exit(0)
	}

	goleak.VerifyTestMain(m)
}

func TestEverythingIsContained(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.json")

	var out, errs bytes.Buffer

	require.Zero(t, run(t.Context(), []string{"-lines", "300", "-report", report}, &out, &errs), errs.String())
	t.Log(out.String())

	for name, says := range map[string]string{
		"inside": "plugin panicked: panic: line 50", "floods": "a stream, sent as fast as it was read: 300 lines",
		"good": "nothing to contain", "hangs": "hung: ", "leaks": "bytes of memory, 268435456 are allowed", "old": "nothing",
		"panics": "exit status 2: panic: line 50", "tampered": "another checksum than declared",
	} {
		assert.Regexp(t, `(?m)^`+name+` .*`+says, out.String())
	}

	assert.Regexp(t, `(?m)^old +1 +300 +297 +3 +0 +0 `, out.String()) // three of the lines are cut off
	assert.Regexp(t, `(?m)^good +2 +300 +297 +3 +0 +0 `, out.String())
	assert.Regexp(t, `(?m)^a line as it comes back: .* HTTP/1.1" (\d)\d\d .* class=\dxx$`, out.String())
	assert.Contains(t, out.String(), "and was ready each time")

	text, err := os.ReadFile(report)
	require.NoError(t, err)

	var r struct {
		Unaccounted *int64 `json:"unaccounted"`
	}
	require.NoError(t, json.Unmarshal(text, &r))
	require.NotNil(t, r.Unaccounted)
	assert.Zero(t, *r.Unaccounted)
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()

	for name, of := range map[string]struct {
		args []string
		code int
		says string
	}{
		"none": {[]string{"-lines", "0"}, 2, "give -lines from 1"},
		"more": {[]string{"more"}, 2, "nothing behind the flags"},
		"flag": {[]string{"-what"}, 2, "not defined"},
		"help": {[]string{"-help"}, 0, "Usage of plugins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out, errs bytes.Buffer

			assert.Equal(t, of.code, run(t.Context(), of.args, &out, &errs))
			assert.Contains(t, errs.String(), of.says)
		})
	}
}
