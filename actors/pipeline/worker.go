package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// What a worker's state word says. Outside it works on its hand; inside it calls functions and keeps its hands off, so
// that who must go on without it can take the hand by making the word fenced.
const (
	outside uint32 = iota
	inside
	fenced
)

// worker is one goroutine of a stage.
type worker[In, Out any] struct {
	stage   *stage[In, Out]
	ctx     context.Context
	job     job[In, Out]
	park    parker
	state   atomic.Uint32
	holding atomic.Int64 // items of the hand that are unfinished
	owing   atomic.Bool  // the hand has what is finished and not yet sent on
	calling atomic.Int64 // items that the function was given, if it was given several, until the worker is outside again
	hand    hand[In, Out]
	hasTurn bool // the hand has a ticket that was not given up
	full    bool // it has begun with a hand

	// The rest is the worker's own.

	res     results[In, Out]
	i       int  // the item it is at
	granted bool // the rate allows it
	single  bool // items are handled one by one that failed together
	tries   int
	backoff *backoff.ExponentialBackOff
	chunk   []item[In] // memory for the next hand
	reach   int        // how many items it takes at a time, so that a handful takes no long time
	batch   batch

	// mu guards what the watch of the timeout looks at, and who fences the worker.
	mu      sync.Mutex
	timer   *time.Timer
	cancel  context.CancelCauseFunc // of the call that runs; nil if none does
	late    bool
	due     time.Time   // when the timer has something to say; what comes before that was meant for a call that is over
	verdict func(error) // what the breaker is to be told
}

func newWorker[In, Out any](ctx context.Context, s *stage[In, Out], h hand[In, Out], full bool) *worker[In, Out] {
	w := &worker[In, Out]{
		stage: s, ctx: ctx, job: s.job, park: newParker(), hand: h, full: full, hasTurn: full && s.ordered, reach: 1,
		res: newResults[In, Out](len(s.outs)),
	}
	w.keeps()

	return w
}

// keeps makes known how much there is of the hand. What is owed is known before it is not held any more.
func (w *worker[In, Out]) keeps() {
	w.owing.Store(len(w.hand.failed) > 0 || !w.nothingOut())
	w.holding.Store(int64(len(w.hand.chunk) - w.hand.at))
}

// work is the goroutine.
func (w *worker[In, Out]) work() {
	s := w.stage
	returned, ended := false, false

	defer func() {
		if returned {
			if w.state.Load() != fenced {
				s.leave(w, w.hand, ended)
			} else {
				s.cameBack()
			}

			return
		}

		w.crashed(recover())
	}()

	ended = w.loop()
	returned = true
}

// loop works until there is nothing more to come, or the stage halts. It reports which.
func (w *worker[In, Out]) loop() (ended bool) {
	for {
		if !w.full {
			got, ended := w.fill()
			if !got {
				return ended
			}
		}

		w.full = false

		if !w.handle() {
			return false
		}
	}
}

// handle handles a hand. It reports whether to go on.
func (w *worker[In, Out]) handle() bool {
	s := w.stage
	w.i, w.tries = w.hand.at, w.hand.tries

	for {
		began := time.Now()
		from := w.i

		w.state.Store(inside)
		pause := w.call()

		if !w.state.CompareAndSwap(inside, outside) {
			return false
		}

		w.calling.Store(0) // not before: who fences the worker looks at it
		w.measure(w.i-from, time.Since(began))

		if !w.publish() || !w.divert() || !w.send() {
			return false
		}

		w.owing.Store(false)

		if w.leftover() {
			return true
		}

		if w.hand.at == len(w.hand.chunk) {
			break
		}

		if s.halting.Load() || w.ctx.Err() != nil || pause > 0 && !w.rest(pause) {
			return false
		}
	}

	w.next()

	return true
}

// call calls the stage's functions until the hand is done, or there is a reason to look up.
func (w *worker[In, Out]) call() (pause time.Duration) {
	s := w.stage
	chunk := w.hand.chunk

	if s.collect != nil {
		return w.callAll()
	}

	plain := s.limiter == nil && s.breaker == nil && s.v.stage.Timeout == 0

	for w.i < len(chunk) && !s.halting.Load() && w.state.Load() == inside {
		it := &chunk[w.i]

		switch {
		case it.mark.hole():
			s.leaveHole(w.res.outs)
		case plain:
			if err := w.job.one(w.ctx, it, &w.res); err != nil {
				if pause = w.failed(it, err); pause != goOn {
					return pause
				}
			}
		default:
			if pause = w.guarded(it); pause != goOn {
				return pause
			}
		}

		w.i++
		w.begin()

		if s.v.kind == freeKind && len(w.res.outs[0]) >= s.hand {
			return 0 // what is emitted is sent on before there is more
		}
	}

	return 0
}

// goOn is the pause of a worker that makes none. One of 0 is to look up only.
const goOn time.Duration = -1

// guarded handles an item under the limits of the stage.
func (w *worker[In, Out]) guarded(it *item[In]) (pause time.Duration) {
	if pause = w.admitted(1); pause != goOn {
		return pause
	}

	if err := w.settled(func() error { return w.timed(it) }); err != nil {
		return w.failed(it, err)
	}

	return goOn
}

// measure counts what was handled, and takes as much next time as can be done soon.
func (w *worker[In, Out]) measure(n int, took time.Duration) {
	if n == 0 {
		return
	}

	each := took / time.Duration(n)
	w.stage.counts.latency(each, n)

	if w.stage.collect != nil {
		return
	}

	switch {
	case took > handTime && each > 0:
		w.reach = max(1, int(handTime/each))
	case n >= w.reach:
		w.reach = min(2*w.reach, w.stage.hand)
	}
}

// handTime is about how long a worker works on before it passes results on.
const handTime = 50 * time.Microsecond

// publish makes what was done known. It reports whether the stage goes on.
func (w *worker[In, Out]) publish() bool {
	s := w.stage
	r := &w.res

	if len(r.forks) > 0 {
		s.run.flight.fork(r.forks, 1)
		r.forks = clearAll(r.forks)
	}

	s.run.flight.settle(r.done, nil)
	r.done = clearAll(r.done)

	fatal := s.v.stage.Failed.kind == failPipeline && len(r.failed) > 0
	n := w.i - w.hand.at

	if !fatal {
		for k := range r.failed {
			s.reject(&w.hand, &r.failed[k])
		}

		s.counts.processed.Add(uint64(n - len(r.failed))) //nolint:gosec // not negative
	} else {
		s.counts.processed.Add(uint64(n)) //nolint:gosec // not negative
	}

	if n > 0 {
		w.hand.crashes = 0
	}

	w.hand.at, w.hand.tries = w.i, w.tries

	for p, o := range r.outs {
		if len(w.hand.outs[p]) == 0 {
			w.hand.outs[p], r.outs[p] = o, w.hand.outs[p][:0]
		} else {
			w.hand.outs[p] = append(w.hand.outs[p], o...)
			r.outs[p] = clearAll(o)
		}

		s.counts.out.Add(uint64(len(o)))
	}

	w.keeps()

	if fatal {
		s.fail(r.failed[0].err)
	}

	r.failed = clearAll(r.failed)

	return !fatal
}

func clearAll[T any](s []T) []T {
	clear(s)

	return s[:0]
}
