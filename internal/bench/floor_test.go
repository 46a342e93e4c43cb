package main_test

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// The floors are what Go itself takes for a round trip between two goroutines, without a message: no design of a
// mailbox goes below. docs/performance.md speaks of them.
//
//	go test -run '^$' -bench Floor ./internal/bench

// Each starts the other and ends.
func BenchmarkFloorStart(b *testing.B) {
	over := make(chan struct{})
	left := 2 * b.N

	var step func()

	step = func() {
		left-- // one runs at a time
		if left < 0 {
			close(over)

			return
		}

		go step()
	}

	b.ResetTimer()

	go step()

	<-over
}

// Each wakes the other and waits.
func BenchmarkFloorWake(b *testing.B) {
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)

	go func() {
		defer close(back)

		for range there {
			back <- struct{}{}
		}
	}()

	b.ResetTimer()

	for range b.N {
		there <- struct{}{}

		<-back
	}

	b.StopTimer()
	close(there)

	<-back
}

// Each yields until it is its turn.
func BenchmarkFloorYield(b *testing.B) {
	var turn atomic.Int64

	over := make(chan struct{})
	end := 2 * int64(b.N)
	run := func(mine int64) {
		for n := turn.Load(); n < end; n = turn.Load() {
			if n%2 == mine {
				turn.Add(1)
			}

			runtime.Gosched()
		}

		over <- struct{}{}
	}

	b.ResetTimer()

	go run(0)
	go run(1)

	<-over
	<-over
}
