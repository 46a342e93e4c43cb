package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/examples/ingest/accesslog"
	"github.com/troupe-go/troupe/system"
)

// exitUsage is the exit code for wrong usage. The others are those of package system.
const exitUsage = 2

// options are the command line.
type options struct {
	in, name, http, nats, stream, db, report string
	seed, lines                              uint64
	rate                                     float64
	format                                   accesslog.Format
	grace                                    time.Duration
	list, replay, json                       bool
	interrupts                               <-chan os.Signal // not on the command line
}

func main() {
	interrupts := make(chan os.Signal, 2) //nolint:mnd // the first stops it in order, the second forces that
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)

	os.Exit(run(context.Background(), os.Args[1:], interrupts, os.Stdout, os.Stderr))
}

// run is main with everything from outside as arguments, but for the standard input. It returns the exit code.
func run(ctx context.Context, args []string, interrupts <-chan os.Signal, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return system.ExitClean
	}

	if err != nil {
		return exitUsage // parse has said why
	}

	o.interrupts = interrupts
	err = ingest(ctx, o, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "ingest: %v\n", err)
	}

	return system.ExitCode(err)
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options

	flags := flag.NewFlagSet("ingest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.in, "in", "", "read the log `FILE`, - for the standard input; default is made-up traffic")
	flags.StringVar(&o.name, "name", "", "the `NAME` that lines of -in are known by beside their number")
	flags.StringVar(&o.http, "http", "", "take lines that are posted to `HOST:PORT`, until interrupted")
	flags.StringVar(&o.nats, "nats", "", "the `URL` of a NATS server with JetStream; default is one in the process")
	flags.StringVar(&o.stream, "stream", "ingest", "the `NAME` of the stream that lines wait in")
	flags.StringVar(&o.db, "db", "", "the SQLite `FILE`; what else is kept stands beside it; default is a temporary one")
	flags.StringVar(&o.report, "report", "", "write the shutdown report as JSON to `FILE`")
	flags.Float64Var(&o.rate, "rate", 0, "how many lines a second; 0 means as fast as they go")
	flags.Uint64Var(&o.seed, "seed", 1, "of made-up traffic")
	flags.Uint64Var(&o.lines, "lines", 10_000, "how many lines of traffic are made up")
	flags.BoolVar(&o.format.VHost, "vhost", false, "lines may begin with the virtual host and its port")
	flags.DurationVar(&o.grace, "grace", system.DefaultGrace, "how long a shutdown may take in all")
	flags.BoolVar(&o.json, "json", false, "print the totals as JSON, and nothing else")
	flags.BoolVar(&o.list, "list", false, "list the dead letters of -db")
	flags.BoolVar(&o.replay, "replay", false, "read the dead letters of -db instead of a log")

	if err := flags.Parse(args); err != nil {
		return o, err // the flag set has printed it
	}

	err := o.validate(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "ingest: %v\n", err)
	}

	return o, err
}

// names of streams and inputs.
var (
	streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	inputName  = regexp.MustCompile(`^[[:graph:]]{0,200}$`)
)

func (o options) validate(rest []string) error {
	var errs []error

	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}

	modes := 0

	for _, is := range []bool{o.in != "", o.http != "", o.list, o.replay} {
		if is {
			modes++
		}
	}

	wrong(len(rest) > 0, "argument %q: there are only flags", rest)
	wrong(modes > 1, "give one of -in, -http, -list and -replay")
	wrong((o.list || o.replay) && o.db == "", "-list and -replay need the -db whose dead letters are meant")
	wrong(o.name != "" && o.in == "", "-name %s: needs -in", o.name)
	wrong(!inputName.MatchString(o.name), "-name %q: must be up to 200 ASCII characters without blanks", o.name)
	wrong(!streamName.MatchString(o.stream), "-stream %q: must be 1 to 64 letters, digits, - and _", o.stream)
	wrong(!(o.rate >= 0 && o.rate <= math.MaxInt32), "-rate %v: must be from 0 to %d", o.rate, math.MaxInt32)
	wrong(o.grace <= 0, "-grace %v: must be positive", o.grace)

	return errors.Join(errs...)
}
