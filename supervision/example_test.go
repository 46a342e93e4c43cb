package supervision_test

import (
	"fmt"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// ledger and orders are actors that take numbers.
type (
	ledger struct{ total int }
	orders struct{ ledger actors.Ref[int] }
)

func (l *ledger) Receive(_ *actors.Context[int], n int) error {
	l.total += n

	return nil
}

func (o *orders) Receive(ctx *actors.Context[int], n int) error { return o.ledger.Tell(ctx, n) }

func newLedger(supervision.Deps) (*ledger, error) { return &ledger{}, nil }

// A tree is data. The orders need the ledger, so the data subtree starts first and stops last, wherever it stands.
func ExampleCompile() {
	book := supervision.Actor("ledger", newLedger, supervision.Spec{Restart: supervision.Permanent})
	desk := supervision.Actor("orders", func(in supervision.Deps) (*orders, error) {
		return &orders{ledger: book.From(in)}, nil
	}, supervision.Spec{DependsOn: supervision.On(book)})

	budget := supervision.Budget{Restarts: 5, Within: 10 * time.Second}
	shop := supervision.Tree{
		Name:   "shop",
		Budget: budget,
		Children: []supervision.Child{
			desk,
			&supervision.Tree{Name: "data", Budget: budget, Children: supervision.On(book)},
		},
	}

	plan, err := supervision.Compile(shop)
	if err != nil {
		fmt.Println(err)

		return
	}

	var start func(node int)

	start = func(node int) {
		fmt.Println(plan.Nodes[node].Path, plan.Nodes[node].Restart)

		for _, child := range plan.Nodes[node].Children {
			start(child)
		}
	}

	start(0)
	// Output:
	// /shop transient
	// /shop/data transient
	// /shop/data/ledger permanent
	// /shop/orders transient
}

// Everything that is wrong with a tree is reported at once.
func ExampleCompile_errors() {
	book := supervision.Actor("ledger", newLedger, supervision.Spec{})
	desk := supervision.Actor("orders", newLedger, supervision.Spec{DependsOn: supervision.On(book)})

	_, err := supervision.Compile(supervision.Tree{
		Name:     "shop",
		Children: []supervision.Child{desk, supervision.Actor("legder", newLedger, supervision.Spec{Goroutines: -1})},
	})
	fmt.Println(err)
	// Output:
	// /shop: Budget: is not set, every supervisor needs one
	// /shop/legder: Goroutines: -1 is out of range, must be from 1 to 65536, or 0 for 64
	// /shop/orders: DependsOn[0]: "ledger" is not in the tree, did you mean /shop/legder?
}

// How long a child that fails again and again waits before its next attempt, if chance would have it wait longest.
func ExampleDelay() {
	delay := supervision.NewDelay(supervision.Backoff{Initial: time.Second, Max: 5 * time.Second, Stable: time.Minute})

	for _, ran := range []time.Duration{time.Hour, 0, 0, 0, time.Minute} {
		fmt.Println(delay.Next(ran, 1))
	}
	// Output:
	// 1s
	// 2s
	// 4s
	// 5s
	// 1s
}
