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
)

// What the program exits with.
const (
	exitFailure = 1 // a contender lost a message, an allocation where none may be, a file that cannot be written
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)

	stop()
	os.Exit(code)
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout)

	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\n-h lists the flags\n", err)

		return exitUsage
	}

	if err := o.mode()(ctx, o, stdout); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)

		return exitFailure
	}

	return 0
}

// mode returns what the options ask for.
func (o options) mode() func(context.Context, options, io.Writer) error {
	switch {
	case o.smoke:
		return smoke
	case o.profiles != "":
		return profile
	default:
		return compare
	}
}

// compare measures all contenders, prints tables and writes every run to a file; ratios come last.
func compare(ctx context.Context, o options, w io.Writer) error {
	printHeader(w, o)

	r, err := measureAll(ctx, o)
	if err != nil {
		return err
	}

	if err := printTables(w, r); err != nil {
		return err
	}

	if o.flood {
		f, err := measureFlood(ctx, floodOps(o.count), floodWindow)
		if err != nil {
			return err
		}

		if err := printFlood(w, f); err != nil {
			return err
		}
	}

	if len(r) == 0 {
		return nil // the flood alone: nothing to compare
	}

	if o.benchstat != "" {
		if err := writeBenchstat(o.benchstat, r); err != nil {
			return err
		}

		fmt.Fprintf(w, "\nevery run is in %s, as input for benchstat\n", o.benchstat)
	}

	fmt.Fprintln(w)
	printRatios(w, r)

	return nil
}
