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

// printResults prints a table per workload, and last a line for each workload and baseline.
func printResults(w io.Writer, results []result) error {
	summaries := make([][]summary, len(results))

	for i, r := range results {
		for _, s := range r.series {
			summaries[i] = append(summaries[i], summarize(s))
		}

		if err := printTable(w, r.workload, summaries[i]); err != nil {
			return err
		}
	}

	fmt.Fprintln(w)

	for i, r := range results {
		printRatios(w, r.workload, summaries[i])
	}

	return nil
}

func printTable(w io.Writer, wl workload, rows []summary) error {
	fmt.Fprintf(w, "\n%s: %s\n", wl.name, wl.models)

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "contender\tM %s/s\tmin–max\tns/op\tallocs/op\t\n", wl.unit)

	for _, s := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s–%s\t%.1f\t%.2f\t\n", s.contender,
			millions(s.median), millions(s.lowest), millions(s.highest), s.nanoseconds, s.allocations)
	}

	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table of %s: %w", wl.name, err)
	}

	return nil
}

// millions formats a throughput in millions per second.
func millions(perSecond float64) string { return strconv.FormatFloat(perSecond/1e6, 'f', 2, 64) }

// printRatios prints our throughput over that of every baseline. The first row is ours.
func printRatios(w io.Writer, wl workload, rows []summary) {
	for _, theirs := range rows[1:] {
		fmt.Fprintf(w, "ratio %s %s %.2f\n", wl.name, theirs.contender, ratio(rows[0], theirs))
	}
}
