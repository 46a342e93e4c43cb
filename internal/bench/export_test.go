package main

import (
	"bytes"
	"context"
	"io"
	"time"
)

func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return run(ctx, args, stdout, stderr)
}

func Median(values []float64) float64 { return median(values) }

func Camel(name string) string { return camel(name) }

// Span returns what each of several senders sends, as pairs of first and end.
func Span(senders, count int) [][2]int {
	spans := make([][2]int, senders)
	for s := range senders {
		spans[s][0], spans[s][1] = span(s, senders, count)
	}

	return spans
}

// Runs is what one contender has measured: how long each run took.
type Runs struct {
	Contender string
	Elapsed   []time.Duration
}

// Print returns tables and ratios of made-up runs of one workload, and what is written for benchstat.
func Print(name string, ops int, mallocs uint64, all ...Runs) (tables, benchstat string) {
	r := result{workload: workload{name: name, models: "made up", unit: "msg"}}

	for _, runs := range all {
		s := series{contender: runs.Contender}
		for _, elapsed := range runs.Elapsed {
			s.samples = append(s.samples, sample{ops: ops, elapsed: elapsed, mallocs: mallocs})
		}

		r.series = append(r.series, s)
	}

	var t, b bytes.Buffer
	if err := printTables(&t, []result{r}); err != nil {
		panic(err)
	}

	printRatios(&t, []result{r})

	printBenchstat(&b, []result{r})

	return t.String(), b.String()
}

// TryAll runs every workload with every contender that does it, and calls then with each outcome.
func TryAll(ctx context.Context, count int, then func(workload, contender string, ops int, err error)) {
	for _, w := range workloads() {
		for _, c := range w.contenders() {
			s, err := measure(ctx, w, c, count)
			then(w.name, c.name(), s.ops, err)
		}
	}
}

// Flood is what a flood has shown.
type Flood struct {
	Parked, Handled int
	Heap            int64
}

// MeasureFlood floods an actor with the least a flood can have, and watches the CPU for the window.
func MeasureFlood(ctx context.Context, window time.Duration) (Flood, error) {
	f, err := measureFlood(ctx, floodLeast, window)

	return Flood{f.parked, f.handled, f.heap}, err
}

// Limits of a flood.
const (
	FloodSenders = floodSenders
	FloodLeast   = floodLeast
	FloodHeap    = floodHeap
)

func Parked(function string) int { return parked(function) }

// Check handles the given messages with a receiver of the messages 0 to count-1, and returns what it says in the end.
func Check(count int, numbers ...int) error {
	r := newReceiver("receiver", count)
	for _, n := range numbers {
		r.handle(nth(n))
	}

	return r.check()
}
