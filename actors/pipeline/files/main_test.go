package files_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/files"
)

func TestMain(m *testing.M) {
	if os.Getenv(asCopier) != "" {
		if err := copyLines(); err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
		}

		os.Exit(0)
	}

	goleak.VerifyTestMain(m)
}

var (
	_ pipeline.Source[files.Line]  = (*files.LineSource)(nil)
	_ pipeline.Committer           = (*files.LineSource)(nil)
	_ pipeline.Source[files.Entry] = (*files.WalkSource)(nil)
	_ pipeline.Committer           = (*files.WalkSource)(nil)
	_ pipeline.Sink[string]        = (*files.AppendSink[string])(nil)
)

// drain pulls until the end, at most three items at a time.
func drain[T any](ctx context.Context, s pipeline.Source[T]) (all []T, err error) {
	items := make([]T, 3)

	for {
		n, err := s.Pull(ctx, items)
		all = append(all, items[:n]...)

		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, err
		}
	}
}

// readAll opens, drains and closes.
func readAll[T any](t testing.TB, s pipeline.Source[T]) []T {
	t.Helper()
	require.NoError(t, s.Open(t.Context()))

	all, err := drain(t.Context(), s)
	require.NoError(t, err)
	require.NoError(t, s.Close(t.Context()))

	return all
}

func texts(lines []files.Line) []string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}

	return all
}

// write makes a file and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()

	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))

	return path
}

func read(t testing.TB, path string) string {
	t.Helper()

	text, err := os.ReadFile(path)
	require.NoError(t, err)

	return string(text)
}
