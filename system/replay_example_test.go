package system_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// printer fails while it is out of paper.
type printer struct{ outOfPaper bool }

func (p *printer) Receive(ctx *actors.Context[string], text string) error {
	if p.outOfPaper {
		return errors.New("out of paper")
	}

	fmt.Println(text, "at attempt", ctx.Attempt())

	return nil
}

// What failed is a dead letter. Once the cause is mended, it can be sent again.
func ExampleOffice_Replay() {
	ctx := context.Background()
	p := &printer{outOfPaper: true}
	child := supervision.Actor("printer", func(supervision.Deps) (*printer, error) { return p, nil }, supervision.Spec{
		Decide: func(error) supervision.Directive { return supervision.ResumeChild },
	})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "office", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	ref := child.From(sys.Intake())
	letters := sys.DeadLetters().Subscribe(1)

	fmt.Println(ref.Tell(ctx, "hello"))

	l := <-letters.C()
	fmt.Println(l.Target, l.Reason, l.Cause, l.Attempt)

	p.outOfPaper = false // it is done with the message

	for _, r := range sys.DeadLetters().Replay(system.Filter{Reasons: []mailbox.Reason{mailbox.Failed}}, 100) {
		fmt.Println(r.Target, r.Outcome)
	}

	_, err = sys.Shutdown(ctx)
	fmt.Println(sys.DeadLetters().Stats(), err)
	// Unordered output:
	// <nil>
	// /office/printer failed out of paper 1
	// /office/printer accepted
	// hello at attempt 2
	// {1 0 1 0} <nil>
}
