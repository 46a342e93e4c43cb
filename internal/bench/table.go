package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"text/tabwriter"
)

func printHeader(w io.Writer, o options) {
	fmt.Fprintf(w, "%s %s/%s, %d CPUs; medians of %d interleaved runs\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), o.runs)
}

// printTables prints a table per workload.
func printTables(w io.Writer, results []result) error {
	for _, r := range results {
		if err := printTable(w, r.workload, r.summaries()); err != nil {
			return err
		}
	}

	return nil
}

// printRatios prints a line for each workload and baseline: our throughput over theirs, and our bytes over theirs.
// These lines are for programs to read, so they come last.
func printRatios(w io.Writer, results []result) {
	for _, r := range results {
		rows := r.summaries()
		for _, theirs := range rows[1:] {
			fmt.Fprintf(w, "ratio %s %s %.2f\n", r.workload.name, theirs.contender, ratio(rows[0], theirs))

			if r.workload.holds {
				fmt.Fprintf(w, "ratio %s-bytes %s %.2f\n", r.workload.name, theirs.contender, rows[0].bytes/theirs.bytes)
			}
		}
	}
}

func printTable(w io.Writer, wl workload, rows []summary) error {
	fmt.Fprintf(w, "\n%s: %s\n", wl.name, wl.models)

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "contender\tM %s/s\tmin–max\tns/op\tallocs/op\t", wl.unit)

	if wl.holds {
		fmt.Fprint(t, "bytes held\t")
	}

	for _, s := range rows {
		fmt.Fprintf(t, "\n%s\t%s\t%s–%s\t%.1f\t%.2f\t", s.contender,
			millions(s.median), millions(s.lowest), millions(s.highest), s.nanoseconds, s.allocations)

		if wl.holds {
			fmt.Fprintf(t, "%.0f\t", s.bytes)
		}
	}

	fmt.Fprintln(t)

	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table of %s: %w", wl.name, err)
	}

	return nil
}

func printFlood(w io.Writer, f flood) error {
	fmt.Fprintf(w, "\n%s: %s messages at a blocked actor\n", floodName, amount(f.sent))

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "senders parked\tCPU of a core\theap above rest\thandled\t\n")
	fmt.Fprintf(t, "%d of %d\t%.2f %%\t%.1f kB\t%d\t\n", f.parked, floodSenders, f.cpu, f.kilobytes(), f.handled)

	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table of %s: %w", floodName, err)
	}

	return nil
}

// amount formats a number of messages: 2000000 as 2M.
func amount(n int) string {
	const million = 1_000_000

	if n > 0 && n%million == 0 {
		return strconv.Itoa(n/million) + "M"
	}

	return strconv.Itoa(n)
}

// millions formats a throughput in millions per second.
func millions(perSecond float64) string { return strconv.FormatFloat(perSecond/1e6, 'f', 2, 64) }
