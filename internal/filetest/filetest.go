// Package filetest makes trees of files for tests.
package filetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Make makes files, by their paths with slashes, in a directory that goes with the test, and returns that.
func Make(t testing.TB, files map[string]string) (dir string) {
	t.Helper()

	dir = t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o700))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o600))
	}

	return dir
}
