package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

// document is the message: a file to be read.
type document struct {
	Path string `json:"path"`
}

// maxReplay is how many letters are replayed at most. So many have room in the mailbox, and none finds it full.
const maxReplay = 1024

// checker reads documents.
type checker struct{}

func (checker) Receive(_ *actors.Context[document], d document) error {
	text, err := os.ReadFile(d.Path)
	if err != nil {
		return err // the message becomes a dead letter, with this cause
	}

	var content any

	return json.Unmarshal(text, &content)
}

// start runs the checker; its dead letters go to the store.
func (o options) start(ctx context.Context, store *deadletters.Store) (*system.System, actors.Ref[document], error) {
	check := supervision.Actor("checker", func(supervision.Deps) (checker, error) { return checker{}, nil },
		supervision.Spec{
			Mailbox: &mailbox.Options{Capacity: maxReplay},
			// One document that cannot be read says nothing about the checker.
			Decide: func(error) supervision.Directive { return supervision.ResumeChild },
		})
	tree := supervision.Tree{
		Name: "deadletters", Budget: supervision.Budget{Restarts: 3, Within: time.Minute},
		Children: supervision.On(check),
	}

	sys, err := system.Start(ctx, tree, system.Options{
		OnLetters: store.Keep, ReportFile: o.report, Signals: []os.Signal{},
	})
	if err != nil {
		return nil, actors.Ref[document]{}, err
	}

	return sys, check.From(sys.Intake()), nil
}

// stop waits until all that was sent is handled, and what died is in the store.
func stop(sys *system.System, store *deadletters.Store, stdout io.Writer) error {
	r, err := sys.Shutdown(context.Background())
	if err != nil {
		return err
	}

	stats, err := store.Stats()
	if err == nil {
		fmt.Fprintf(stdout, "%d documents read, %d not; %d dead letters held\n",
			r.Total.Processed, r.Total.Failed, stats.Held)
	}

	return err
}

// check sends every JSON document of the directory to the checker.
func (o options) check(ctx context.Context, store *deadletters.Store, stdout io.Writer) error {
	sys, ref, err := o.start(ctx, store)
	if err != nil {
		return err
	}

	err = filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}

		path, err = filepath.Abs(path) // a later process may be elsewhere
		if err != nil {
			return err
		}

		return ref.Tell(ctx, document{path}) // waits while the checker is behind
	})

	return errors.Join(err, stop(sys, store, stdout))
}

// again replays the letters.
func (o options) again(ctx context.Context, store *deadletters.Store, stdout io.Writer) error {
	sys, _, err := o.start(ctx, store)
	if err != nil {
		return err
	}

	all, err := store.Replay(sys, o.filter, o.most)
	for _, r := range all {
		fmt.Fprintf(stdout, "%d %s: %v%s\n", r.Number, r.Target, r.Outcome, because(r.Err))
	}

	return errors.Join(err, stop(sys, store, stdout))
}

func because(err error) string {
	if err == nil {
		return ""
	}

	return " (" + err.Error() + ")"
}

// list prints the letters.
func list(store *deadletters.Store, filter system.Filter, stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tTIME\tTARGET\tREASON\tREPLAYS\tMESSAGE\tCAUSE")

	n := 0

	for l, err := range store.All(filter) {
		if err != nil {
			return errors.Join(err, w.Flush())
		}

		fmt.Fprintf(w, "%d\t%s\t%s\t%v\t%d\t%v\t%v\n",
			l.Number, l.Time.Format(time.DateTime), l.Target, l.Reason, l.Replays, l.Message, l.Cause)

		n++
	}

	fmt.Fprintf(w, "%d dead letters\n", n)

	return w.Flush()
}
