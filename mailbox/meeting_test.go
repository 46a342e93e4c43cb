package mailbox_test

import (
	"runtime"
	"sync/atomic"
	"time"
)

// meeting is where two goroutines come together again and again, to go on from there at the same instant, as nearly as
// two processors allow. What one did before it arrived the other sees afterwards. They spin, for a wake-up takes longer
// than what they are to meet in.
type meeting struct {
	arrived atomic.Int64
	over    atomic.Bool
	end     time.Time
}

// newMeeting makes a meeting that is late after a second.
func newMeeting() *meeting { return &meeting{end: time.Now().Add(time.Second)} }

// late says that it is time to stop: where other programs use the processors, each meeting can take milliseconds.
func (m *meeting) late() bool { return time.Now().After(m.end) }

// arrive waits for the other one. It returns false when that one has left for good.
func (m *meeting) arrive() bool {
	n := m.arrived.Add(1)

	for spins := 1; m.arrived.Load() < n+n%2; spins++ { // the first of two is odd, and waits for the second
		if m.over.Load() {
			return false
		}

		if spins%10_000 == 0 {
			runtime.Gosched() // there may be one processor only
		}
	}

	return true
}

// leave ends the meeting for the other one.
func (m *meeting) leave() { m.over.Store(true) }

var lingered atomic.Int64

// linger lets about a nanosecond per step pass, by which what two goroutines do when they meet overlaps in many ways.
func linger(steps int) {
	for range steps {
		lingered.Load()
	}
}
