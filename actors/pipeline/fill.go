package pipeline

import "time"

// fill takes the next hand, waiting for items. If it reports false there is nothing more to come, which it says, or the
// stage halts.
func (w *worker[In, Out]) fill() (got, ended bool) {
	s := w.stage

	for !s.halting.Load() {
		if w.leftover() {
			w.own()

			return w.gather(), false
		}

		if h, ok := s.orphan(); ok {
			w.hand, w.hasTurn = h, s.ordered
			w.keeps()

			return true, false
		}

		n, ended := w.take()

		switch {
		case n > 0 && s.collect != nil:
			return w.gather(), false
		case n > 0:
			return true, false
		case ended:
			return false, true
		}

		select {
		case <-w.park:
		case <-w.ctx.Done():
			return false, false
		}
	}

	return false, false
}

// own gives the worker memory for its hands.
func (w *worker[In, Out]) own() {
	if w.chunk == nil {
		w.chunk = make([]item[In], w.stage.hand)
	}
}

// take takes what there is, at most a handful, without waiting.
func (w *worker[In, Out]) take() (n int, ended bool) {
	s := w.stage

	w.own()

	reach := min(w.reach, s.hand)
	if s.collect != nil {
		reach = s.hand
	}

	if s.ordered {
		s.mu.Lock()
		defer s.mu.Unlock()
	}

	n, ended = s.in.take(w.park, w.chunk[:reach])
	if n == 0 {
		return 0, ended
	}

	if s.ordered {
		w.hand.ticket, w.hasTurn = s.tickets, true
		s.tickets++
	}

	w.hand.chunk, w.hand.at, w.hand.tries, w.hand.crashes = w.chunk[:n], 0, 0, 0
	w.holding.Store(int64(n))
	w.batch.last = time.Now()

	return n, false
}

// rest waits for a pause. It reports false if the stage halts.
func (w *worker[In, Out]) rest(pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()

	for {
		select {
		case <-t.C:
			return true
		case <-w.park: // for nothing, or the stage halts
			if w.stage.halting.Load() {
				return false
			}
		case <-w.ctx.Done():
			return false
		}
	}
}
