package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Defaults and limits of the flags. A full run with the defaults takes about six minutes on two cores.
const (
	defaultRuns  = 9
	defaultCount = 6_000_000
	defaultFile  = ".cache/bench.txt" // make clean removes it
	minCount     = 100
	maxCount     = 1_000_000_000
	maxRuns      = 1000
)

// options are the program's flags, checked.
type options struct {
	runs      int
	count     int
	smoke     bool
	benchstat string // file to write; empty for none
	profiles  string // folder to write profiles into; empty for none
	workloads []workload
	flood     bool
}

// parseOptions reads the flags. What is wrong with them is reported at once, joined. If help is asked for it is printed
// and the error is [flag.ErrHelp].
func parseOptions(args []string, help io.Writer) (options, error) {
	var (
		o     options
		names string
	)

	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the caller reports what is wrong
	f.IntVar(&o.runs, "runs", defaultRuns, "measure every contender this many `times` per workload")
	f.IntVar(&o.count, "count", defaultCount, "send this many `messages` in a run of tell; slower workloads fewer")
	f.BoolVar(&o.smoke, "smoke", false, "run briefly, check work and allocations, measure no time")
	f.StringVar(&o.benchstat, "benchstat", defaultFile, "write every run of a comparison to `FILE`, as input for "+
		"benchstat; empty for none")
	f.StringVar(&o.profiles, "cpuprofile", "", "compare nothing, write a CPU profile of each run of Troupe into `DIR`")
	f.StringVar(&names, "workload", "", "run only these workloads, a comma-separated `list` (default all)")

	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(help)
			f.PrintDefaults()
		}

		return options{}, err
	}

	if !o.compares() && o.benchstat == defaultFile {
		o.benchstat = "" // nobody asked for it
	}

	var unknown error

	o.workloads, o.flood, unknown = selectWorkloads(names)

	return o, errors.Join(o.check(f.Args()), unknown)
}

// compares reports whether a comparison is asked for, and not another mode.
func (o options) compares() bool { return !o.smoke && o.profiles == "" }

func (o options) check(rest []string) error {
	var errs []error

	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q: there are flags only", rest[0]))
	}

	if o.runs < 1 || o.runs > maxRuns {
		errs = append(errs, fmt.Errorf("-runs: %d is out of range, must be from 1 to %d", o.runs, maxRuns))
	}

	if o.count < minCount || o.count > maxCount {
		errs = append(errs, fmt.Errorf("-count: %d is out of range, must be from %d to %d", o.count, minCount, maxCount))
	}

	if o.smoke && (o.benchstat != "" || o.profiles != "") {
		errs = append(errs, errors.New("-smoke measures nothing, so it goes with neither -benchstat nor -cpuprofile"))
	}

	if o.profiles != "" && o.flood && len(o.workloads) == 0 {
		errs = append(errs, errors.New("-cpuprofile profiles no flood, in which nothing is to happen"))
	}

	if o.benchstat != "" && o.profiles != "" {
		errs = append(errs, errors.New("-cpuprofile compares nothing, so it does not go with -benchstat"))
	}

	return errors.Join(errs...)
}

// selectWorkloads returns the named workloads, in their own order, and whether the flood is among them; all of them if
// names is empty.
func selectWorkloads(names string) (selected []workload, flood bool, err error) {
	all := workloads()
	if names == "" {
		return all, true, nil
	}

	var errs []error

	wanted := strings.Split(names, ",")

	for _, name := range wanted {
		known := name == floodName || slices.ContainsFunc(all, func(w workload) bool { return w.name == name })
		if !known {
			errs = append(errs, fmt.Errorf("-workload: there is no %q, only %s", name, workloadNames(all)))
		}
	}

	for _, w := range all {
		if slices.Contains(wanted, w.name) {
			selected = append(selected, w)
		}
	}

	return selected, slices.Contains(wanted, floodName), errors.Join(errs...)
}

func workloadNames(all []workload) string {
	names := make([]string, len(all), len(all)+1)
	for i, w := range all {
		names[i] = w.name
	}

	return strings.Join(append(names, floodName), ", ")
}
