package system_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// An actor that keeps a total, and what it understands.
type (
	ledger struct{ total int64 }

	post  struct{ amount int64 }
	total struct{ actors.Reply[int64] }
)

func (l *ledger) Receive(_ *actors.Context[any], m any) error {
	switch m := m.(type) {
	case post:
		l.total += m.amount
	case total:
		return m.Send(l.total)
	}

	return nil
}

// Start is for programs that talk to their actors from outside the tree.
func ExampleStart() {
	ctx := context.Background()
	book := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{Restart: supervision.Permanent})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(book),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	ref := book.From(sys.Intake())

	for _, amount := range []int64{10, 20, 12} {
		if err := ref.Tell(ctx, post{amount}); err != nil {
			fmt.Println(err)
		}
	}

	fmt.Println(actors.Ask(ctx, ref, func(r actors.Reply[int64]) any { return total{r} }))

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Accepted, "accepted,", report.Unaccounted, "unaccounted", err)
	// Output:
	// 42 <nil>
	// 4 accepted, 0 unaccounted <nil>
}

// Run returns when the tree has stopped, or has not started; the error says who failed.
func ExampleRun() {
	crash := supervision.Actor("crash", func(supervision.Deps) (actors.Func[string], error) {
		return func(*actors.Context[string], string) error { return nil }, errors.New("no database")
	}, supervision.Spec{})

	err := system.Run(context.Background(), supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(crash),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})

	var failure *supervision.FailureError

	fmt.Println(errors.As(err, &failure), failure.Path)
	fmt.Println(err)
	// Output:
	// true /shop/crash
	// /shop/crash: no database
}
