package world

import (
	"fmt"
	"io"
	"strings"

	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// Result is what came of a run.
type Result struct {
	Injected   [deeds]uint64
	Events     map[supervision.EventKind]uint64
	Report     *system.Report
	Stopped    error // what the shutdown returned
	Asks       audit.AskFigures
	Deadlocks  int
	Abandoned  int
	Returned   int
	Machine    audit.Machine
	Violations []string // the first ones
	Violated   int      // all of them
}

func (w *World) result(report *system.Report, stopped error) *Result {
	r := &Result{
		Report: report, Stopped: stopped, Asks: w.audit.Asks(), Deadlocks: w.audit.Deadlocks(), Machine: w.audit.Machine(),
		Events: make(map[supervision.EventKind]uint64),
	}
	r.Violations, r.Violated = w.audit.Violations()
	r.Abandoned, r.Returned = w.audit.Abandoned()

	for d := range r.Injected {
		r.Injected[d] = w.counts[d].Load()
	}

	for _, k := range supervision.EventKinds() {
		r.Events[k] = w.system.Events().Count(k)
	}

	return r
}

// Print writes what was injected, what happened, and the verdict.
func (r *Result) Print(out io.Writer) {
	var injected, done, letters []string

	happened := make([]string, 0, len(r.Events))

	for i, n := range r.Injected {
		if d := Deed(i); n > 0 && d.Trouble() {
			injected = append(injected, fmt.Sprintf("%v %d", d, n))
		} else if n > 0 {
			done = append(done, fmt.Sprintf("%v %d", d, n))
		}
	}

	for _, k := range supervision.EventKinds() {
		happened = append(happened, fmt.Sprintf("%v %d", k, r.Events[k]))
	}

	for _, reason := range mailbox.Reasons() {
		if n := r.Report.DeadLetters[reason]; n > 0 {
			letters = append(letters, fmt.Sprintf("%v %d", reason, n))
		}
	}

	t := r.Report.Total
	fmt.Fprintf(out, "work:         %s\n", strings.Join(done, ", "))
	fmt.Fprintf(out, "trouble:      %s\n", strings.Join(injected, ", "))
	fmt.Fprintf(out, "events:       %s\n", strings.Join(happened, ", "))
	fmt.Fprintf(out, "messages:     accepted %d, processed %d, failed %d, dropped %d, unaccounted %d\n",
		t.Accepted, t.Processed, t.Failed, t.Dropped, r.Report.Unaccounted)
	fmt.Fprintf(out, "dead letters: %s\n", strings.Join(letters, ", "))
	fmt.Fprintf(out, "asks:         %d, answered %d, failed %d; deadlocks found %d\n",
		r.Asks.Begun, r.Asks.Answered, r.Asks.Failed, r.Deadlocks)
	fmt.Fprintf(out, "abandoned:    %d, returned %d\n", r.Abandoned, r.Returned)
	fmt.Fprintf(out, "machine:      %v\n", r.Machine)

	for _, v := range r.Violations {
		fmt.Fprintln(out, "VIOLATION", v)
	}

	if r.Violated > 0 {
		fmt.Fprintf(out, "FAIL: %d violations\n", r.Violated)

		return
	}

	fmt.Fprintln(out, "PASS")
}
