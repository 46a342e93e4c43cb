package system

import (
	"runtime"
	"sync"
)

// worthAGoroutine is how many actors are looked at in more time than a goroutine takes to start.
const worthAGoroutine = 1_000

// onAllCores calls do for parts of a range that are side by side, each on a goroutine, and returns when all are done.
func onAllCores(count int, do func(from, to int)) {
	parts := max(1, min(runtime.GOMAXPROCS(0), count/worthAGoroutine))

	var all sync.WaitGroup

	for i := 1; i < parts; i++ {
		all.Go(func() { do(i*count/parts, (i+1)*count/parts) })
	}

	do(0, count/parts)
	all.Wait()
}
