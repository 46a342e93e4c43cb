package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

func paths(entries []files.Entry) []string {
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Path)
	}

	return all
}

// walkModel is the regular files in the order of fs.WalkDir.
func walkModel(t require.TestingT, fsys fs.FS) []string {
	all := []string{}

	require.NoError(t, fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all = append(all, name)
		}

		return err
	}))

	return all
}

// TestAWalkGoesOnBehindAnyPath has random trees walked as fs.WalkDir does, and cut in two at any file.
func TestAWalkGoesOnBehindAnyPath(t *testing.T) {
	offset := filepath.Join(t.TempDir(), "offset")

	rapid.Check(t, func(r *rapid.T) {
		tree := fstest.MapFS{}
		names := rapid.SliceOfN(rapid.StringMatching(`[ab.-]{1,2}x(/[ab.-]{1,2}x){0,3}\.go`), 0, 20).Draw(r, "files")

		for _, name := range names {
			tree[path.Clean(name)] = &fstest.MapFile{}
		}

		want := walkModel(r, tree)
		first := files.Walk(tree, files.WalkOptions{OffsetFile: offset})
		require.Equal(r, want, paths(readAll[files.Entry](t, first)))

		done := rapid.IntRange(0, len(want)).Draw(r, "done")
		require.NoError(r, first.Commit(t.Context(), uint64(done)))

		second := files.Walk(tree, files.WalkOptions{OffsetFile: offset})
		require.Equal(r, want[done:], paths(readAll[files.Entry](t, second)))

		if done > 0 {
			require.NoError(r, os.Remove(offset))
		}
	})
}

func TestAWalkOfARootKeepsWhatItIsTold(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x.go", "a/y.txt", "b/z.go", "skip/w.go"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path.Dir(name)), 0o700))
		write(t, dir, name, "")
	}

	require.NoError(t, os.Symlink("x.go", filepath.Join(dir, "a", "link.go")))

	root, err := os.OpenRoot(dir)
	require.NoError(t, err)

	defer root.Close()

	walk := func(o files.WalkOptions) []string { return paths(readAll[files.Entry](t, files.Walk(root.FS(), o))) }

	assert.Equal(t, []string{"a/x.go", "a/y.txt", "b/z.go", "skip/w.go"}, walk(files.WalkOptions{}))
	assert.Equal(t, []string{"a/x.go", "a/y.txt"}, walk(files.WalkOptions{Root: "a"}))
	assert.Equal(t, []string{"a/link.go", "a/x.go", "b/z.go"}, walk(files.WalkOptions{
		Keep:  func(name string, _ fs.DirEntry) bool { return path.Ext(name) == ".go" },
		Enter: func(name string, d fs.DirEntry) bool { return name != "skip" && d.IsDir() },
	}))
}

// holes is a file system in which some directories cannot be listed.
type holes struct {
	fstest.MapFS

	bad map[string]bool
}

var errHole = errors.New("a hole")

func (h holes) ReadDir(name string) ([]fs.DirEntry, error) {
	if h.bad[name] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errHole}
	}

	return h.MapFS.ReadDir(name)
}

func TestADirectoryThatCannotBeListed(t *testing.T) {
	tree := holes{fstest.MapFS{"a/x": {}, "b/y": {}, "c/z": {}}, map[string]bool{"b": true}}

	s := files.Walk(tree, files.WalkOptions{})
	require.NoError(t, s.Open(t.Context()))

	all, err := drain(t.Context(), s)
	require.ErrorIs(t, err, errHole)
	require.EqualError(t, err, `files: directory "b": a hole`)
	assert.Equal(t, []string{"a/x"}, paths(all))
	require.NoError(t, s.Close(t.Context()))

	tree.bad["b"] = false // mended: it goes on where it was
	assert.Equal(t, []string{"b/y", "c/z"}, paths(readAll[files.Entry](t, s)))

	tree.bad["b"] = true

	var said []string

	assert.Equal(t, []string{"a/x", "c/z"}, paths(readAll[files.Entry](t, files.Walk(tree, files.WalkOptions{
		Unreadable: func(path string, err error) error {
			said = append(said, path+": "+err.Error())

			return nil
		},
	}))))
	assert.Equal(t, []string{"b: a hole"}, said)

	tree.bad["."] = true
	require.ErrorIs(t, files.Walk(tree, files.WalkOptions{}).Open(t.Context()), errHole)
}

func TestWhatIsWrongWithAWalkIsSaidAtOnce(t *testing.T) {
	err := files.Walk(nil, files.WalkOptions{Root: "/etc"}).Open(t.Context())
	require.ErrorContains(t, err, "the file system is nil")
	require.ErrorContains(t, err, `Root: "/etc"`)

	offset := write(t, t.TempDir(), "offset", `{"version":1,"offset":1}`)
	err = files.Walk(fstest.MapFS{}, files.WalkOptions{OffsetFile: offset}).Open(t.Context())
	require.ErrorContains(t, err, "it is not the path of a walk")
}
