package pipeline

// awaitTurn waits until everything before the hand is sent on. It reports false if the stage halts.
func (w *worker[In, Out]) awaitTurn() bool {
	s := w.stage

	for {
		s.mu.Lock()
		mine := s.turn == w.hand.ticket

		if !mine {
			s.turns = append(without(s.turns, w.park), w.park)
		}

		s.mu.Unlock()

		if mine {
			return true
		}

		if !w.parked() {
			return false
		}
	}
}

// next gives up the turn, if the stage keeps the order, and the hand.
func (w *worker[In, Out]) next() {
	s := w.stage
	clear(w.hand.chunk)
	w.hand.chunk, w.hand.at = nil, 0
	w.single = false

	if !w.hasTurn {
		return
	}

	if !w.awaitTurn() {
		return // the turn stays with the hand
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	s.turn++
	w.hasTurn = false

	for _, p := range s.turns {
		signal(p)
	}

	s.turns = s.turns[:0]
}
