package system_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

// TestWhatTheDocsSayPinsARuleExists looks for the tests and scripts that the pages name.
func TestWhatTheDocsSayPinsARuleExists(t *testing.T) {
	page, err := os.ReadFile("../docs/supervision.md")
	require.NoError(t, err)

	shutdown, err := os.ReadFile("../docs/shutdown.md")
	require.NoError(t, err)

	page = append(page, shutdown...)

	var tests strings.Builder

	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}

		text, err := os.ReadFile(path)
		tests.Write(text)

		return err
	}))

	named := regexp.MustCompile("`(Test\\w+|\\w+\\.txt)`").FindAllStringSubmatch(string(page), -1)
	assert.Greater(t, len(named), 80)

	for _, n := range named {
		if strings.HasSuffix(n[1], ".txt") {
			assert.FileExists(t, filepath.Join("..", "internal", "lifecycle", "testdata", n[1]))
		} else {
			assert.Contains(t, tests.String(), "func "+n[1]+"(t ")
		}
	}
}

// TestTheDocsHaveEveryReasonAndOutcome keeps the tables of the page about dead letters whole.
func TestTheDocsHaveEveryReasonAndOutcome(t *testing.T) {
	page, err := os.ReadFile("../docs/dead-letters.md")
	require.NoError(t, err)

	reasons, outcomes, found := strings.Cut(string(page), "## Replay")
	require.True(t, found)

	for _, r := range mailbox.Reasons() {
		assert.Contains(t, reasons, "\n| `"+r.String()+"` |")
	}

	for _, o := range system.Outcomes() {
		assert.Contains(t, outcomes, "\n| `"+o.String()+"` |")
	}
}
