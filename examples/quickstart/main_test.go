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

	report := filepath.Join(t.TempDir(), "report.json")

	out, err := exec.CommandContext(t.Context(), "go", "run", ".", "-report", report).CombinedOutput()
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
