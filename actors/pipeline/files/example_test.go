package files_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

// A pipeline does this: it opens the source, pulls items, commits what is done, and closes it.
func ExampleLines() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	log := filepath.Join(dir, "access.log")
	_ = os.WriteFile(log, []byte("GET /\nGET /about\nPOST /login\n"), 0o600)

	ctx := context.Background()
	items := make([]files.Line, 2)

	for range 2 { // the second is another process
		source := files.Lines(log, files.LineOptions{OffsetFile: log + ".offset"})
		if err := source.Open(ctx); err != nil {
			fmt.Println(err)
		}

		n, _ := source.Pull(ctx, items)
		for _, l := range items[:n] {
			fmt.Printf("%d: %s\n", l.Number, l.Text)
		}

		_ = source.Commit(ctx, uint64(n))
		source.Close(ctx)
		fmt.Println("committed", n)
	}
	// Output:
	// 1: GET /
	// 2: GET /about
	// committed 2
	// 3: POST /login
	// committed 1
}

// Lines of the standard input.
func ExampleStream() {
	stdin := io.NopCloser(strings.NewReader("hello\nworld\n")) // os.Stdin
	source := files.Stream(func() (io.ReadCloser, error) { return stdin, nil }, files.LineOptions{})

	ctx := context.Background()
	if err := source.Open(ctx); err != nil {
		fmt.Println(err)
	}

	items := make([]files.Line, 8)
	n, err := source.Pull(ctx, items)
	fmt.Println(items[0].Text, items[1].Text, n, err)

	n, err = source.Pull(ctx, items)
	fmt.Println(n, err, source.Close(ctx))
	// Output:
	// hello world 2 <nil>
	// 0 EOF <nil>
}

// Every file of a tree, which could be root.FS() of an os.Root.
func ExampleWalk() {
	tree := fstest.MapFS{"b/c.go": {}, "a.go": {}, "b/d.go": {}}
	source := files.Walk(tree, files.WalkOptions{})

	ctx := context.Background()
	if err := source.Open(ctx); err != nil {
		fmt.Println(err)
	}

	items := make([]files.Entry, 8)
	n, err := source.Pull(ctx, items)

	for _, e := range items[:n] {
		fmt.Println(e.Path)
	}

	fmt.Println(err)
	// Output:
	// a.go
	// b/c.go
	// b/d.go
	// EOF
}

// The end of a file that a crash has left is cut off.
func ExampleAppend() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, "orders")
	_ = os.WriteFile(path, []byte("order 1\nord"), 0o600)

	sink := files.Append(path, func(dst []byte, order int) ([]byte, error) {
		return fmt.Appendf(dst, "order %d", order), nil
	}, files.AppendOptions{})

	ctx := context.Background()
	fmt.Println(sink.Open(ctx), sink.Repaired())
	fmt.Println(sink.Write(ctx, []int{2, 3}), sink.Close(ctx))

	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output:
	// <nil> 3
	// <nil> <nil>
	// order 1
	// order 2
	// order 3
}
