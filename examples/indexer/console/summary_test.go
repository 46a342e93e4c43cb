package console_test

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/console"
)

func ExampleSummary_WriteTo() {
	_, err := console.Summary{
		Files: 7667, Symbols: 319977, Restarts: 3,
		DeadLetters:    map[string]int{"stopping": 2, "failed": 44},
		FilesPerSecond: 2581.4, PeakMemory: 127 << 20, Duration: 2971 * time.Millisecond,
	}.WriteTo(os.Stdout)
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// files         7,667
	// symbols       319,977
	// restarts      3
	// dead letters  46
	//   failed      44
	//   stopping    2
	// duration      2.97s
	// speed         2,581 files/s
	// peak memory   127.0 MiB
	// unaccounted   0
}

func TestSummaryReportsWhatWasWrittenAndWhy(t *testing.T) {
	var out strings.Builder
	n, err := console.Summary{}.WriteTo(&out)
	require.NoError(t, err)
	assert.EqualValues(t, out.Len(), n)

	n, err = console.Summary{}.WriteTo(broken{})
	require.ErrorIs(t, err, errBroken)
	assert.Zero(t, n)
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		assert.Equal(t, want, console.Count(n))
	}
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		5 << 30: "5.0 GiB", math.MaxUint64: "16.0 EiB",
	} {
		assert.Equal(t, want, console.Bytes(n))
	}
	for r, want := range map[float64]string{
		0: "0.0 files/s", 12.34: "12.3 files/s", 99.96: "100 files/s", 2581.4: "2,581 files/s",
		math.Inf(1): "-", math.NaN(): "-", -1: "-",
	} {
		assert.Equal(t, want, console.Rate(r))
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Nanosecond: "1µs", 12345 * time.Microsecond: "12ms",
		2971 * time.Millisecond: "2.97s", 61234 * time.Millisecond: "1m1s",
	} {
		assert.Equal(t, want, console.Duration(d))
	}
}

func TestHighWater(t *testing.T) {
	for status, want := range map[string]uint64{
		"Name:\tgo\nVmPeak:\t  99 kB\nVmHWM:\t     1234 kB\nVmRSS:\t 7 kB\n": 1234 << 10,
		"VmHWM:\t1 kB": 1 << 10,
	} {
		got, ok := console.HighWater(status)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	for _, status := range []string{
		"", "VmRSS: 7 kB\n", "VmHWM: kB\n", "VmHWM: -1 kB\n", "VmHWM: 1 MB\n", "VmHWM: 99999999999999999 kB\n",
	} {
		_, ok := console.HighWater(status)
		assert.False(t, ok, status)
	}
}

func TestPeakMemoryDoesNotFall(t *testing.T) {
	before := console.PeakMemory()
	assert.Greater(t, before, uint64(1<<20))
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	during := console.PeakMemory()
	runtime.KeepAlive(ballast)
	assert.GreaterOrEqual(t, during, before)
	assert.GreaterOrEqual(t, console.PeakMemory(), during)
}
