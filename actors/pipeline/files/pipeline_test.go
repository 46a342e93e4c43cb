package files_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/internal/pipelinetest"
	"github.com/troupe-go/troupe/mailbox"
)

var errBad = errors.New("no good")

// TestAPipelineGoesOnWhereItWasStopped copies lines with two workers, and is stopped twice in the middle. Lines that
// are no good are dead-lettered, and so are done.
func TestAPipelineGoesOnWhereItWasStopped(t *testing.T) {
	const lines, bad = 3000, 100

	dir := t.TempDir()

	var text, want strings.Builder

	for i := range lines {
		fmt.Fprintf(&text, "line %d\n", i)

		if i%bad != 0 {
			fmt.Fprintf(&want, "line %d\n", i)
		}
	}

	in, out := write(t, dir, "in", text.String()), filepath.Join(dir, "out")
	total, letters := 0, 0

	for run := range 3 {
		reached := make(chan struct{})
		once := sync.OnceFunc(func() { close(reached) })
		stop := (run + 1) * lines / 3

		ledger := pipelinetest.Keep[files.Line](files.Lines(in, files.LineOptions{OffsetFile: in + ".offset"}))
		p := pipeline.New("copy", pipelinetest.Options())
		good := pipeline.Map(pipeline.From(p, "in", ledger), "good",
			func(_ context.Context, l files.Line) (string, error) {
				switch {
				case int(l.Number) == stop:
					once()
				case l.Number%bad == 1: // they count from 1
					return "", errBad
				}

				return l.Text, nil
			}, pipeline.Stage{Workers: 2, Capacity: 16})
		pipeline.To(good, "out", files.Append(out, encode, files.AppendOptions{}), pipeline.Stage{Capacity: 16})

		sys := pipelinetest.Start(t, p)
		<-reached

		if run == 2 {
			require.NoError(t, p.Wait(t.Context()))
		}

		letters += int(pipelinetest.Stop(t, sys).DeadLetters[mailbox.Failed])

		items, undone := ledger.Check(t)
		assert.Zero(t, undone)

		total += items
		if run < 2 {
			assert.Less(t, total, lines, "it was stopped")
		}
	}

	assert.Equal(t, lines, total, "each line was handed out once")
	assert.Equal(t, lines/bad, letters)
	assert.Equal(t, want.String(), read(t, out))
}

// TestAWalkThroughAPipelineKeepsThePathThatIsDone finishes files in any order, and walks again.
func TestAWalkThroughAPipelineKeepsThePathThatIsDone(t *testing.T) {
	const n = 200

	tree := fstest.MapFS{}
	for i := range n {
		tree[fmt.Sprintf("%d/%d.go", i%7, i)] = &fstest.MapFile{}
	}

	offset := filepath.Join(t.TempDir(), "offset")
	seen := map[string]bool{}

	for run := range 2 {
		ledger := pipelinetest.Keep[files.Entry](files.Walk(tree, files.WalkOptions{OffsetFile: offset}))
		p := pipeline.New("walk", pipelinetest.Options())
		pipeline.ToFunc(pipeline.Map(pipeline.From(p, "tree", ledger), "open",
			func(_ context.Context, e files.Entry) (string, error) { return e.Path, nil },
			pipeline.Stage{Workers: 4, Order: pipeline.AsCompleted}),
			"keep", func(_ context.Context, path string) error {
				assert.False(t, seen[path], path)

				seen[path] = true

				return nil
			}, pipeline.Stage{})
		pipelinetest.Run(t, p)

		items, undone := ledger.Check(t)
		assert.Zero(t, undone)
		assert.Equal(t, map[int]int{0: n, 1: 0}[run], items, "run %d", run)
	}

	assert.Len(t, seen, n)
}
