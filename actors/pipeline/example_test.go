package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// run starts a tree with the pipeline, waits until all is done, and stops it.
func run(p *pipeline.Pipeline) error {
	ctx := context.Background()
	tree := supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: time.Minute},
		Children: []supervision.Child{p},
	}

	sys, err := system.Start(ctx, tree, quiet())
	if err != nil {
		return err
	}

	err = p.Wait(ctx)
	_, stopped := sys.Shutdown(ctx)

	return errors.Join(err, stopped)
}

// Words of lines, counted by a function at the end.
func Example() {
	p := pipeline.New("words", pipeline.Options{Budget: supervision.Budget{Restarts: 5, Within: time.Minute}})
	lines := pipeline.From(p, "lines", pipeline.Slice([]string{"to be", "or not", "to be"}))
	words := pipeline.FlatMap(lines, "words", func(_ context.Context, line string, emit func(string)) error {
		for word := range strings.FieldsSeq(line) {
			emit(word)
		}

		return nil
	}, pipeline.Stage{})

	counts := make(map[string]int)
	pipeline.ToFunc(words, "count", func(_ context.Context, word string) error {
		counts[word]++ // by one worker

		return nil
	}, pipeline.Stage{})

	fmt.Println(run(p), counts)
	// Output: <nil> map[be:2 not:1 or:1 to:2]
}

// Items that fail are diverted to a stage of their own.
func ExampleNewSide() {
	p := pipeline.New("numbers", pipeline.Options{Budget: supervision.Budget{Restarts: 5, Within: time.Minute}})
	side, failed := pipeline.NewSide[string](p, "failed", pipeline.Stage{})
	parsed := pipeline.Map(pipeline.From(p, "texts", pipeline.Slice([]string{"1", "two", "3"})), "parse",
		func(_ context.Context, text string) (n int, err error) {
			_, err = fmt.Sscan(text, &n)

			return n, err
		}, pipeline.Stage{Failed: side.Policy()})

	sum, bad := 0, ""
	pipeline.ToFunc(parsed, "sum", func(_ context.Context, n int) error { sum += n; return nil }, pipeline.Stage{})
	pipeline.ToFunc(failed, "bad", func(_ context.Context, f pipeline.Failure[string]) error {
		bad = f.Stage + " " + f.Item

		return nil
	}, pipeline.Stage{})

	fmt.Println(run(p), sum, bad)
	// Output: <nil> 4 /shop/numbers/parse two
}

// A diamond: two stages see every item, and a zip brings what they make together.
func ExampleZip() {
	p := pipeline.New("diamond", pipeline.Options{Budget: supervision.Budget{Restarts: 5, Within: time.Minute}})
	words := pipeline.From(p, "words", pipeline.Slice([]string{"to", "be"}))
	both := pipeline.Broadcast(words, "both", 2, pipeline.Stage{})
	upper := pipeline.Map(both[0], "upper", func(_ context.Context, w string) (string, error) {
		return strings.ToUpper(w), nil
	}, pipeline.Stage{Workers: 2})
	length := pipeline.Map(both[1], "length", func(_ context.Context, w string) (int, error) { return len(w), nil },
		pipeline.Stage{})
	pairs := pipeline.Zip(upper, length, "pairs", func(_ context.Context, w string, n int) (string, error) {
		return fmt.Sprint(w, n), nil
	}, pipeline.Stage{})
	batches := pipeline.Batch(pairs, "batches", pipeline.BatchSize[string]{Items: 2}, pipeline.Stage{})
	pipeline.ToFunc(batches, "print", func(_ context.Context, b []string) error {
		fmt.Println(b)

		return nil
	}, pipeline.Stage{})

	fmt.Println(run(p))
	// Output:
	// [TO2 BE2]
	// <nil>
}
