// Deadletters checks the JSON documents of a directory, and keeps those it cannot read as dead letters in a file. A
// later process lists them, or tries them again.
//
//	deadletters [-db FILE] [-dir DIR] [-report FILE]
//	deadletters [-db FILE] -list [-reason NAME]
//	deadletters [-db FILE] -replay [-reason NAME] [-n N] [-report FILE]
//
// Mend a document and replay: its letter is gone. What is still broken is a new letter, and refused once it was
// replayed three times. The exit code is 0 if the program did its work, whatever it found, 1 for a failure and 2 for
// wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// options are the command line.
type options struct {
	db, dir, report string
	list, replay    bool
	filter          system.Filter
	most            int
}

func main() {
	ctx, ignore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)

	ignore()
	os.Exit(code)
}

// run is main with everything from outside as arguments. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}

	if err != nil {
		return exitUsage // parse has said why
	}

	if err := o.work(ctx, stdout); err != nil {
		fmt.Fprintf(stderr, "deadletters: %v\n", err)

		return exitFailure
	}

	return 0
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("deadletters", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.db, "db", "letters.db", "the `FILE` with the dead letters")
	flags.StringVar(&o.dir, "dir", ".", "the `DIR` whose JSON documents are checked")
	flags.StringVar(&o.report, "report", "", "write the shutdown report as JSON to `FILE`")
	flags.BoolVar(&o.list, "list", false, "list the dead letters")
	flags.BoolVar(&o.replay, "replay", false, "try them again")
	flags.IntVar(&o.most, "n", maxReplay, "replay at most `N` of them")
	flags.Func("reason", "list or replay those of the reason `NAME` only, such as failed", func(name string) error {
		var r mailbox.Reason

		err := r.UnmarshalText([]byte(name))
		o.filter.Reasons = append(o.filter.Reasons, r)

		return err
	})

	if err := flags.Parse(args); err != nil {
		return o, err // the flag set has printed it
	}

	if o.list && o.replay || flags.NArg() > 0 || o.most < 1 || o.most > maxReplay {
		err = fmt.Errorf("deadletters: give -list or -replay, -n from 1 to %d, and nothing behind the flags", maxReplay)
		fmt.Fprintln(stderr, err)
	}

	return o, err
}

// work does what the flags say.
func (o options) work(ctx context.Context, stdout io.Writer) (err error) {
	store, err := deadletters.Open(o.db, deadletters.Options{
		Types: []deadletters.Type{deadletters.TypeOf[document]("document")},
	})
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, store.Close()) }()

	switch {
	case o.list:
		return list(store, o.filter, stdout)
	case o.replay:
		return o.again(ctx, store, stdout)
	default:
		return o.check(ctx, store, stdout)
	}
}
