package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profile runs Troupe alone, and writes what the CPU does while the clock runs to a file for each run. It is apart from
// the comparison, so that no profiler is in the figures. One workload's files can be given to go tool pprof together.
func profile(ctx context.Context, o options, w io.Writer) error {
	if err := os.MkdirAll(o.profiles, 0o750); err != nil {
		return fmt.Errorf("-cpuprofile: %w", err)
	}

	for _, wl := range o.workloads {
		for run := range o.runs {
			path := filepath.Join(o.profiles, fmt.Sprintf("%s-%d.pprof", wl.name, run+1))
			if _, err := measure(ctx, profiled(wl, path), troupe{}, o.count); err != nil {
				return err
			}

			fmt.Fprintln(w, path)
		}
	}

	return nil
}

// profiled returns the workload with a profile of its run, without what is set up before and stopped behind it.
func profiled(wl workload, path string) workload {
	prepare := wl.prepare
	wl.prepare = func(ctx context.Context, c contender, ops int) (*trial, error) {
		t, err := prepare(ctx, c, ops)
		if err != nil {
			return nil, err
		}

		run := t.run
		t.run = func() error { return profileRun(run, path) }

		return t, nil
	}

	return wl
}

func profileRun(run func() error, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("-cpuprofile: %w", err)
	}

	defer func() { err = errors.Join(err, f.Close()) }()

	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("-cpuprofile: %w", err), run()) // what is to stop must have run
	}

	defer pprof.StopCPUProfile()

	return run()
}
