package system

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// header names the columns of [row].
const header = "accepted\tprocessed\tfailed\tdead-lettered\tdropped\tqueued\tunaccounted\trestarts\tdrained\tactor\t"

// maxPrinted is how many actors the table shows one by one; the rest is in the total.
const maxPrinted = 40

// MarshalJSON writes the number of seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', -1, 64), nil
}

// UnmarshalJSON reads a number of seconds. It fails for what is none, or too many for a [time.Duration].
func (s *Seconds) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	ns := f * float64(time.Second)

	if err != nil || !(math.Abs(ns) < math.MaxInt64) { // nor is it if it is no number
		return fmt.Errorf("system.Seconds: %q is not a number of seconds", b)
	}

	*s = Seconds(ns)

	return nil
}

// String prints the duration, rounded to what matters.
func (s Seconds) String() string {
	d := time.Duration(s)
	if d >= time.Second {
		return d.Round(time.Millisecond).String()
	}

	return d.Round(time.Microsecond).String()
}

// WriteTo prints the report as a table.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	switch {
	case r == nil:
		return 0, errNoReport
	case w == nil:
		return 0, errNoWriter
	}

	var b bytes.Buffer

	r.print(&b)

	n, err := b.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("printing the report: %w", err)
	}

	return n, nil
}

var (
	errNoReport = errors.New("printing the report: there is none, the system has not stopped")
	errNoWriter = errors.New("printing the report: nil writer")
)

func (r *Report) print(b *bytes.Buffer) {
	what := r.System
	if r.Part != "" {
		what = r.Part
	}

	fmt.Fprintf(b, "shutdown of %s after %v: %s\n", what, r.Uptime, r.outcome())

	for _, s := range r.Signals {
		fmt.Fprintf(b, "  signal %s at %v: %s\n", s.Signal, s.Came, s.Did)
	}

	for _, p := range r.Phases {
		fmt.Fprintf(b, "  %-6s took %v\n", p.Name, p.Took)
	}

	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, header)

	var drained uint64

	for i, a := range r.Actors {
		drained += a.Drained

		if i < maxPrinted {
			row(table, a.Figures, a.Restarts, a.Drained, a.Path)
		}
	}

	if left := len(r.Actors) - maxPrinted; left > 0 {
		_, _ = fmt.Fprintf(table, "\t\t\t\t\t\t\t\t\tand %d more\t\n", left)
	}

	row(table, r.Total, r.Restarts, drained, "total")

	_ = table.Flush() // into a buffer, which takes everything

	if len(r.DeadLetters) > 0 {
		fmt.Fprintf(b, "dead letters: %s\n", countsText(r.DeadLetters))
	}

	if r.Unpublished > 0 {
		fmt.Fprintf(b, "dead letters not published on protoactor's event stream: %d\n", r.Unpublished)
	}

	r.printTasks(b)

	for _, e := range r.Errors {
		fmt.Fprintf(b, "error: %s\n", e)
	}

	for _, a := range r.Actors {
		for _, left := range a.Abandoned {
			fmt.Fprintf(b, "abandoned: %s, incarnation %d, in %s:\n%s\n", a.Path, left.Incarnation, left.Step, left.Stack)
		}
	}

	for _, t := range r.Tasks {
		if t.Stack != "" {
			fmt.Fprintf(b, "abandoned: task:%s, in %s:\n%s\n", t.Name, t.Phase, t.Stack)
		}
	}

	fmt.Fprintf(b, "unaccounted: %d\n", r.Unaccounted)
}

// printTasks prints a line for each task.
func (r *Report) printTasks(b *bytes.Buffer) {
	if len(r.Tasks) == 0 {
		return
	}

	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "task\tphase\tstate\tbegan\ttook")

	for _, t := range r.Tasks {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%v\t%v\n", t.Name, t.Phase, t.State, t.Began, t.Took)
	}

	_ = table.Flush() // into a buffer, which takes everything
}

func (r *Report) outcome() string {
	switch {
	case r.Clean:
		return "clean"
	case r.Cause != "":
		return "failed: " + r.Cause
	case r.Forced:
		return "forced"
	default:
		return "with errors"
	}
}

func row(w io.Writer, f Figures, restarts int, drained uint64, name string) {
	var dead uint64
	for _, n := range f.DeadLettered {
		dead += n
	}

	_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n",
		f.Accepted, f.Processed, f.Failed, dead, f.Dropped, f.Queued, f.Unaccounted, restarts, drained, name)
}

func countsText(counts map[mailbox.Reason]uint64) string {
	reasons := make([]mailbox.Reason, 0, len(counts))
	for r := range counts {
		reasons = append(reasons, r)
	}

	slices.Sort(reasons)

	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = fmt.Sprintf("%d %v", counts[r], r)
	}

	return strings.Join(parts, ", ")
}
