package pipeline

import (
	"context"
	"time"
)

// collector is how many items a stage takes that handles several at once.
type collector[In any] struct {
	// size is how many items it takes at once, every how long it waits for so many at most; 0 does not wait at all.
	size  int
	every time.Duration
	// patient says that it waits for size items however long it takes, if every is 0.
	patient bool
	// weigh returns how many bytes an item has, if most, of a batch, is above 0.
	weigh func(v In) int
	most  int
}

// batch is what a worker knows of the items in its hand that are to be one.
type batch struct {
	items   int       // complete, to be handled next; 0 while it is being gathered
	weighed int       // items whose bytes are in weight
	weight  int       // in bytes
	last    time.Time // when the last items came
}

// gather adds items to the hand until there are as many as the stage wants at once, or it has waited for them as long
// as it does. It reports false if the stage halts; the hand is kept.
func (w *worker[In, Out]) gather() bool {
	c := w.stage.collect

	var over <-chan time.Time

	if c.every > 0 {
		t := time.NewTimer(c.every - time.Since(w.batch.last))
		defer t.Stop()

		over = t.C
	}

	w.i = w.hand.at

	for {
		w.state.Store(inside) // it calls a function

		n := w.enough()
		if !w.state.CompareAndSwap(inside, outside) {
			return false
		}

		if n > 0 {
			w.complete(n)

			return true
		}

		n, ended := w.more()
		if n > 0 {
			continue
		}

		if ended || c.every == 0 && !c.patient {
			w.complete(len(w.hand.chunk))

			return true
		}

		select {
		case <-w.park:
		case <-over:
			w.complete(len(w.hand.chunk))

			return true
		case <-w.ctx.Done():
			return false
		}

		if w.stage.halting.Load() {
			return false
		}
	}
}

// enough returns how many items of the hand are to be handled without waiting for more, or 0. It looks at each once,
// and at the one again that was too much.
func (w *worker[In, Out]) enough() int {
	c, b := w.stage.collect, &w.batch
	items := w.hand.chunk[w.hand.at:]

	for c.most > 0 && b.weighed < len(items) {
		b.weight += c.weigh(items[b.weighed].value)
		if b.weight > c.most {
			return max(1, b.weighed)
		}

		b.weighed++

		if b.weight == c.most {
			return b.weighed
		}
	}

	if len(items) >= c.size {
		return c.size
	}

	return 0
}

// complete notes that so many items of the hand are a batch.
func (w *worker[In, Out]) complete(items int) { w.batch = batch{items: items, last: w.batch.last} }

// more adds what there is to what is left of the hand, which it moves to the beginning of the worker's own memory: it
// may have come from another one.
func (w *worker[In, Out]) more() (n int, ended bool) {
	old := w.hand.chunk
	if w.hand.at > 0 || &old[0] != &w.chunk[0] {
		left := copy(w.chunk, old[w.hand.at:])
		clear(old[left:])
		w.hand.chunk, w.hand.at, w.i = w.chunk[:left], 0, 0
	}

	left := len(w.hand.chunk)
	n, ended = w.stage.in.take(w.park, w.chunk[left:min(w.stage.collect.size, len(w.chunk))])

	if n > 0 {
		w.hand.chunk = w.chunk[:left+n]
		w.holding.Store(int64(left + n))
		w.batch.last = time.Now()
	}

	return n, ended
}

// leftover reports whether the hand has items of a batch that is not complete.
func (w *worker[In, Out]) leftover() bool {
	c := w.stage.collect

	return c != nil && c.patient && w.batch.items == 0 && w.hand.at < len(w.hand.chunk)
}

// callAll is call for a stage that handles several items at once. If they fail for good, they are handled one by one.
func (w *worker[In, Out]) callAll() (pause time.Duration) {
	s := w.stage

	if w.i == len(w.hand.chunk) || w.leftover() || s.halting.Load() {
		return 0
	}

	rest := w.hand.chunk[w.i:]

	switch {
	case s.collect.patient:
		rest = rest[:w.batch.items]
	case w.single:
		rest = rest[:1]
	case s.limiter != nil:
		rest = rest[:min(len(rest), s.limiter.Burst())]
	}

	if pause = w.admitted(len(rest)); pause != goOn {
		return pause
	}

	w.calling.Store(int64(len(rest)))
	err := w.settled(func() error {
		return w.within(func(ctx context.Context) error { return w.job.all(ctx, rest, &w.res) })
	})

	switch {
	case err == nil:
		w.i += len(rest)
		w.batch.items = 0
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
