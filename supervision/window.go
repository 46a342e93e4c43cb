package supervision

import (
	"sort"
	"time"
)

// Window is the sliding window of a [Budget]: which attempts count now. It is a plain value without a clock; time is
// an argument and must not go backwards. Not safe for concurrent use.
type Window struct {
	budget Budget
	// attempts is a ring of those that may still count, at most budget.Restarts of them; first is the oldest.
	attempts []attempt
	first    int
}

type attempt struct {
	at  time.Time
	err error
}

// NewWindow returns an empty window.
func NewWindow(b Budget) *Window { return &Window{budget: b} }

// Spend counts a restart attempt because of err. It returns nil if the budget allows it, and otherwise the failures
// that exhausted it, oldest first, err last. O(1) as long as the budget holds.
func (w *Window) Spend(now time.Time, err error) (exhausted []error) {
	if len(w.attempts) < w.budget.Restarts {
		w.attempts = append(w.attempts, attempt{now, err})

		return nil
	}

	if len(w.attempts) > 0 && now.Sub(w.attempts[w.first].at) >= w.budget.Within {
		w.attempts[w.first] = attempt{now, err}
		w.first = (w.first + 1) % len(w.attempts)

		return nil
	}

	for i := range w.attempts {
		exhausted = append(exhausted, w.attempts[(w.first+i)%len(w.attempts)].err)
	}

	return append(exhausted, err)
}

// Left returns how many attempts the budget still allows now. O(log n) in the attempts remembered.
func (w *Window) Left(now time.Time) int {
	over := sort.Search(len(w.attempts), func(i int) bool {
		return now.Sub(w.attempts[(w.first+i)%len(w.attempts)].at) < w.budget.Within
	})

	return w.budget.Restarts - (len(w.attempts) - over)
}
