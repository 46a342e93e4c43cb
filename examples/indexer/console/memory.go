package console

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// PeakMemory returns the most memory that the process ever held, in bytes. On Linux that is the peak of its
// resident set (VmHWM), which counts the pages of a memory-mapped database that were touched. Elsewhere it is
// what the Go runtime has obtained from the system, which is an upper bound of the heap and leaves mapped
// files out. It reads one small file and does not block otherwise; safe for concurrent use.
func PeakMemory() uint64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if peak, ok := highWater(string(status)); ok {
			return peak
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Sys
}

// highWater finds the line "VmHWM:     1234 kB" in /proc/self/status.
func highWater(status string) (uint64, bool) {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "VmHWM:" || fields[2] != "kB" {
			continue
		}
		kilobytes, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil || kilobytes > 1<<53 {
			return 0, false
		}
		return kilobytes << 10, true
	}
	return 0, false
}
