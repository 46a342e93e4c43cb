package source_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/internal/filetest"
)

func open(t *testing.T, dir string) *source.Tree {
	t.Helper()
	tree, err := source.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tree.Close()) })
	return tree
}

func TestOpenNamesARootThatCannotBeUsed(t *testing.T) {
	dir := filetest.Make(t, map[string]string{"file.go": "package p"})
	tests := map[string]struct {
		root string
		is   error
		says string
	}{
		"missing":         {root: filepath.Join(dir, "none"), is: fs.ErrNotExist, says: "no such"},
		"not a directory": {root: filepath.Join(dir, "file.go"), says: "not a directory"},
		"empty name":      {root: "", says: "empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tree, err := source.Open(tt.root)
			assert.Nil(t, tree)
			var root *source.RootError
			require.ErrorAs(t, err, &root)
			assert.Equal(t, tt.root, root.Root)
			assert.True(t, strings.HasPrefix(err.Error(), `root "`+tt.root+`": must be a readable directory: `), err.Error())
			assert.Contains(t, err.Error(), tt.says)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
		})
	}
}

func TestOpenRefusesARootWithoutTheRightToListIt(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser can list everything")
	}
	dir := filepath.Join(t.TempDir(), "shut")
	require.NoError(t, os.Mkdir(dir, 0o100))
	_, err := source.Open(dir)
	var root *source.RootError
	require.ErrorAs(t, err, &root)
	require.ErrorIs(t, err, fs.ErrPermission)
}

func TestReadReturnsTheContent(t *testing.T) {
	big := strings.Repeat("x", 300_000)
	dir := filetest.Make(t, map[string]string{"a/b.go": "package b", "empty.go": "", "big.go": big})
	tree := open(t, dir)
	for file, want := range map[string]string{"a/b.go": "package b", "empty.go": "", "big.go": big} {
		got, err := tree.Read(file)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	assert.Equal(t, dir, tree.Root())
}

func TestReadNamesTheFileThatCannotBeRead(t *testing.T) {
	dir := filetest.Make(t, map[string]string{"a/b.go": "package b", "out.go": "package out"})
	root := filepath.Join(dir, "a")
	require.NoError(t, os.Symlink(filepath.Join("..", "out.go"), filepath.Join(root, "link.go")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "dir.go"), 0o755))
	huge, err := os.Create(filepath.Join(root, "huge.go"))
	require.NoError(t, err)
	require.NoError(t, huge.Truncate(source.MaxFileSize+1)) // a hole: takes no room
	require.NoError(t, huge.Close())
	tree := open(t, root)

	tests := map[string]error{
		"none.go":   fs.ErrNotExist,
		"link.go":   source.ErrNotRegular,
		"dir.go":    source.ErrNotRegular,
		"huge.go":   source.ErrTooLarge,
		"../out.go": nil,
	}
	for file, is := range tests {
		t.Run(file, func(t *testing.T) {
			src, err := tree.Read(file)
			assert.Nil(t, src)
			var fail *source.FileError
			require.ErrorAs(t, err, &fail)
			assert.Equal(t, file, fail.File)
			assert.Contains(t, err.Error(), `file "`+file+`": cannot be read: `)
			if is != nil {
				require.ErrorIs(t, err, is)
			}
		})
	}
}

func TestAClosedTreeSaysSo(t *testing.T) {
	tree, err := source.Open(filetest.Make(t, map[string]string{"a.go": "package a"}))
	require.NoError(t, err)
	require.NoError(t, tree.Close())
	require.NoError(t, tree.Close())
	_, err = tree.Read("a.go")
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = fs.ReadDir(tree.FS(), ".")
	require.ErrorIs(t, err, os.ErrClosed)
}
