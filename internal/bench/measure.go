package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// patience is how long a run may take before it counts as hung.
const patience = 5 * time.Minute

var errHung = fmt.Errorf("the run is not over after %v", patience)

// sample is what one run of a workload by one contender took.
type sample struct {
	ops     int
	elapsed time.Duration
	mallocs uint64 // of the whole process, in which nothing else runs meanwhile
	held    int64  // live heap and stacks afterwards, above those before, in bytes; 0 for a workload that holds nothing
}

// result holds the samples of a workload, by contender in the order of contenders.
type result struct {
	workload workload
	series   []series
}

// series is what one contender has made of a workload: a sample per run.
type series struct {
	contender string
	samples   []sample
}

// measureAll measures every workload with every contender that does it, all of them once in each run.
func measureAll(ctx context.Context, o options) ([]result, error) {
	results := newResults(o.workloads)

	for run := range o.runs {
		for i := range results {
			if err := measureRound(ctx, &results[i], run, o.count); err != nil {
				return nil, err
			}
		}
	}

	return results, nil
}

func newResults(selected []workload) []result {
	results := make([]result, len(selected))

	for i, w := range selected {
		all := w.contenders()
		results[i] = result{workload: w, series: make([]series, len(all))}

		for j, c := range all {
			results[i].series[j].contender = c.name()
		}
	}

	return results
}

// measureRound adds a sample to every contender's series. Each run begins with another contender, so that none always
// follows the same one.
func measureRound(ctx context.Context, r *result, run, count int) error {
	all := r.workload.contenders()

	for k := range all {
		i := (run + k) % len(all)

		s, err := measure(ctx, r.workload, all[i], count)
		if err != nil {
			return err
		}

		r.series[i].samples = append(r.series[i].samples, s)
	}

	return nil
}

// measure times one run of a workload by a contender, and checks that exactly what was sent was handled. The clock runs
// from the first message sent to the last one handled: setting up, collecting garbage and stopping are not in it.
func measure(ctx context.Context, w workload, c contender, count int) (sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errHung)
	defer cancel()

	if err := ctx.Err(); err != nil {
		return sample{}, err
	}

	ops := w.ops(count)

	t, err := w.prepare(ctx, c, ops)
	if err != nil {
		return sample{}, fmt.Errorf("%s, %s: %w", w.name, c.name(), err)
	}

	s := sample{ops: ops}
	rest := footprint()
	before := mallocs()
	begin := time.Now()
	err = t.run()
	s.elapsed = time.Since(begin)
	s.mallocs = mallocs() - before

	if w.holds {
		s.held = footprint() - rest
	}

	if err = errors.Join(err, t.stop()); err == nil {
		err = t.check()
	}

	if err != nil {
		return sample{}, fmt.Errorf("%s, %s: %w", w.name, c.name(), err)
	}

	return s, nil
}

// mallocs returns how many heap objects the process has ever allocated.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)

	return m.Mallocs
}

// footprint returns the bytes of reachable objects and of goroutines' stacks. It collects twice, because what lies in a
// pool survives once.
func footprint() int64 {
	runtime.GC()
	runtime.GC()

	var m runtime.MemStats
	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // far below the limit
}
