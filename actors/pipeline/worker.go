package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
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
	op      operation[In, Out]
	park    parker
	state   atomic.Uint32
	holding atomic.Int64 // items of the hand that are unfinished
	calling atomic.Int64 // items that the function was given that runs, if it was given several
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

	// mu guards what the watch of the timeout looks at, and who fences the worker.
	mu      sync.Mutex
	timer   *time.Timer
	cancel  context.CancelCauseFunc // of the call that runs; nil if none does
	late    bool
	verdict func(error) // what the breaker is to be told
}

func newWorker[In, Out any](ctx context.Context, s *stage[In, Out], h hand[In, Out], full bool) *worker[In, Out] {
	w := &worker[In, Out]{
		stage: s, ctx: ctx, op: s.op, park: newParker(), hand: h, full: full, hasTurn: full && s.ordered, reach: 1,
		res: newResults[In, Out](len(s.outs)),
	}
	w.holding.Store(int64(len(h.chunk) - h.at))

	return w
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

		w.measure(w.i-from, time.Since(began))

		if !w.publish() || !w.divert() || !w.send() {
			return false
		}

		if w.hand.at == len(w.hand.chunk) {
			break
		}

		if s.halting.Load() || pause > 0 && !w.rest(pause) {
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
			if err := w.op(w.ctx, it, &w.res); err != nil {
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
		w.tries = 0

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

// failed deals with an error. The item is tried again after the pause, unless that is goOn.
func (w *worker[In, Out]) failed(it *item[In], err error) (pause time.Duration) {
	s := w.stage
	if s.halting.Load() && w.ctx.Err() != nil {
		return 0 // it is no fault of the item's
	}

	if pause = w.again(err); pause != goOn {
		return pause
	}

	w.res.failed = append(w.res.failed, failure[In]{*it, err, w.tries})

	if s.v.stage.Failed.kind == failPipeline {
		return 0 // it stays in hand, and nothing behind it is begun
	}

	s.leaveHole(w.res.outs)

	return goOn
}

// again returns how long to wait before another try, or goOn if there is none.
func (w *worker[In, Out]) again(err error) (pause time.Duration) {
	s := w.stage
	if s.halting.Load() && w.ctx.Err() != nil {
		return 0
	}

	w.tries++

	if s.v.stage.Retry.worth(err, w.tries) {
		s.counts.retried.Add(1)

		return max(1, s.v.stage.Retry.wait(&w.backoff))
	}

	w.backoff = nil

	return goOn
}

// timed calls the function under the stage's timeout.
func (w *worker[In, Out]) timed(it *item[In]) error {
	return w.within(func(ctx context.Context) error { return w.op(ctx, it, &w.res) })
}

func (w *worker[In, Out]) within(f func(ctx context.Context) error) error {
	timeout := w.stage.v.stage.Timeout
	if timeout == 0 {
		return f(w.ctx)
	}

	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)

	w.mu.Lock()
	w.cancel, w.late = cancel, false

	if w.timer == nil {
		w.timer = time.AfterFunc(timeout, w.overdue)
	} else {
		w.timer.Reset(timeout)
	}
	w.mu.Unlock()

	err := f(ctx)

	w.mu.Lock()
	defer w.mu.Unlock()

	w.timer.Stop()
	w.cancel = nil

	if w.late && err != nil {
		err = &TimeoutError{Stage: w.stage.path, After: timeout}
	}

	return err
}

// overdue is called when the time of an item is over, and again a tenth later.
func (w *worker[In, Out]) overdue() {
	if timeout := w.stage.v.stage.Timeout; w.stuck(timeout) {
		w.stage.abandon(w, timeout)
	}
}

// stuck ends the context of a call whose time is over, and fences the worker if it still does not return.
func (w *worker[In, Out]) stuck(timeout time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()

	switch {
	case w.cancel == nil: // it is back
		return false
	case !w.late:
		w.late = true
		w.cancel(ErrTimeout)
		w.timer.Reset(max(1, timeout/10))

		return false
	default:
		return w.state.CompareAndSwap(inside, fenced)
	}
}

// inHand returns how many items of the hand are lost with a function that does not return.
func (w *worker[In, Out]) inHand() int {
	if n := int(w.calling.Load()); n > 0 {
		return n
	}

	return len(w.hand.chunk) - w.hand.at // it is not known how far it has come
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
	w.holding.Store(int64(len(w.hand.chunk) - w.hand.at))

	for p, o := range r.outs {
		if len(w.hand.outs[p]) == 0 {
			w.hand.outs[p], r.outs[p] = o, w.hand.outs[p][:0]
		} else {
			w.hand.outs[p] = append(w.hand.outs[p], o...)
			r.outs[p] = clearAll(o)
		}

		s.counts.out.Add(uint64(len(o)))
	}

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

// reject makes a dead letter of an item that has failed, or leaves it in the hand if it is to be diverted, or both.
func (s *stage[In, Out]) reject(h *hand[In, Out], f *failure[In]) {
	timeout := isTimeout(f.err)
	if timeout {
		s.counts.timedOut.Add(1)
	}

	if s.divert != nil && !s.v.stage.Failed.letter {
		s.counts.failed.Add(1)
		h.failed = append(h.failed, *f)

		return
	}

	reason := mailbox.Failed
	if timeout {
		reason = mailbox.StageTimeout
		s.counts.dead(reason)
	} else {
		s.counts.failed.Add(1)
	}

	s.letter(f.item.value, reason, f.err, mailbox.Delivery{Attempt: max(1, f.tries)})

	if s.divert != nil {
		h.failed = append(h.failed, *f)

		return
	}

	s.run.flight.settle([]mark{f.item.mark}, nil)
}

// crashed deals with a panic, or the end of the goroutine, in the function: the item is handled again if it may be.
func (w *worker[In, Out]) crashed(v any) {
	s := w.stage
	if !w.state.CompareAndSwap(inside, outside) && w.state.Load() == fenced {
		s.cameBack() // somebody has gone on without it

		return
	}

	err := errEnded
	if v != nil {
		err = actors.NewPanicError(v)
	}

	w.judge(err)

	if w.publish() && w.i < len(w.hand.chunk) {
		w.condemn(err)
		w.publish()
	}

	s.crash(err)
	s.leave(w, w.hand, false)
}

// condemn decides what becomes of the item that the stage has crashed on.
func (w *worker[In, Out]) condemn(err error) {
	s := w.stage

	w.hand.crashes++
	if w.hand.crashes <= s.v.stage.Redeliver {
		return
	}

	reason := mailbox.Failed
	if s.v.stage.Redeliver > 0 {
		reason = mailbox.Quarantined
	}

	n := 1
	if s.collect != nil {
		n = len(w.hand.chunk) - w.i
	}

	for _, it := range w.hand.chunk[w.i : w.i+n] {
		s.letter(it.value, reason, err, mailbox.Delivery{Attempt: w.hand.crashes})
		s.run.flight.settle([]mark{it.mark}, nil)

		if reason == mailbox.Failed {
			s.counts.failed.Add(1)
		} else {
			s.counts.dead(reason)
		}
	}

	s.leaveHole(w.res.outs)

	w.i += n
	s.counts.processed.Add(^uint64(n - 1)) // publish counts them as if they were
	w.tries = 0
}
