package pipeline

import (
	"context"
	"time"
)

// fill takes the next hand, waiting for items. If it reports false there is nothing more to come, which it says, or the
// stage halts.
func (w *worker[In, Out]) fill() (got, ended bool) {
	s := w.stage

	for !s.halting.Load() {
		if h, ok := s.orphan(); ok {
			w.hand, w.hasTurn = h, s.ordered
			w.holding.Store(int64(len(h.chunk) - h.at))

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

// take takes what there is, at most a handful, without waiting.
func (w *worker[In, Out]) take() (n int, ended bool) {
	s := w.stage

	if w.chunk == nil {
		w.chunk = make([]item[In], s.hand)
	}

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

	return n, false
}

// gather adds items to the hand until there are as many as the stage wants at once, or it has waited for them as long
// as it does. It reports false if the stage halts; the hand is kept.
func (w *worker[In, Out]) gather() bool {
	c := w.stage.collect

	var over <-chan time.Time

	if c.every > 0 {
		t := time.NewTimer(c.every)
		defer t.Stop()

		over = t.C
	}

	w.i = w.hand.at

	for {
		chunk := w.hand.chunk

		w.state.Store(inside) // it calls a function

		full := c.enough(chunk)
		if !w.state.CompareAndSwap(inside, outside) {
			return false
		}

		if full {
			return true
		}

		room := w.chunk[len(chunk):min(c.size, len(w.chunk))]

		n, ended := w.stage.in.take(w.park, room)
		if n > 0 {
			w.hand.chunk = w.chunk[:len(chunk)+n]
			w.holding.Store(int64(len(w.hand.chunk)))

			continue
		}

		if ended || c.every == 0 && !c.patient {
			return true
		}

		select {
		case <-w.park:
		case <-over:
			return true
		case <-w.ctx.Done():
			return false
		}

		if w.stage.halting.Load() {
			return false
		}
	}
}

// enough reports whether the items are to be handled without waiting for more.
func (c *collector[In, Out]) enough(items []item[In]) bool {
	return len(items) >= c.size || c.full != nil && c.full(items) > 0
}

// send sends on what is finished, waiting for room. It reports false if the stage halts.
func (w *worker[In, Out]) send() bool {
	if w.nothingOut() {
		return true
	}

	if w.hasTurn && !w.awaitTurn() {
		return false
	}

	if w.stage.balance {
		return w.sendBalanced()
	}

	// A stage with several outputs gives all of them a handful before it takes the next, and no queue it leads to is
	// smaller than that, if every item goes to all. So what a zip behind still waits for is never what is held here.
	for p, q := range w.stage.outs {
		for len(w.hand.outs[p]) > 0 {
			if !w.put(p, q, len(w.hand.outs[p])) && !w.parked() {
				return false
			}
		}
	}

	return true
}

// divert sends on what has failed and is to be diverted, waiting for room. It reports false if the stage halts.
func (w *worker[In, Out]) divert() bool {
	s := w.stage

	for k := range w.hand.failed {
		for !s.divert.put(w.park, &w.hand.failed[k], s.path) {
			if !w.parked() {
				w.hand.failed = w.hand.failed[k:]

				return false
			}
		}
	}

	w.hand.failed = clearAll(w.hand.failed)

	return true
}

func (w *worker[In, Out]) nothingOut() bool {
	for _, o := range w.hand.outs {
		if len(o) > 0 {
			return false
		}
	}

	return true
}

// put puts up to n items of output p into a queue, and reports whether all of them went. If nothing is taken in there
// any more they go back to their source.
func (w *worker[In, Out]) put(p int, q *queue[Out], n int) bool {
	o := w.hand.outs[p]

	done := q.put(w.park, o[:n])
	if done < 0 {
		for i := range o[:n] {
			w.stage.run.flight.settle([]mark{o[i].mark}, ErrStopped)
		}

		done = n
	}

	left := copy(o, o[done:])
	clear(o[left:])
	w.hand.outs[p] = o[:left]

	return done == n
}

// parked waits to be woken. It reports false if the stage halts.
func (w *worker[In, Out]) parked() bool {
	if w.stage.halting.Load() {
		return false
	}

	select {
	case <-w.park:
	case <-w.ctx.Done():
		return false
	}

	return !w.stage.halting.Load()
}

// sendBalanced sends each part of what is finished to the output with most room.
func (w *worker[In, Out]) sendBalanced() bool {
	for len(w.hand.outs[0]) > 0 {
		best, room := 0, 0
		for p, q := range w.stage.outs {
			if r := q.room(); r > room {
				best, room = p, r
			}
		}

		n := min(len(w.hand.outs[0]), max(1, room/len(w.stage.outs)))
		if w.put(0, w.stage.outs[best], n) {
			continue
		}

		for _, q := range w.stage.outs { // whichever has room first
			q.await(w.park)
		}

		if !w.parked() {
			return false
		}
	}

	return true
}

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

// callAll is call for a stage that handles several items at once. If they fail for good, they are handled one by one.
func (w *worker[In, Out]) callAll() (pause time.Duration) {
	s := w.stage

	if w.i == len(w.hand.chunk) {
		return 0
	}

	rest := w.hand.chunk[w.i:]
	if w.single {
		rest = rest[:1]
	} else if s.collect.full != nil {
		if n := s.collect.full(rest); n > 0 {
			rest = rest[:n]
		}
	}

	if s.limiter != nil && !s.collect.patient {
		rest = rest[:min(len(rest), s.limiter.Burst())]
	}

	if pause = w.admitted(len(rest)); pause != goOn {
		return pause
	}

	w.calling.Store(int64(len(rest)))
	err := w.settled(func() error {
		return w.within(func(ctx context.Context) error { return s.collect.handle(ctx, rest, &w.res) })
	})
	w.calling.Store(0)

	switch {
	case err == nil:
		w.i += len(rest)
		w.tries = 0
	case len(rest) > 1:
		if pause = w.again(err); pause == goOn {
			w.single, w.tries = true, 0
		}
	default:
		if pause = w.failed(&rest[0], err); pause == goOn {
			w.i++
			w.tries = 0
		}
	}

	return max(0, pause)
}
