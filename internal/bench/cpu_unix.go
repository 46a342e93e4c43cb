//go:build unix

package main

import (
	"math"
	"syscall"
	"time"
)

// cpuSeconds returns the CPU time that the process has used so far, its own and the kernel's for it.
func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return math.NaN()
	}

	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}
