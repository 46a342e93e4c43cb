package pipeline

import (
	"context"
	"time"
)

// collector is what a stage does that handles several items at once.
type collector[In, Out any] struct {
	// size is how many items it takes at once, every how long it waits for so many at most; 0 does not wait at all.
	size  int
	every time.Duration
	// patient says that it waits for size items however long it takes, if every is 0.
	patient bool
	// full reports how many of the items are enough, or 0.
	full func(items []item[In]) int
	// handle handles them.
	handle func(ctx context.Context, items []item[In], res *results[In, Out]) error
}

// enough reports whether the items are to be handled without waiting for more.
func (c *collector[In, Out]) enough(items []item[In]) bool {
	return len(items) >= c.size || c.full != nil && c.full(items) > 0
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
		w.begin()
	case len(rest) > 1:
		if pause = w.again(err); pause == goOn {
			w.single = true
			w.begin()
		}
	default:
		if pause = w.failed(&rest[0], err); pause == goOn {
			w.i++
			w.begin()
		}
	}

	return max(0, pause)
}
