package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/troupe-go/troupe/system"
)

// exitUsage is the exit code for wrong usage. The others are those of package system.
const exitUsage = 2

// options are the command line.
type options struct {
	addr, store, report string
	orders              int
	fail                float64
	seed                uint64
	latency, grace      time.Duration
}

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with everything from outside as arguments. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}

	if err != nil {
		return exitUsage // parse has said why
	}

	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "shop: %v\n", err)

		return system.ExitCode(err)
	}

	return system.ExitClean
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options

	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "", "serve at `HOST:PORT` until interrupted; default any port, for its own customers")
	flags.StringVar(&o.store, "store", "", "the `FILE` of all events; default a temporary one")
	flags.StringVar(&o.report, "report", "", "write the shutdown report as JSON to `FILE`")
	flags.IntVar(&o.orders, "orders", 500, "how many orders its own customers place")
	flags.Float64Var(&o.fail, "fail", 0.2, "share of payments, from 0 to 1, whose connection breaks")
	flags.DurationVar(&o.latency, "latency", latency, "how long the bank takes on average")
	flags.DurationVar(&o.grace, "grace", system.DefaultGrace, "how long a shutdown may take in all")
	flags.Uint64Var(&o.seed, "seed", 1, "which payments fail or are declined, and what is ordered")

	if err := flags.Parse(args); err != nil {
		return o, err // the flag set has printed it
	}

	if err := o.validate(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "shop: %v\n", err)

		return o, err
	}

	return o, nil
}

func (o options) validate(rest []string) error {
	var errs []error

	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("argument %q: there are only flags", rest[0]))
	}

	if !(o.fail >= 0 && o.fail <= 1) {
		errs = append(errs, fmt.Errorf("-fail %v: must be from 0 to 1", o.fail))
	}

	if o.orders < 0 {
		errs = append(errs, fmt.Errorf("-orders %d: must not be negative", o.orders))
	}

	if o.latency < 0 {
		errs = append(errs, fmt.Errorf("-latency %v: must not be negative", o.latency))
	}

	if o.grace <= 0 {
		errs = append(errs, fmt.Errorf("-grace %v: must be positive", o.grace))
	}

	return errors.Join(errs...)
}
