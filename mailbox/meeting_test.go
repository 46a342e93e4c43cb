package mailbox_test

import (
	"runtime"
	"sync/atomic"
)

// meeting is where two goroutines go on from at the same instant, again and again, as nearly as two processors allow.
type meeting struct{ arrived atomic.Int64 }

func (m *meeting) arrive() {
	n := m.arrived.Add(1)

	for turns := 0; m.arrived.Load() < n+n%2; turns++ { // an odd one waits for the next
		if turns%1000 == 999 {
			runtime.Gosched() // there may be one processor only
		}
	}
}

var lingered atomic.Int64

// linger lets a few nanoseconds per step pass, by which two goroutines that meet do so in many ways.
func linger(steps int) {
	for range steps {
		lingered.Load()
	}
}
