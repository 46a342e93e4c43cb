package actors

import "sync"

// maxSpares bounds the asks an actor keeps for reuse.
const maxSpares = 8

// spares are answered asks of one actor, kept so that those who ask it again and again allocate nothing. There is no
// pool for all actors, because what a channel was made in, a bubble of testing/synctest, is all it can be used in.
type spares struct {
	mu   sync.Mutex
	free []any // of *pending[R], whatever their R
}

// take returns the ask that was put in last, or nil.
func (s *spares) take() any {
	s.mu.Lock()
	defer s.mu.Unlock()

	n := len(s.free) - 1
	if n < 0 {
		return nil
	}

	p := s.free[n]
	s.free[n] = nil
	s.free = s.free[:n]

	return p
}

// put keeps an ask, if there is room.
func (s *spares) put(p any) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if len(s.free) < maxSpares {
		s.free = append(s.free, p)
	}
}
