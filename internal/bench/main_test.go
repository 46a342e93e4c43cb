package main_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	program "github.com/troupe-go/troupe/internal/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every contender does every workload and handles exactly what was sent; nothing stays behind (TestMain).
func TestEveryContenderHandlesWhatWasSent(t *testing.T) {
	seen := 0

	program.TryAll(t.Context(), 4000, func(workload, contender string, ops int, err error) {
		seen++

		require.NoError(t, err, "%s, %s", workload, contender)
		assert.Positive(t, ops, "%s, %s", workload, contender)
	})

	assert.Equal(t, 7*4+2+1+2*3+2+2+2+1, seen)
}

func TestComparisonEndsWithRatios(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made", "bench.txt")
	code, stdout, stderr := run(t, "-runs", "2", "-count", "400", "-workload", "ask,tell-1-1", "-benchstat", file)

	require.Zero(t, code, stderr)

	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	last := lines[len(lines)-6:]

	for i, want := range []string{
		"ratio tell-1-1 channel", "ratio tell-1-1 protoactor", "ratio tell-1-1 protoactor-bounded",
		"ratio ask channel", "ratio ask protoactor", "ratio ask protoactor-bounded",
	} {
		assert.Regexp(t, "^"+want+` \d+\.\d\d$`, last[i])
	}

	written, err := os.ReadFile(file)

	require.NoError(t, err)
	assert.Equal(t, 2*4*2, strings.Count(string(written), "\nBenchmark"))
	assert.Contains(t, stdout, "\nevery run is in "+file+", as input for benchstat\n\nratio ")
}

func TestAComparisonOfEverythingEndsWithTheRatiosOfEachWorkload(t *testing.T) {
	code, stdout, stderr := run(t, "-runs", "1", "-count", "400", "-benchstat", "")

	require.Zero(t, code, stderr)

	_, ratios, _ := strings.Cut(stdout, "ratio ")

	var want strings.Builder

	for _, workload := range []string{"tell-1-1", "tell-4-1", "tell-8-8", "chain-4", "ping-pong", "ask", "pipeline"} {
		for _, baseline := range []string{"channel", "protoactor", "protoactor-bounded"} {
			want.WriteString("ratio " + workload + " " + baseline + ` \d+\.\d\d\n`)
		}
	}

	for _, ratio := range []string{
		"pipeline-cpu workers-1",
		"restart protoactor", "restart protoactor-guardian",
		"restart-window protoactor", "restart-window protoactor-guardian", "idle protoactor", "idle-bytes protoactor",
		"idle-each protoactor", "stop protoactor",
	} {
		// With a few actors only, what others have left and is freed meanwhile is more than what they hold.
		want.WriteString("ratio " + ratio + ` -?\d+\.\d\d\n`)
	}

	assert.Regexp(t, "^"+want.String()+"$", "ratio "+ratios)
}

func TestEveryRunIsWrittenUnlessTheFileIsEmpty(t *testing.T) {
	t.Chdir(t.TempDir())

	args := []string{"-runs", "1", "-count", "400", "-workload", "tell-pointer"}

	code, stdout, stderr := run(t, append(args, "-benchstat", "")...)

	require.Zero(t, code, stderr)
	assert.NotContains(t, stdout, "benchstat")
	assert.NoDirExists(t, ".cache")

	code, stdout, stderr = run(t, args...)

	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "every run is in .cache/bench.txt")
	assert.FileExists(t, filepath.Join(".cache", "bench.txt"))
}

func TestProfileWritesAFilePerRun(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "profiles")
	code, stdout, stderr := run(t, "-runs", "1", "-count", "400", "-workload", "ping-pong", "-cpuprofile", folder)

	require.Zero(t, code, stderr)
	assert.Equal(t, filepath.Join(folder, "ping-pong-1.pprof")+"\n", stdout)
	assert.FileExists(t, filepath.Join(folder, "ping-pong-1.pprof"))
}

func TestWrongFlagsAreReportedAtOnce(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"-no-such-flag"}, []string{"flag provided but not defined: -no-such-flag"}},
		{[]string{"stray"}, []string{`unexpected argument "stray"`}},
		{
			[]string{"-runs", "0", "-count", "99", "-workload", "tell,ask"},
			[]string{
				"-runs: 0 is out of range, must be from 1 to 1000", "-count: 99 is out of range",
				`there is no "tell", only tell-1-1, tell-4-1, tell-8-8, chain-4, ping-pong, ask, pipeline, ` +
					`pipeline-cpu, tell-pointer, restart, restart-window, idle, idle-each, stop, stop-chain, flood`,
			},
		},
		{[]string{"-smoke", "-benchstat", "x"}, []string{"-smoke measures nothing"}},
		{[]string{"-cpuprofile", "x", "-benchstat", "y"}, []string{"-cpuprofile compares nothing"}},
		{[]string{"-cpuprofile", "x", "-workload", "flood"}, []string{"-cpuprofile profiles no flood"}},
	} {
		code, stdout, stderr := run(t, test.args...)

		assert.Equal(t, 2, code, test.args)
		assert.Empty(t, stdout, test.args)

		for _, want := range test.want {
			assert.Contains(t, stderr, want)
		}
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	code, stdout, stderr := run(t, "-h")

	assert.Zero(t, code)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "-cpuprofile DIR")
}

func TestAnEndedContextFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	var stdout, stderr bytes.Buffer

	assert.Equal(t, 1, program.Run(ctx, []string{"-runs", "1", "-count", "400"}, &stdout, &stderr))
	assert.Contains(t, stderr.String(), "context canceled")
}

func TestAFileThatCannotBeWrittenFails(t *testing.T) {
	notFolder := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(notFolder, nil, 0o600))

	file := filepath.Join(notFolder, "bench.txt")
	code, _, stderr := run(t, "-runs", "1", "-count", "400", "-workload", "tell-1-1", "-benchstat", file)

	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "-benchstat: mkdir "+notFolder)
}

func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()

	var out, errs bytes.Buffer

	code = program.Run(t.Context(), args, &out, &errs)

	return code, out.String(), errs.String()
}
