package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// asCopier makes the test binary copy the lines of a directory's file in to its file out.
const asCopier = "TROUPE_TEST_AS_COPIER"

// copyLines runs a pipeline until all lines are copied.
func copyLines() error {
	ctx, dir := context.Background(), os.Getenv(asCopier)
	budget := supervision.Budget{Restarts: 1, Within: time.Minute}

	p := pipeline.New("copy", pipeline.Options{Budget: budget, CommitEvery: time.Millisecond})
	lines := pipeline.From(p, "in",
		files.Lines(filepath.Join(dir, "in"), files.LineOptions{OffsetFile: filepath.Join(dir, "offset")}))
	texts := pipeline.Map(lines, "text",
		func(_ context.Context, l files.Line) (string, error) { return l.Text, nil },
		pipeline.Stage{Workers: 2, Capacity: 16})
	pipeline.To(texts, "out", files.Append(filepath.Join(dir, "out"), encode, files.AppendOptions{}),
		pipeline.Stage{Capacity: 16})

	tree := supervision.Tree{Name: "test", Budget: budget, Children: []supervision.Child{p}}

	s, err := system.Start(ctx, tree, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}

	err = p.Wait(ctx)
	_, stopped := s.Shutdown(ctx)

	return errors.Join(err, stopped)
}

// TestEveryLineArrivesThoughTheProcessIsKilled kills a process that copies lines, until it has copied all.
func TestEveryLineArrivesThoughTheProcessIsKilled(t *testing.T) {
	const lines = 4000

	dir := t.TempDir()

	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "line %d %s\n", i, strings.Repeat("x", i%300))
	}

	write(t, dir, "in", text.String())

	kills, patience := 0, 5*time.Millisecond

	for {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), asCopier+"="+dir)

		var out bytes.Buffer

		c.Stdout = &out
		require.NoError(t, c.Start())

		timer := time.AfterFunc(patience+rand.N(patience), func() { _ = c.Process.Kill() })
		err := c.Wait()

		timer.Stop()

		if err == nil {
			require.Empty(t, out.String())

			break
		}

		kills++
		patience += patience / 10 // so that the test ends on a machine of any speed
	}

	t.Logf("killed %d times", kills)

	want := strings.SplitAfter(text.String(), "\n")
	got := strings.SplitAfter(read(t, filepath.Join(dir, "out")), "\n")
	again := 0

	for next := 0; len(got) > 0; got = got[1:] {
		switch i := indexOf(want, got[0]); {
		case i == next:
			next++
		case i >= 0 && i < next: // handed out again
			again++
			next = i + 1
		default:
			t.Fatalf("line %q: not the next one, %q, nor one before it", got[0], want[next])
		}

		if len(got) == 1 {
			assert.Len(t, want, next)
		}
	}

	assert.LessOrEqual(t, again, kills, "each crash hands out again from one place")
}

func indexOf(lines []string, line string) int {
	if line == "" {
		return len(lines) - 1 // behind the last line feed
	}

	var i int
	if _, err := fmt.Sscanf(line, "line %d", &i); err != nil || i >= len(lines) || lines[i] != line {
		return -1
	}

	return i
}
