package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/examples/ingest/traffic"
	"github.com/troupe-go/troupe/system"
)

// asProgram makes the test binary be the program, for tests that need a process of its own.
const asProgram = "TROUPE_TEST_AS_INGEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}

	goleak.VerifyTestMain(m)
}

// special are lines that traffic does not have.
var special = []string{
	"",
	"nonsense",
	`2001:db8::1 - ann [10/Oct/2026:23:59:59 +0000] "POST /a%20b HTTP/2.0" 201 -`,
	`192.0.2.1 - - [11/Oct/2026:00:00:00 +0000] "-" 408 - "-" "-"`,
	`192.0.2.1 - - [11/Oct/2026:00:00:01 +0000] "\x16\x03\x01" 400 157 "-" "a \"quoted\" agent"`,
	`192.0.2.1 - - [11/Oct/2026:00:00:02 +0000] "GET /\xff` + "\xff" + ` HTTP/1.1" 503 12 "-" "Mozilla/5.0"`,
	`192.0.2.1 - - [11/Oct/2026:00:00:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0`,
	strings.Repeat("long ", maxLine/4),
}

// sample is lines of a log, the special ones in the middle of it.
func sample(n uint64) []string {
	var lines []string

	for i := range n {
		lines = append(lines, traffic.Line(11, i))
		if i == n/2 {
			lines = append(lines, special...)
		}
	}

	return lines
}

// write makes a file of lines.
func write(t *testing.T, path string, lines []string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// runs is run without signals.
func runs(t *testing.T, args []string, stdout, stderr io.Writer) int {
	t.Helper()

	return run(t.Context(), args, nil, stdout, stderr)
}

// must runs the program in this process, and returns the totals that it prints.
func must(t *testing.T, args ...string) (r result) {
	t.Helper()

	var out, errs bytes.Buffer

	require.Equal(t, system.ExitClean, runs(t, append([]string{"-json"}, args...), &out, &errs), errs.String())
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())

	return r
}

// plain is a result without what reckon does not know, and with what JSON makes of bytes that are no text.
func plain(t *testing.T, r result) result {
	t.Helper()

	text, err := json.Marshal(r)
	require.NoError(t, err)

	r = result{}
	require.NoError(t, json.Unmarshal(text, &r))

	r.Replayed = 0

	return r
}

func requireTotals(t *testing.T, lines []string, vhost bool, got result) {
	t.Helper()
	require.Equal(t, plain(t, reckon(t, lines, vhost)), plain(t, got))
}

// requireReport checks that a report accounts for everything.
func requireReport(t *testing.T, path string) {
	t.Helper()

	text, err := os.ReadFile(path)
	require.NoError(t, err)

	var r system.Report
	require.NoError(t, json.Unmarshal(text, &r))
	assert.True(t, r.Clean)
	assert.Zero(t, r.Unaccounted)
}

func TestTheTotalsAreThoseOfTheLines(t *testing.T) {
	dir := t.TempDir()
	log, db, report := filepath.Join(dir, "access.log"), filepath.Join(dir, "totals.db"), filepath.Join(dir, "report.json")
	lines := sample(3000)
	write(t, log, lines)

	requireTotals(t, lines, false, must(t, "-in", log, "-db", db, "-report", report))
	requireReport(t, report)

	t.Run("and the same log again adds nothing", func(t *testing.T) {
		requireTotals(t, lines, false, must(t, "-in", log, "-db", db))
		require.NoError(t, os.RemoveAll(db+".offsets"))
		requireTotals(t, lines, false, must(t, "-in", log, "-db", db))
	})

	t.Run("and what has grown adds what is new", func(t *testing.T) {
		lines = append(lines, sample(100)...)
		write(t, log, lines)
		requireTotals(t, lines, false, must(t, "-in", log, "-db", db))
	})

	t.Run("and another log in its place adds all of it", func(t *testing.T) {
		other := sample(300)[5:]
		write(t, log, other)

		lines = append(lines, other...)
		requireTotals(t, lines, false, must(t, "-in", log, "-db", db))
	})
}

func TestWithoutALogItMakesTrafficUp(t *testing.T) {
	var lines []string
	for i := range uint64(1000) {
		lines = append(lines, traffic.Line(5, i))
	}

	requireTotals(t, lines, false, must(t, "-seed", "5", "-lines", "1000", "-rate", "10000"))

	var out, errs bytes.Buffer

	require.Zero(t, runs(t, []string{"-seed", "5", "-lines", "1000"}, &out, &errs), errs.String())
	assert.Contains(t, out.String(), "unaccounted: 0\n")
	assert.Regexp(t, fmt.Sprintf(`lines counted +%d\n`, reckon(t, lines, false).Lines), out.String())
}

