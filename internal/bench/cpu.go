package main

import (
	"context"
	"math"
	"time"
)

// cpuShare returns how much CPU the process uses in a window of time from now, in per cent of one core. It is NaN if
// the window is 0, or where the system does not tell.
func cpuShare(ctx context.Context, window time.Duration) (float64, error) {
	if window == 0 {
		return math.NaN(), nil
	}

	over := time.NewTimer(window)
	defer over.Stop()

	begin, before := time.Now(), cpuSeconds()

	select {
	case <-over.C:
		return 100 * (cpuSeconds() - before) / time.Since(begin).Seconds(), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}
