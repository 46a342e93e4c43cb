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

// profile runs Troupe alone, and writes what the CPU does in each workload to a file of its own. It is apart from the
// comparison, so that no profiler is in the figures. Setting up and stopping, which take no time worth mentioning, are
// in the profile.
func profile(ctx context.Context, o options, w io.Writer) error {
	if err := os.MkdirAll(o.profiles, 0o750); err != nil {
		return fmt.Errorf("-cpuprofile: %w", err)
	}

	for _, wl := range o.workloads {
		path := filepath.Join(o.profiles, wl.name+".pprof")
		if err := profileWorkload(ctx, wl, o, path); err != nil {
			return err
		}

		fmt.Fprintln(w, path)
	}

	return nil
}

func profileWorkload(ctx context.Context, wl workload, o options, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("-cpuprofile: %w", err)
	}

	defer func() { err = errors.Join(err, f.Close()) }()

	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("-cpuprofile: %w", err)
	}

	defer pprof.StopCPUProfile()

	for range o.runs {
		if _, err := measure(ctx, wl, troupe{}, o.count); err != nil {
			return err
		}
	}

	return nil
}
