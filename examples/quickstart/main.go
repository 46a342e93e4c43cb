// Quickstart is the smallest complete program: an actor that counts, and a main that sends to it and asks it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// What the counter understands: a word, and the question how often one came.
type (
	word  string
	count struct {
		word string
		actors.Reply[int]
	}
)

type counter struct{ seen map[string]int }

func (c *counter) Receive(_ *actors.Context[any], m any) error {
	switch m := m.(type) {
	case word:
		c.seen[string(m)]++
	case count:
		return m.Send(c.seen[m.word])
	}
	return nil
}

func main() {
	report := flag.String("report", "", "write the shutdown report as JSON to `FILE`")
	flag.Parse()

	words := supervision.Actor("counter", func(supervision.Deps) (*counter, error) {
		return &counter{seen: make(map[string]int)}, nil
	}, supervision.Spec{Restart: supervision.Permanent})

	ctx := context.Background()
	sys, err := system.Start(ctx, supervision.Tree{
		Name: "quickstart", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: supervision.On(words),
	}, system.Options{ReportFile: *report})
	if err != nil {
		log.Fatal(err)
	}

	ref := words.From(sys.Intake())
	for _, w := range []word{"to", "be", "or", "not", "to", "be"} {
		err = ref.Tell(ctx, w) // waits when the mailbox is full; nil means accepted
	}
	n, asked := actors.Ask(ctx, ref, func(r actors.Reply[int]) any { return count{"be", r} })
	fmt.Println("be:", n, err, asked)

	stopped, err := sys.Shutdown(ctx) // works the queue off, flushes, closes, and accounts for every message
	_, _ = stopped.WriteTo(os.Stdout)
	fmt.Println("error:", err)
}
