//go:build !unix

package main

import "math"

// cpuSeconds returns NaN: the standard library does not tell here.
func cpuSeconds() float64 { return math.NaN() }
