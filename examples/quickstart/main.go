// Quickstart is the smallest complete program: a counter, and an actor that sends to it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

type add struct{ n int }

type sum struct{ actors.Reply[int] }

type counter struct{ total int }

func (c *counter) Receive(_ *actors.Context[any], m any) error {
	switch m := m.(type) {
	case add:
		c.total += m.n
	case sum:
		return m.Send(c.total)
	}

	return nil
}

func main() {
	ctx := context.Background()
	count := supervision.Actor("counter", func(supervision.Deps) (*counter, error) { return &counter{}, nil },
		supervision.Spec{})
	tree := supervision.Tree{
		Name:     "quickstart",
		Budget:   supervision.Budget{Restarts: 3, Within: time.Second},
		Children: []supervision.Child{count},
	}
	sys, err := system.Start(ctx, tree, system.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ref := count.From(sys.Intake())
	for i := 1; i <= 100000; i++ {
		if err := ref.Tell(ctx, add{1}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(actors.Ask(ctx, ref, func(r actors.Reply[int]) any { return sum{r} }))
	report, err := sys.Shutdown(ctx)
	report.WriteTo(os.Stdout)
	fmt.Println(err)
}