func TestBadLinesAreListedAndReplayedOnceTheyCanBeRead(t *testing.T) {
	dir := t.TempDir()
	log, db, report := filepath.Join(dir, "access.log"), filepath.Join(dir, "totals.db"), filepath.Join(dir, "report.json")
	lines := sample(2000)
	write(t, log, lines)

	first := must(t, "-in", log, "-db", db)
	requireTotals(t, lines, false, first)

	list := func() string {
		var out, errs bytes.Buffer

		require.Zero(t, runs(t, []string{"-list", "-db", db}, &out, &errs), errs.String())

		return out.String()
	}

	text := list()
	assert.Contains(t, text, fmt.Sprintf("\n%d dead letters\n", first.Bad))
	assert.Regexp(t,
		`/ingest/count/parse +failed +0 +"file:.*/access\.log#\w+:1003 nonsense" +the client: no " " behind it`, text)
	assert.Regexp(t, `failed +0 +".* example.com:443 192.* +no "\[" in front of the time\n`, text)

	again := must(t, "-replay", "-db", db)
	requireTotals(t, lines, false, again)
	assert.EqualValues(t, first.Bad, again.Replayed)
	assert.Regexp(t, `parse +failed +1 .*nonsense`, list())

	mended := must(t, "-replay", "-vhost", "-db", db, "-report", report)
	requireTotals(t, lines, true, mended)
	requireReport(t, report)
	assert.Less(t, mended.Bad, first.Bad)
	assert.Regexp(t, `parse +failed +2 .*nonsense`, list())
	assert.NotContains(t, list(), "example.com")
}

func TestTheDomainKnowsNothingOfSupervision(t *testing.T) {
	packages := 0

	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(path) == "." || filepath.Ext(path) != ".go" {
			return err
		}

		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}

		packages++

		for _, i := range file.Imports {
			if !strings.HasPrefix(i.Path.Value, `"github.com/troupe-go/troupe/examples/ingest/`) {
				assert.NotContains(t, i.Path.Value, "troupe-go/troupe", path)
			}
		}

		return nil
	}))
	assert.Positive(t, packages)
}

func TestBadInputIsOneClearErrorAndAnExitCode(t *testing.T) {
	dir := t.TempDir()
	foreign, db, none := filepath.Join(dir, "foreign"), filepath.Join(dir, "totals.db"), filepath.Join(dir, "none.log")
	write(t, foreign, sample(100))

	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"unknown flag": {[]string{"-frob"}, exitUsage, []string{"-frob"}},
		"all at once": {
			[]string{"-in", "x", "-http", "y", "-rate", "NaN", "-stream", "a.b", "-grace", "0s", "more"},
			exitUsage,
			[]string{
				"there are only flags", "one of -in, -http, -list and -replay", "-rate NaN: must be from 0", `-stream "a.b"`,
				"-grace 0s: must be positive",
			},
		},
		"a list of nothing": {[]string{"-list"}, exitUsage, []string{"need the -db"}},
		"a name of nothing": {[]string{"-name", "a"}, exitUsage, []string{"needs -in"}},
		"a name in words":   {[]string{"-in", "x", "-name", "a b"}, exitUsage, []string{"without blanks"}},
		"no such log":       {[]string{"-in", none, "-db", db}, system.ExitFailed, []string{none}},
		"a directory":       {[]string{"-in", dir, "-db", db}, system.ExitFailed, []string{dir}},
		"no room there":     {[]string{"-db", filepath.Join(foreign, "x")}, system.ExitFailed, []string{foreign}},
		"a foreign file":    {[]string{"-db", foreign}, system.ExitFailed, []string{"the database " + foreign + ": "}},
		"no such broker":    {[]string{"-nats", "nats://127.0.0.1:1", "-db", db}, system.ExitFailed, []string{"the broker"}},
		"no such address":   {[]string{"-http", "nowhere", "-db", db}, system.ExitFailed, []string{"/ingest/http"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, c.code, runs(t, c.args, &out, &errs))
			assert.Empty(t, out.String())

			for _, says := range c.says {
				assert.Contains(t, errs.String(), says)
			}
		})
	}
}
