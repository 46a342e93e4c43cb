package main_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	program "github.com/troupe-go/troupe/internal/bench"
)

func TestMedian(t *testing.T) {
	assert.InDelta(t, 3.0, program.Median([]float64{3}), 0)
	assert.InDelta(t, 2.5, program.Median([]float64{4, 1, 3, 2}), 0)

	values := []float64{9, 1, 5}

	assert.InDelta(t, 5.0, program.Median(values), 0)
	assert.Equal(t, []float64{9, 1, 5}, values, "the argument stays as it is")
}

func TestTablesAndRatios(t *testing.T) {
	tables, _ := program.Print("tell-1-1", 1_000_000, 250_000,
		program.Runs{Contender: "troupe", Elapsed: milliseconds(50, 40, 25)},
		program.Runs{Contender: "channel", Elapsed: milliseconds(50, 50, 20)},
		program.Runs{Contender: "protoactor", Elapsed: milliseconds(200, 120, 100)})

	assert.Equal(t, `
tell-1-1: made up
   contender  M msg/s      min–max  ns/op  allocs/op
      troupe    25.00  20.00–40.00   40.0       0.25
     channel    20.00  20.00–50.00   50.0       0.25
  protoactor     8.33   5.00–10.00  120.0       0.25
ratio tell-1-1 channel 1.25
ratio tell-1-1 protoactor 3.00
`, tables)
}

func TestWhatOursDoesAloneHasATableButNoRatio(t *testing.T) {
	tables, _ := program.Print("tell-pointer", 1_000_000, 0,
		program.Runs{Contender: "troupe", Elapsed: milliseconds(50, 40, 25)})

	assert.Contains(t, tables, "troupe    25.00  20.00–40.00   40.0       0.00\n")
	assert.NotContains(t, tables, "ratio")
}

func TestBenchstatLines(t *testing.T) {
	_, lines := program.Print("tell-1-1", 1000, 1500, program.Runs{Contender: "troupe", Elapsed: milliseconds(2, 3)})

	assert.Regexp(t, `\nBenchmarkTell11/troupe-\d+\t1000\t2000\.0 ns/op\t1\.500 allocs/op\n`, lines)
	assert.Equal(t, 2, strings.Count(lines, "\nBenchmark"))
	assert.Equal(t, "PingPong", program.Camel("ping-pong"))
}

func milliseconds(all ...int) []time.Duration {
	durations := make([]time.Duration, len(all))
	for i, n := range all {
		durations[i] = time.Duration(n) * time.Millisecond
	}

	return durations
}
