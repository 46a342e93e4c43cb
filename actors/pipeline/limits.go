package pipeline

import "time"

// admitted returns how long the limits of the stage keep it from beginning with n items, or goOn.
func (w *worker[In, Out]) admitted(n int) (pause time.Duration) {
	s := w.stage

	if s.limiter != nil && !w.granted {
		w.granted = true
		if d := s.reserve(n); d > 0 {
			return d
		}
	}

	if s.breaker != nil {
		done, err := s.breaker.Allow()
		if err != nil {
			return breakerPoll
		}

		w.mu.Lock()
		w.verdict = done
		w.mu.Unlock()
	}

	w.granted = false

	return goOn
}

// reserve takes so many items from the rate and returns how long to wait for them. A batch can have more of them than
// there can be at once.
func (s *stage[In, Out]) reserve(n int) (pause time.Duration) {
	for n > 0 {
		k := min(n, s.limiter.Burst())
		pause = s.limiter.ReserveN(time.Now(), k).Delay()
		n -= k
	}

	return pause
}

// settled calls f and tells the breaker how it went.
func (w *worker[In, Out]) settled(f func() error) error {
	err := f()
	w.judge(err)

	return err
}

// judge tells the breaker how a call went, once. A breaker that lets one item through waits for that.
func (w *worker[In, Out]) judge(err error) {
	w.mu.Lock()
	verdict := w.verdict
	w.verdict = nil
	w.mu.Unlock()

	if verdict != nil {
		verdict(err)
	}
}

// breakerPoll is how often a worker asks a breaker that is open.
const breakerPoll = 10 * time.Millisecond
