package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	actorindex "github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

// asIndexer makes the test binary be the program, for tests that need a process of its own.
const asIndexer = "TROUPE_TEST_AS_INDEXER"

func TestMain(m *testing.M) {
	if os.Getenv(asIndexer) != "" {
		main()
	}

	goleak.VerifyTestMain(m)
}

func src(t *testing.T, dir string) string {
	t.Helper()

	return filepath.Join(runtime.GOROOT(), "src", dir) //nolint:staticcheck // the tree the test itself was built from
}

func TestTheFirstRunIndexesAndTheSecondAnswersFromTheDatabase(t *testing.T) {
	db, report := filepath.Join(t.TempDir(), "new", "index.db"), filepath.Join(t.TempDir(), "report.json")
	args := []string{"-root", src(t, "net/http"), "-db", db, "-query", "Client.Get", "-report", report}

	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), args, nil, &out, &errs), errs.String())
	assert.Contains(t, out.String(), "Client.Get: 1 found\n  client.go:")
	assert.Contains(t, out.String(), "method Client.Get")
	assert.Contains(t, out.String(), "unaccounted: 0")
	assert.Contains(t, errs.String(), "indexed: ")
	assert.Zero(t, readReport(t, report).Unaccounted)

	first := out.String()

	out.Reset()
	require.NoError(t, os.Remove(report))
	require.Zero(t, run(t.Context(), args, nil, &out, &errs), errs.String())
	assert.Contains(t, out.String(), "holds ")
	assert.NotContains(t, out.String(), "speed")

	_, answer, _ := strings.Cut(first, "Client.Get: ")
	answer, _, _ = strings.Cut(answer, "\n\n")
	assert.Contains(t, out.String(), answer, "both runs answer alike")
	assert.Zero(t, readReport(t, report).Unaccounted)
	assert.Equal(t, "reader", readReport(t, report).System)
}

// TestTheIndexEqualsThatOfThePlainIndexer has the program index a tree that has files which do not parse.
func TestTheIndexEqualsThatOfThePlainIndexer(t *testing.T) {
	root, db := src(t, "internal"), filepath.Join(t.TempDir(), "index.db")

	var out, errs bytes.Buffer

	args := []string{"-root", root, "-db", db, "-query", "Type"}
	require.Zero(t, run(t.Context(), args, nil, &out, &errs), errs.String())

	want := plain(t, root)
	checkWhole(t, db, root, want)

	bad := 0

	for _, f := range want {
		if f.Err != "" {
			bad++
		}
	}

	require.Positive(t, bad)
	assert.Contains(t, out.String(), fmt.Sprintf("dead letters: %d failed\n", bad))
}

func TestChaosRestartsParsersAndLosesNoAccount(t *testing.T) {
	root, db := src(t, "net"), filepath.Join(t.TempDir(), "index.db")
	report := filepath.Join(t.TempDir(), "report.json")
	args := []string{"-root", root, "-db", db, "-report", report}

	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), append(args, "-chaos", "0.1", "-seed", "3"), nil, &out, &errs), errs.String())

	want := plain(t, root)
	missing := len(want) - stats(t, db).Files
	r := readReport(t, report)
	assert.Zero(t, r.Unaccounted)
	assert.Positive(t, r.Restarts)
	assert.LessOrEqual(t, r.Restarts, missing, "each panic costs one file, and two at a time one restart")
	assert.Equal(t, missing, int(r.DeadLetters[mailbox.Failed]), "there is no bad file")
	assert.InDelta(t, len(want)/10, missing, float64(len(want))/20)
	assert.Contains(t, out.String(), "the index is not complete; the next run makes it anew")

	out.Reset()
	require.Zero(t, run(t.Context(), args, nil, &out, &errs), errs.String())
	checkWhole(t, db, root, want)
}

// TestAFileThatIsGoneIsNotInTheIndex has a run that was killed leave a file that is deleted before the next.
func TestAFileThatIsGoneIsNotInTheIndex(t *testing.T) {
	root, path := src(t, "container"), filepath.Join(t.TempDir(), "index.db")

	db, err := store.Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Begin(root))
	require.NoError(t, db.Put([]store.File{{Path: "gone.go"}}))
	require.NoError(t, db.Close())

	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-root", root, "-db", path}, nil, &out, &errs), errs.String())
	assert.Contains(t, out.String(), "the index is not complete; the next run makes it anew")
	require.Zero(t, run(t.Context(), []string{"-root", root, "-db", path}, nil, &out, &errs), errs.String())
	checkWhole(t, path, root, plain(t, root))
}

