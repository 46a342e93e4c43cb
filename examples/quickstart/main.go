// Quickstart is the smallest complete program: an actor that counts words, and a main that sends to it and asks it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// message is what the counter understands: a word; with a reply port, the question how often it came.
type message struct {
	word string
	ask  actors.Reply[int]
}

type counter struct{ seen map[string]int }

func newCounter(supervision.Deps) (*counter, error) { return &counter{make(map[string]int)}, nil }

func (c *counter) Receive(_ *actors.Context[message], m message) error {
	if m.ask.IsSet() {
		return m.ask.Send(c.seen[m.word])
	}
	c.seen[m.word]++
	return nil
}

func main() {
	report := flag.String("report", "", "write the shutdown report as JSON to `FILE`")
	flag.Parse()
	words := supervision.Actor("words", newCounter, supervision.Spec{Restart: supervision.Permanent})
	tree := supervision.Tree{
		Name:     "quickstart",
		Budget:   supervision.Budget{Restarts: 3, Within: time.Minute},
		Children: supervision.On(words),
	}
	ctx := context.Background()
	sys, err := system.Start(ctx, tree, system.Options{ReportFile: *report})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ref := words.From(sys.Intake())
	for _, w := range []string{"to", "be", "or", "not", "to", "be"} {
		if err := ref.Tell(ctx, message{word: w}); err != nil { // waits for room; nil means accepted
			fmt.Fprintln(os.Stderr, "refused:", err)
		}
	}
	n, err := actors.Ask(ctx, ref, func(r actors.Reply[int]) message { return message{"be", r} })
	fmt.Println("be:", n, err)
	stopped, err := sys.Shutdown(ctx) // works the queue off, flushes, closes, accounts for every message
	_, _ = stopped.WriteTo(os.Stdout)
	fmt.Println("error:", err)
}
