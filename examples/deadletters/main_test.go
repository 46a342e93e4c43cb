package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asProgram makes the test binary be the program.
const asProgram = "TROUPE_TEST_AS_DEADLETTERS"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}

	goleak.VerifyTestMain(m)
}

// process runs the program in a process of its own, which must succeed, and returns what it prints.
func process(t *testing.T, args ...string) string {
	t.Helper()

	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")

	var errs bytes.Buffer

	c.Stderr = &errs

	out, err := c.Output()
	require.NoError(t, err, errs.String())

	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// TestLettersAreListedMendedAndReplayedByLaterProcesses is the story of the documentation, each step a process.
func TestLettersAreListedMendedAndReplayedByLaterProcesses(t *testing.T) {
	dir := t.TempDir()
	db, report := filepath.Join(dir, "letters.db"), filepath.Join(dir, "report.json")
	docs := filepath.Join(dir, "docs")

	write(t, filepath.Join(docs, "good.json"), `{"a": [1, 2]}`)
	write(t, filepath.Join(docs, "deep", "broken.json"), `{"a": `)
	write(t, filepath.Join(docs, "worse.json"), `]`)
	write(t, filepath.Join(docs, "other.txt"), `]`)

	assert.Equal(t, "1 documents read, 2 not; 2 dead letters held\n",
		process(t, "-db", db, "-dir", docs, "-report", report))

	list := process(t, "-db", db, "-list")
	assert.Contains(t, list, "/deadletters/checker  failed  0        {"+filepath.Join(docs, "deep", "broken.json")+"}")
	assert.Contains(t, list, "unexpected end of JSON input")
	assert.Contains(t, list, "invalid character ']'")
	assert.Contains(t, list, "2 dead letters\n")
	assert.Contains(t, process(t, "-db", db, "-list", "-reason", "stopped"), "\n0 dead letters\n")

	write(t, filepath.Join(docs, "deep", "broken.json"), `{"a": 1}`) // mended

	replayed := process(t, "-db", db, "-replay")
	assert.Equal(t, 2, strings.Count(replayed, "/deadletters/checker: accepted\n"))
	assert.Contains(t, replayed, "1 documents read, 1 not; 1 dead letters held\n")

	for range 2 {
		assert.Contains(t, process(t, "-db", db, "-replay", "-n", "5"), "0 documents read, 1 not; 1 dead letters held\n")
	}

	assert.Regexp(t, `failed +3 +.*worse\.json.*\n1 dead letters\n$`, process(t, "-db", db, "-list"))

	refused := process(t, "-db", db, "-replay")
	assert.Contains(t, refused, "too often (/deadletters/checker: the message was replayed 3 times")

	text, err := os.ReadFile(report)
	require.NoError(t, err)

	var r struct {
		Unaccounted *int64 `json:"unaccounted"`
	}
	require.NoError(t, json.Unmarshal(text, &r))
	require.NotNil(t, r.Unaccounted)
	assert.Zero(t, *r.Unaccounted)
}

func TestWrongUsageAndFailures(t *testing.T) {
	db := filepath.Join(t.TempDir(), "letters.db")

	for name, of := range map[string]struct {
		args []string
		code int
		says string
	}{
		"both":          {[]string{"-list", "-replay"}, 2, "give -list or -replay"},
		"none":          {[]string{"-n", "0"}, 2, "-n from 1"},
		"more":          {[]string{"more"}, 2, "nothing behind the flags"},
		"no reason":     {[]string{"-reason", "fate"}, 2, `"fate" is not a dead-letter reason`},
		"help":          {[]string{"-help"}, 0, "Usage of deadletters"},
		"no directory":  {[]string{"-db", db, "-dir", db + "/nowhere"}, 1, "nowhere"},
		"no room there": {[]string{"-db", filepath.Join(db, "nowhere")}, 1, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer

			assert.Equal(t, of.code, run(t.Context(), of.args, &out, &errs))
			assert.Contains(t, errs.String(), of.says)
		})
	}
}