func TestAnIndexWithAHoleIsNotComplete(t *testing.T) {
	db, err := store.Open(filepath.Join(t.TempDir(), "index.db"))
	require.NoError(t, err)

	for hole, complete := range map[error]bool{nil: true, errors.New("a hole"): false} {
		require.NoError(t, db.Begin("/src"))
		require.NoError(t, db.Put([]store.File{{Path: "a.go"}}))

		j := &job{ended: true, walked: actorindex.Walked{Files: 1, Ended: true}}
		if hole != nil {
			j.walked.Unreadable = []error{hole}
		}

		require.NoError(t, j.close(db, "/src", "A"))
		assert.Equal(t, complete, j.whole)

		_, found, err := db.Complete()
		require.NoError(t, err)
		assert.Equal(t, complete, found)
	}

	require.NoError(t, db.Close())
}

func TestBadInputIsOneClearErrorAndAnExitCode(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("not a database"), 0o600))

	locked := filepath.Join(dir, "locked.db")
	holder, err := store.Open(locked)
	require.NoError(t, err)

	defer func() { require.NoError(t, holder.Close()) }()

	missing := filepath.Join(dir, "no")
	fresh := filepath.Join(dir, "fresh.db")

	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"unknown flag":         {[]string{"-frob"}, exitUsage, []string{"-frob"}},
		"argument":             {[]string{"-db", fresh, "x"}, exitUsage, []string{`"x"`, "only flags"}},
		"chaos out of range":   {[]string{"-chaos", "1.5"}, exitUsage, []string{"-chaos 1.5", "from 0 to 1"}},
		"chaos is no number":   {[]string{"-chaos", "NaN"}, exitUsage, []string{"-chaos NaN", "from 0 to 1"}},
		"report without a dir": {[]string{"-report", missing + "/r"}, exitUsage, []string{"-report", "must exist"}},
		"missing root":         {[]string{"-root", missing, "-db", fresh}, exitFailure, []string{missing, "readable"}},
		"root is a file":       {[]string{"-root", file, "-db", fresh}, exitFailure, []string{file, "readable directory"}},
		"locked database":      {[]string{"-root", dir, "-db", locked}, exitFailure, []string{locked, "locked by another"}},
		"foreign database":     {[]string{"-root", dir, "-db", file}, exitFailure, []string{"database", file}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, nil, &out, &errs))

			for _, s := range c.says {
				assert.Contains(t, errs.String(), s)
			}

			assert.Empty(t, out.String())
			assert.NoFileExists(t, fresh)
		})
	}

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "not a database", string(text), "a foreign file is left as it was")
}

// start runs the program as a process of its own.
func start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()

	self, err := os.Executable()
	require.NoError(t, err)

	var out bytes.Buffer

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)

	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), asIndexer+"=1")
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())

	return cmd, &out
}

// TestInterruptedItStopsInOrderAndAccountsForEverything sends a real signal to a real process.
func TestInterruptedItStopsInOrderAndAccountsForEverything(t *testing.T) {
	db, report := filepath.Join(t.TempDir(), "index.db"), filepath.Join(t.TempDir(), "report.json")
	cmd, out := start(t, "-root", src(t, ""), "-db", db, "-report", report, "-chaos", "0.01")

	waitForCommits(t, db)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), out.String())

	r := readReport(t, report)
	assert.Zero(t, r.Unaccounted)
	assert.Empty(t, r.Errors)
	assert.Contains(t, out.String(), "the index is not complete; the next run goes on with it")

	walk, parse, record := actor(t, r, "walk"), actor(t, r, "parse"), actor(t, r, "record")
	panics := parse.Failed - record.Processed
	assert.Positive(t, record.Processed)
	assert.Equal(t, int(walk.Accepted-panics), stats(t, db).Files, "every file that the walk handed out is committed")
}

func actor(t *testing.T, r system.Report, stage string) system.ActorReport {
	t.Helper()

	i := slices.IndexFunc(r.Actors, func(a system.ActorReport) bool { return a.Path == "/indexer/pipeline/"+stage })
	require.GreaterOrEqual(t, i, 0, stage)

	return r.Actors[i]
}

// waitForCommits blocks until the database file has grown past its empty form.
func waitForCommits(t *testing.T, db string) {
	t.Helper()

	const grown = 1 << 20

	require.Eventually(t, func() bool {
		info, err := os.Stat(db)

		return err == nil && info.Size() > grown
	}, time.Minute, time.Millisecond)
}

func stats(t *testing.T, path string) store.Stats {
	t.Helper()

	db, err := store.Open(path)
	require.NoError(t, err)

	s, err := db.Stats()
	require.NoError(t, err)
	require.NoError(t, db.Close())

	return s
}

func readReport(t *testing.T, path string) system.Report {
	t.Helper()

	text, err := os.ReadFile(path)
	require.NoError(t, err)

	var top struct {
		Unaccounted *int64 `json:"unaccounted"`
	}
	require.NoError(t, json.Unmarshal(text, &top))
	require.NotNil(t, top.Unaccounted, "unaccounted stands at the top level")

	var r system.Report
	require.NoError(t, json.Unmarshal(text, &r))

	return r
}
