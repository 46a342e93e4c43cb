package files_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// A pipeline from one file to another. Started again, it would go on behind the last line that was done.
func Example() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	_ = os.WriteFile(in, []byte("to\nbe\nor\n"), 0o600)

	budget := supervision.Budget{Restarts: 5, Within: time.Minute}
	p := pipeline.New("copy", pipeline.Options{Budget: budget})
	lines := pipeline.From(p, "in", files.Lines(in, files.LineOptions{OffsetFile: in + ".offset"}))
	upper := pipeline.Map(lines, "upper", func(_ context.Context, l files.Line) (string, error) {
		return strings.ToUpper(l.Text), nil
	}, pipeline.Stage{Workers: 2})
	pipeline.To(upper, "out", files.Append(out, func(dst []byte, text string) ([]byte, error) {
		return append(dst, text...), nil
	}, files.AppendOptions{}), pipeline.Stage{})

	ctx := context.Background()
	tree := supervision.Tree{Name: "example", Budget: budget, Children: supervision.On(p)}

	sys, err := system.Start(ctx, tree, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println(p.Wait(ctx))

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)

	text, _ := os.ReadFile(out)
	fmt.Print(string(text))
	// Output:
	// <nil>
	// <nil>
	// TO
	// BE
	// OR
}
