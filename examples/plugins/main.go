// Plugins is a host that has the access-log lines of the example ingest enriched by plugins, of which only two do as
// they should. One is in the
// host's process, the others are programs named troupe-plugin-NAME, which the host finds in a directory: it makes that
// itself, with links to its own program.
//
//	plugins [-lines N] [-report FILE]
//
// It prints what each plugin has done and how that was contained. Meanwhile a probe asks an actor of the host that has
// nothing to do with the plugins, and whether the host is ready. The exit code is 0 if everything was contained, 1 if
// not, and 2 for wrong usage.
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
	"strings"
	"syscall"

	"github.com/troupe-go/troupe/system/plugin"
)

const (
	exitFailure = 1
	exitUsage   = 2
	maxLines    = 1_000_000
)

func main() {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), plugin.Prefix); ok {
		plugin.Serve(newPlugin(name))

		return
	}

	ctx, ignore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)

	ignore()
	os.Exit(code)
}

// run is main with everything from outside as arguments. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var (
		report string
		lines  int
	)

	flags := flag.NewFlagSet("plugins", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&report, "report", "", "write the shutdown report as JSON to `FILE`")
	flags.IntVar(&lines, "lines", 2000, "give each plugin `N` lines")

	err := flags.Parse(args)

	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage // the flag set has printed it
	case lines < 1 || lines > maxLines || flags.NArg() > 0:
		fmt.Fprintf(stderr, "plugins: give -lines from 1 to %d, and nothing behind the flags\n", maxLines)

		return exitUsage
	}

	if err := host(ctx, lines, report, stdout); err != nil {
		fmt.Fprintf(stderr, "plugins: %v\n", err)

		return exitFailure
	}

	return 0
}
