package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestItRunsAndTheReadmeShowsIt keeps the program, the README and what it prints together.
func TestItRunsAndTheReadmeShowsIt(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)

	const most = 60

	assert.LessOrEqual(t, strings.Count(string(program), "\n"), most, "the smallest complete program stays small")

	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```go\n"+string(program)+"```", "the README shows this very program")

	// As a module of its own outside the repository, which is how a user has it.
	report := filepath.Join(t.TempDir(), "report.json")
	run := exec.CommandContext(t.Context(), "go", "run", "-mod=mod", ".", "-report", report)
	run.Dir = module(t, program)

	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "be: 2 <nil>\n")
	assert.Contains(t, string(out), "unaccounted: 0\nerror: <nil>\n")

	text, err := os.ReadFile(report)
	require.NoError(t, err)

	var r struct {
		Unaccounted *int64 `json:"unaccounted"`
	}
	require.NoError(t, json.Unmarshal(text, &r))
	require.NotNil(t, r.Unaccounted)
	assert.Zero(t, *r.Unaccounted)
}

// module puts a program into a new module that requires this one.
func module(t *testing.T, program []byte) string {
	t.Helper()

	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)

	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)

	const mode = 0o600

	dir := t.TempDir()
	mod := "module example.com/outside\n\ngo 1.26\n\nrequire github.com/troupe-go/troupe v0.0.0\n\n" +
		"replace github.com/troupe-go/troupe => " + root + "\n"

	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), mode))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, mode))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), program, mode))

	return dir
}
