// Chaos runs a tree of actors of every kind under random crashes, hangs, overflows, asks, timers, watches and children
// that come and go, and checks from outside that the framework keeps its promises: no message is lost, none comes out
// of order or twice, every ask returns, nothing is abandoned without cause, nothing is left.
//
//	chaos [-duration D] [-seed N] [-rate N] [-report FILE] [-v]
//
// It rests now and then to look whether everything adds up, and stops under load, when its time is over or at a signal.
// What it does to the tree is drawn from the seed; when it happens is up to the scheduler, so that a run cannot be
// repeated exactly. The exit code is 0 if all was well, 1 for a violation and 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/examples/chaos/world"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

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

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	fmt.Fprintf(stdout, "chaos: -seed %d -duration %v -rate %v\n", o.Seed, o.Duration, o.Rate)

	r, err := world.Run(ctx, o)
	if err != nil {
		fmt.Fprintf(stderr, "chaos: %v\n", err)

		return exitFailure
	}

	r.Print(stdout)

	if r.Violated > 0 {
		return exitFailure
	}

	return 0
}

func parse(args []string, stderr io.Writer) (world.Options, error) {
	o := world.Options{Logger: slog.New(slog.DiscardHandler)}

	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "how long to run before the stop")
	flags.Uint64Var(&o.Seed, "seed", 0, "what everything is drawn from; 0 picks one")
	flags.Float64Var(&o.Rate, "rate", 2000, "messages a second from outside")
	flags.StringVar(&o.Report, "report", "", "write the shutdown report as JSON to `FILE`")
	verbose := flags.Bool("v", false, "log to the standard error")

	if err := flags.Parse(args); err != nil {
		return o, err // the flag set has printed it
	}

	if err := validate(o, flags.Args()); err != nil {
		fmt.Fprintf(stderr, "chaos: %v\n", err)

		return o, err
	}

	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}

	if *verbose {
		o.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}

	return o, nil
}

func validate(o world.Options, rest []string) error {
	var errs []error

	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("argument %q: there are only flags", rest[0]))
	}

	if o.Duration <= 0 {
		errs = append(errs, fmt.Errorf("-duration %v: must be positive", o.Duration))
	}

	if !(o.Rate > 0 && o.Rate <= world.MaxRate) {
		errs = append(errs, fmt.Errorf("-rate %v: must be above 0 and at most %d", o.Rate, world.MaxRate))
	}

	if o.Report != "" {
		if info, err := os.Stat(filepath.Dir(o.Report)); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("-report %q: its directory must exist", o.Report))
		}
	}

	return errors.Join(errs...)
}
