package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// writeBenchstat writes every sample to a file in the format of Go benchmarks, which benchstat reads. It makes the
// folder if there is none.
func writeBenchstat(path string, results []result) error {
	var b bytes.Buffer

	printBenchstat(&b, results)

	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("-benchstat: %w", err)
	}

	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("-benchstat: %w", err)
	}

	return nil
}

func printBenchstat(w io.Writer, results []result) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\npkg: github.com/troupe-go/troupe/internal/bench\n", runtime.GOOS, runtime.GOARCH)

	for _, r := range results {
		for _, s := range r.series {
			for _, one := range s.samples {
				fmt.Fprintf(w, "Benchmark%s/%s-%d\t%d\t%.1f ns/op\t%.3f allocs/op", camel(r.workload.name),
					s.contender, runtime.GOMAXPROCS(0), one.ops, one.nanoseconds(), one.allocations())

				if r.workload.holds {
					fmt.Fprintf(w, "\t%.0f B-held/op", one.bytes())
				}

				fmt.Fprintln(w)
			}
		}
	}
}

// camel turns a workload's name into that of a Go benchmark: tell-1-1 into Tell11.
func camel(name string) string {
	var b strings.Builder

	for word := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}

	return b.String()
}
