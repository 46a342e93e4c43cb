package index_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/internal/filetest"
)

func TestTheRegularGoFilesAreIndexedAndNoOthers(t *testing.T) {
	want := []string{
		"a/b/y_test.go", "a/x.go", "a.go", "d.go/inner.go", "m/.hidden.go", "odd name\n.go", "testdata/bad.go", "z.go",
	}
	others := []string{"a/readme.md", "m/go", "c.go.txt"}
	files := make(map[string]string)

	for _, name := range append(others, want...) {
		files[name] = "package p\n"
	}

	files["testdata/bad.go"] = "no Go"

	dir := filetest.Make(t, files)
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "linked")))
	require.NoError(t, os.Symlink("z.go", filepath.Join(dir, "link.go")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))

	r := start(t, dir, index.Chaos{})
	r.finish(t)
	assert.Equal(t, index.Walked{Files: len(want), Ended: true}, r.Walked())
	assert.Equal(t, len(want), r.files(t))

	for _, name := range want {
		held, err := r.db.Holds(name)
		require.NoError(t, err)
		assert.True(t, held, name)
	}

	f, _, err := r.db.File("testdata/bad.go")
	require.NoError(t, err)
	assert.Contains(t, f.Err, `file "testdata/bad.go": must be Go source: 1:1`)
}

func TestADirectoryThatCannotBeListedIsLeftOut(t *testing.T) {
	tree, err := source.Open(filetest.Make(t, map[string]string{"a.go": ""}))
	require.NoError(t, err)
	require.NoError(t, tree.Close()) // so that not even the superuser can

	r := startOn(t, tree, index.Chaos{})
	r.finish(t)

	walked := r.Walked()
	assert.Zero(t, walked.Files)
	require.Len(t, walked.Unreadable, 1)
	require.ErrorIs(t, walked.Unreadable[0], os.ErrClosed)
	assert.Contains(t, walked.Unreadable[0].Error(), `directory ".": cannot be listed: `)
}

// TestAFileThatCannotBeReadIsADeadLetterOfItsStage has a file grow beyond what is read.
func TestAFileThatCannotBeReadIsADeadLetterOfItsStage(t *testing.T) {
	dir := filetest.Make(t, map[string]string{"huge.go": ""})
	require.NoError(t, os.Truncate(filepath.Join(dir, "huge.go"), source.MaxFileSize+1))

	r := start(t, dir, index.Chaos{})
	r.finish(t)

	letters := r.sys.DeadLetters().Letters()
	require.Len(t, letters, 1)
	assert.Equal(t, "/indexer/pipeline/read", letters[0].Target)
	require.ErrorIs(t, letters[0].Cause, source.ErrTooLarge)

	f, found, err := r.db.File("huge.go")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, letters[0].Cause.Error(), f.Err)

	_, done, failed := r.Progress()
	assert.Equal(t, []int{1, 1}, []int{done, failed})
}
