package lifecycle_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "record what the scripts in testdata print now")

// TestTheScriptsPrintWhatWasRecorded plays the scripts in testdata. A script is a sequence of blocks: lines of
// comment, commands, "----", and what they print, up to the next empty line. The first block is a tree (see planOf).
// The commands are those of stage.run. In what is printed, a line that begins with "<" is the report of an actor that
// was told (by "auto") to answer at once, ">" repeats a command, an indented line is a change of state, and any other
// line is an effect.
func TestTheScriptsPrintWhatWasRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)

			played := play(t, string(text))

			if *update {
				require.NoError(t, os.WriteFile(file, []byte(played), 0o600))

				return
			}

			assert.Equal(t, string(text), played, "run go test -update and review the difference")
		})
	}
}

// play runs a script and returns it with what it prints now.
func play(t *testing.T, text string) string {
	t.Helper()

	var (
		s      *stage
		played strings.Builder
	)

	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block, "----\n")
		commands = strings.TrimSuffix(strings.TrimSpace(commands), "\n----")
		played.WriteString(commands + "\n")

		var lines []string

		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}

		if len(lines) == 0 { // a comment that stands by itself
			played.WriteString("\n")

			continue
		}

		played.WriteString("----\n")

		if strings.HasPrefix(lines[0], "tree") {
			_, options := fieldsOf(lines[0])

			var err error

			s, err = newStage(options, lines[1:])
			require.NoError(t, err)
		} else {
			require.NotNil(t, s, "a script begins with a tree")

			for _, line := range lines {
				if len(lines) > 1 {
					played.WriteString("> " + line + "\n")
				}

				played.WriteString(s.run(line))
			}
		}

		played.WriteString("\n")
	}

	return strings.TrimRight(played.String(), "\n") + "\n"
}
