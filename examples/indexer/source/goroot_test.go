package source_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/source"
)

func TestDefaultIsTheSourceOfGo(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	root, err := source.Default(t.Context())
	require.NoError(t, err)
	src, err := open(t, root).Read("fmt/print.go")
	require.NoError(t, err)
	assert.Contains(t, string(src), "package fmt")
	assert.Equal(t, "src", filepath.Base(root))
}

func TestDefaultWithoutGoSaysWhy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := source.Default(t.Context())
	require.ErrorIs(t, err, exec.ErrNotFound)
	assert.Contains(t, err.Error(), `default root: must be known from "go env GOROOT": `)
}

func TestDefaultEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := source.Default(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
