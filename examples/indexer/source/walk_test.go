package source_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/source"
)

func TestWalkVisitsTheGoFilesInOrder(t *testing.T) {
	dir := plant(t, map[string]string{
		"z.go": "", "a.go": "", "a/x.go": "", "a/b/y_test.go": "", "a/readme.md": "", "m/go": "",
		"m/.hidden.go": "", "testdata/bad.go": "", "c.go.txt": "", "odd name\n.go": "", "d.go/inner.go": "",
	})
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "linked")))
	require.NoError(t, os.Symlink("z.go", filepath.Join(dir, "link.go")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))

	var got []string
	err := open(t, dir).Walk(t.Context(), source.Visitor{File: func(file string) error {
		got = append(got, file)
		return nil
	}})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"a/b/y_test.go", "a/x.go", "a.go", "d.go/inner.go", "m/.hidden.go", "odd name\n.go", "testdata/bad.go", "z.go",
	}, got)
}

func TestWalkEndsWithTheErrorOfItsVisitor(t *testing.T) {
	tree := open(t, plant(t, map[string]string{"a.go": "", "b.go": "", "c.go": ""}))
	enough := errors.New("enough")
	seen := 0
	err := tree.Walk(t.Context(), source.Visitor{File: func(string) error {
		seen++
		if seen == 2 {
			return enough
		}
		return nil
	}})
	assert.Equal(t, enough, err)
	assert.Equal(t, 2, seen)

	err = tree.Walk(t.Context(), source.Visitor{File: func(string) error { return fs.SkipAll }})
	assert.Equal(t, fs.SkipAll, err, "nothing special about it here")

	require.Error(t, tree.Walk(t.Context(), source.Visitor{}))
}

func TestWalkEndsWithItsContext(t *testing.T) {
	tree := open(t, plant(t, map[string]string{"a.go": "", "b.go": "", "c.go": ""}))
	why := errors.New("stopped by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	var got []string
	err := tree.Walk(ctx, source.Visitor{File: func(file string) error {
		got = append(got, file)
		cancel(why)
		return nil
	}})
	require.ErrorIs(t, err, why)
	assert.Equal(t, []string{"a.go"}, got)
}

// holed walks a tree of which the directory "b" vanishes on the way, which even the superuser cannot list.
func holed(t *testing.T, unreadable func(*source.DirError) error) ([]string, error) {
	t.Helper()
	dir := plant(t, map[string]string{"a.go": "", "b/gone.go": "", "c.go": ""})
	var got []string
	err := open(t, dir).Walk(t.Context(), source.Visitor{
		File: func(file string) error {
			got = append(got, file)
			return os.RemoveAll(filepath.Join(dir, "b"))
		},
		Unreadable: unreadable,
	})
	return got, err
}

func TestWalkHandsOverADirectoryThatItCannotList(t *testing.T) {
	var holes []*source.DirError
	got, err := holed(t, func(err *source.DirError) error {
		holes = append(holes, err)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"a.go", "c.go"}, got)
	require.Len(t, holes, 1)
	assert.Equal(t, "b", holes[0].Dir)
	require.ErrorIs(t, holes[0], fs.ErrNotExist)
	assert.Contains(t, holes[0].Error(), `directory "b": cannot be listed: `)
}

func TestWalkEndsWithTheAnswerToAnUnreadableDirectory(t *testing.T) {
	refused := errors.New("refused")
	got, err := holed(t, func(*source.DirError) error { return refused })
	require.ErrorIs(t, err, refused)
	assert.Equal(t, []string{"a.go"}, got)
}

func TestWalkDoesNotPassOverAnUnreadableDirectoryInSilence(t *testing.T) {
	got, err := holed(t, nil)
	var hole *source.DirError
	require.ErrorAs(t, err, &hole)
	assert.Equal(t, "b", hole.Dir)
	assert.Equal(t, []string{"a.go"}, got)
}

func TestWalkHandsOverADirectoryWithoutTheRightToListIt(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser can list everything")
	}
	dir := plant(t, map[string]string{"a.go": "", "b/shut.go": "", "c.go": ""})
	shut := filepath.Join(dir, "b")
	require.NoError(t, os.Chmod(shut, 0))
	t.Cleanup(func() { assert.NoError(t, os.Chmod(shut, 0o755)) })
	var holes []*source.DirError
	err := open(t, dir).Walk(t.Context(), source.Visitor{
		File:       func(string) error { return nil },
		Unreadable: func(err *source.DirError) error { holes = append(holes, err); return nil },
	})
	require.NoError(t, err)
	require.Len(t, holes, 1)
	require.ErrorIs(t, holes[0], fs.ErrPermission)
}

func ExampleTree_Walk() {
	dir, err := os.MkdirTemp("", "tree")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	tree, err := source.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tree.Close()
	err = tree.Walk(context.Background(), source.Visitor{File: func(file string) error {
		src, err := tree.Read(file)
		fmt.Printf("%s: %d bytes\n", file, len(src))
		return err
	}})
	fmt.Println(err)
	// Output:
	// main.go: 13 bytes
	// <nil>
}
