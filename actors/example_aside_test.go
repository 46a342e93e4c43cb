package actors_test

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

// A shop that opens late: customers who come early wait outside, in order.
type (
	shop struct{ open bool }

	shopMsg  interface{ isShop() }
	customer struct{ name string }
	opening  struct{}
)

func (customer) isShop() {}
func (opening) isShop()  {}

func (s *shop) Receive(ctx *actors.Context[shopMsg], m shopMsg) error {
	switch m := m.(type) {
	case opening:
		s.open = true
		fmt.Println("open,", ctx.Unstash(), "are waiting") //nolint:forbidigo // part of the example
	case customer:
		if !s.open {
			return ctx.Stash() // an error if the stash is full: let it be a failure
		}

		fmt.Println("serves", m.name) //nolint:forbidigo // part of the example
	}

	return nil
}

func ExampleContext_Stash() {
	ctx := context.Background()
	child := supervision.Actor("shop", func(supervision.Deps) (*shop, error) { return &shop{}, nil },
		supervision.Spec{Stash: 100})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "street", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	ref := child.From(sys.Intake())

	for _, m := range []shopMsg{customer{"Ada"}, customer{"Ben"}, opening{}, customer{"Cem"}} {
		if err := ref.Tell(ctx, m); err != nil {
			fmt.Println(err)
		}
	}

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Processed, "processed", err)
	// Output:
	// open, 2 are waiting
	// serves Ada
	// serves Ben
	// serves Cem
	// 4 processed <nil>
}

// page is something to print; whoever asks is told when it is done.
type page struct {
	actors.Reply[bool]

	text string
}

// A message on which the actor fails goes to the next incarnation, here twice, and is then quarantined.
func ExampleContext_Attempt() {
	ctx := context.Background()
	child := supervision.Actor("printer", func(supervision.Deps) (actors.Func[page], error) {
		return func(ctx *actors.Context[page], m page) error {
			fmt.Printf("%s: attempt %d, incarnation %d\n", m.text, ctx.Attempt(), ctx.Incarnation())

			if m.text == "poison" {
				return errors.New("paper jam")
			}

			return m.Send(true)
		}, nil
	}, supervision.Spec{Redeliver: 2, Backoff: supervision.Backoff{Initial: supervision.Immediately}})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "press", Budget: supervision.Budget{Restarts: 5, Within: time.Minute}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	ref := child.From(sys.Intake())
	for _, text := range []string{"poison", "news"} {
		_, err := actors.Ask(ctx, ref, func(r actors.Reply[bool]) page { return page{r, text} })
		fmt.Println(text, err)
	}

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)

	for _, l := range sys.DeadLetters().Letters() {
		fmt.Println(l.Target, l.Reason, l.Attempt, l.Cause)
	}
	// Output:
	// poison: attempt 1, incarnation 1
	// poison: attempt 2, incarnation 2
	// poison: attempt 3, incarnation 3
	// poison /press/printer: paper jam
	// news: attempt 1, incarnation 4
	// news <nil>
	// <nil>
	// /press/printer quarantined 3 paper jam
}
