package console

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Summary is the end of a run in figures.
type Summary struct {
	// Files and Symbols count what is in the index.
	Files, Symbols int
	// Restarts counts the restarts of actors by their supervisors.
	Restarts int
	// DeadLetters counts messages that were not processed, by reason.
	DeadLetters map[string]int
	// FilesPerSecond is the mean rate of the run.
	FilesPerSecond float64
	// PeakMemory is the most memory the process ever held, in bytes: see [PeakMemory].
	PeakMemory uint64
	// Unaccounted is the number of accepted messages whose fate is unknown. It should be 0.
	Unaccounted int64
	// Duration is the wall-clock time of the run.
	Duration time.Duration
}

// WriteTo writes the summary to w as an aligned table, dead letters one line a reason and sorted by it. It
// returns the number of bytes written and the error of w. It implements [io.WriterTo].
func (s Summary) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	table := tabwriter.NewWriter(counted, 0, 0, 2, ' ', 0)
	for _, row := range s.rows() {
		// tabwriter keeps the first error of its writer for Flush.
		fmt.Fprintf(table, "%s\t%s\n", row.label, row.value)
	}
	err := table.Flush()
	return counted.n, err
}

type row struct {
	label, value string
}

func (s Summary) rows() []row {
	total := 0
	for _, n := range s.DeadLetters {
		total += n
	}
	rows := []row{
		{"files", count(s.Files)},
		{"symbols", count(s.Symbols)},
		{"restarts", count(s.Restarts)},
		{"dead letters", count(total)},
	}
	for _, reason := range slices.SortedFunc(maps.Keys(s.DeadLetters), cmp.Compare[string]) {
		rows = append(rows, row{"  " + reason, count(s.DeadLetters[reason])})
	}
	return append(rows,
		row{"duration", duration(s.Duration)},
		row{"speed", rate(s.FilesPerSecond)},
		row{"peak memory", bytes(s.PeakMemory)},
		row{"unaccounted", count(s.Unaccounted)},
	)
}

// counter counts what reached the writer behind it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
