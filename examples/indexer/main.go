// Indexer indexes a tree of Go source: every function, method, type, constant and variable with its file, line and
// kind, in a database file. Run again, it answers a query from the database.
//
//	indexer [-root DIR] [-db FILE] [-query NAME] [-chaos RATE] [-seed N] [-report FILE]
//
// Ctrl-C at any moment stops it in order: the files on their way are still indexed and committed. Whatever it was
// stopped by, kill -9 included, the next run goes on with what is in the database. The exit code is 0 if everything
// went well, 1 for a failure and 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// options are the command line.
type options struct {
	root, db, query, report string
	chaos                   float64
	seed                    uint64
	interrupts              <-chan os.Signal // not on the command line
}

func main() {
	interrupts := make(chan os.Signal, 2) //nolint:mnd // the first stops it in order, the second forces that
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)

	os.Exit(run(context.Background(), os.Args[1:], interrupts, os.Stdout, os.Stderr))
}

// run is main with everything from outside as arguments. It returns the exit code.
func run(ctx context.Context, args []string, interrupts <-chan os.Signal, stdout, stderr io.Writer) int {
	stderr = serially(stderr)

	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}

	if err != nil {
		return exitUsage // parse has said why
	}

	o.interrupts = interrupts

	if err := index(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "indexer: %v\n", err)

		return exitFailure
	}

	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options

	flags := flag.NewFlagSet("indexer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", "", "the `DIR` to index; default the Go installation's src")
	flags.StringVar(&o.db, "db", defaultDB(), "the database `FILE`")
	flags.StringVar(&o.query, "query", "Client.Get", "the `NAME` to look up, such as Println or Client.Get")
	flags.StringVar(&o.report, "report", "", "write the shutdown report as JSON to `FILE`")
	flags.Float64Var(&o.chaos, "chaos", 0, "share of files, from 0 to 1, that make a parser panic")
	flags.Uint64Var(&o.seed, "seed", 1, "which files chaos strikes")

	if err := flags.Parse(args); err != nil {
		return o, err // the flag set has printed it
	}

	if err := o.validate(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "indexer: %v\n", err)

		return o, err
	}

	return o, nil
}

func (o options) validate(rest []string) error {
	var errs []error

	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("argument %q: there are only flags", rest[0]))
	}

	if !(o.chaos >= 0 && o.chaos <= 1) {
		errs = append(errs, fmt.Errorf("-chaos %v: must be from 0 to 1", o.chaos))
	}

	if o.db == "" {
		errs = append(errs, errors.New("-db: must name a file"))
	}

	if o.report != "" {
		if info, err := os.Stat(filepath.Dir(o.report)); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("-report %q: its directory must exist", o.report))
		}
	}

	return errors.Join(errs...)
}

// defaultDB is below the user's cache, or in the working directory if there is none.
func defaultDB() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "troupe-indexer.db"
	}

	return filepath.Join(cache, "troupe", "indexer.db")
}
