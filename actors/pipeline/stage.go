package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// operation is what a stage does with one item.
type operation[In, Out any] func(ctx context.Context, it *item[In], res *results[In, Out]) error

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

// stage is a running stage: its queue, its workers and what it has counted, across all incarnations of its actor.
type stage[In, Out any] struct {
	v     *vertex
	run   *run
	path  string
	in    inflow[In]
	queue *queue[In] // in, unless that is something else
	outs  []*queue[Out]
	// made makes what the stage does, for every incarnation.
	made    func(in supervision.Deps) (operation[In, Out], error)
	collect *collector[In, Out]
	// opens and closes what the stage works with; nil if there is nothing.
	opens, closes func(ctx context.Context) error
	// balance sends each item to the output with most room.
	balance bool
	divert  diverter[In]
	pairs   interface{ halves(s *mailbox.Stats) } // of a zip; else nil

	op      operation[In, Out]
	ordered bool
	hand    int
	limiter *rate.Limiter
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	counts  counters
	halting atomic.Bool
	letter  func(item any, reason mailbox.Reason, cause error, at mailbox.Delivery)

	mu        sync.Mutex
	ctx       context.Context
	workers   []*worker[In, Out] // that are to go on with what they do
	orphans   []hand[In, Out]    // of workers that have gone, by ticket
	left      int                // workers that were abandoned and have not returned
	tickets   uint64
	turn      uint64
	turns     []parker
	crashed   chan struct{} // closed when the stage has failed
	failure   error         // why, until somebody has taken it
	gone      chan struct{} // closed when the last worker goes, if somebody waits
	over      chan struct{} // closed when there is nothing more to do, ever
	isOver    bool
	dropping  bool // the stage has ended for good
	dropCause error
	reason    mailbox.Reason
}

// inflow is what a stage takes its items from.
type inflow[T any] interface {
	take(p parker, dst []item[T]) (n int, ended bool)
	end()
	forget(p parker)
	drop(reason mailbox.Reason, cause error) []item[T]
	counts() (waiting int, accepted uint64)
}

// newStage makes a stage that takes from its one queue.
func newStage[In, Out any](r *run, v *vertex, made func(supervision.Deps) (operation[In, Out], error)) *stage[In, Out] {
	s := &stage[In, Out]{
		v: v, run: r, path: v.path(r.path), queue: queueOf[In](r, v, 0), outs: outlets[Out](r, v), made: made,
		hand: v.hand(), over: make(chan struct{}), ordered: v.workers() > 1 && v.stage.Order != AsCompleted,
	}
	s.in = s.queue

	if s.queue != nil {
		s.queue.lose = s.loseAll
	}

	if l := v.stage.Rate; l.PerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(l.PerSecond), max(1, l.Burst))
	}

	if b := v.stage.Breaker; b.Failures > 0 {
		s.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Name: s.path, Timeout: b.Open,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= b.Failures },
		})
	}

	if d := v.stage.Failed.divert; d != nil {
		s.divert, _ = d.queue(r).(diverter[In])
	}

	return s
}

// child declares the actor of the stage.
func (s *stage[In, Out]) child(spec supervision.Spec) (supervision.Child, member) {
	return supervision.Holding(s.v.name, func(in supervision.Deps) (*stageActor[In, Out], error) {
		op, err := s.made(in)

		return &stageActor[In, Out]{stage: s, op: op}, err
	}, spec, s), s
}

// stageActor is one incarnation of a stage's actor. Its messages are items that come from nowhere else: replayed dead
// letters.
type stageActor[In, Out any] struct {
	stage  *stage[In, Out]
	op     operation[In, Out]
	opened bool
}

// Start opens what the stage works with and starts its workers.
func (a *stageActor[In, Out]) Start(ctx *actors.Context[In]) error {
	s := a.stage
	if err := s.run.flight.failed(); err != nil {
		return err
	}

	if s.opens != nil {
		if err := s.opens(ctx); err != nil {
			return err
		}
	}

	a.opened = true
	s.start(ctx, a.op)

	return ctx.Go(a.watch)
}

// watch fails the actor when a worker has crashed.
func (a *stageActor[In, Out]) watch(ctx context.Context) error {
	select {
	case <-a.stage.crashed:
		return a.stage.takeFailure()
	case <-ctx.Done():
		return nil
	}
}

// Receive puts a message into the queue, as what no source waits for.
func (a *stageActor[In, Out]) Receive(ctx *actors.Context[In], m In) error {
	select {
	case <-a.stage.over: // nobody works any more
		a.stage.letter(m, mailbox.Stopped, ErrStopped, mailbox.Delivery{})

		return nil
	default:
	}

	p := newParker()
	items := []item[In]{{value: m}}

	for {
		switch n := a.stage.queue.put(p, items); {
		case n < 0:
			return mailbox.ErrStopped
		case n > 0:
			return nil
		}

		select {
		case <-p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Drain waits until the workers have worked off everything: nothing can come any more.
func (a *stageActor[In, Out]) Drain(ctx context.Context) error {
	s := a.stage
	s.in.end()

	select {
	case <-s.over:
		return nil
	case <-s.crashed:
		return s.takeFailure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the workers, and then what they work with.
func (a *stageActor[In, Out]) Close(ctx context.Context) error {
	if !a.opened {
		return nil
	}

	a.stage.halt(ctx)

	if a.stage.closes != nil {
		return a.stage.closes(ctx)
	}

	return nil
}

// start starts the workers under the context of an incarnation.
func (s *stage[In, Out]) start(ctx context.Context, op operation[In, Out]) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.ctx, s.op, s.crashed, s.failure = ctx, op, make(chan struct{}), nil
	s.halting.Store(false)

	if s.isOver {
		return
	}

	for range s.v.workers() {
		s.hire(hand[In, Out]{outs: make([][]item[Out], len(s.outs))}, false)
	}
}

// hire starts a worker with a hand that it is to go on with. Called with mu held.
func (s *stage[In, Out]) hire(h hand[In, Out], full bool) {
	w := newWorker(s.ctx, s, h, full)
	s.workers = append(s.workers, w)
	s.run.crew.run(s.path, w.work)
}

// halt ends the workers of an incarnation and waits for them. Those that do not return in time are fenced.
func (s *stage[In, Out]) halt(ctx context.Context) {
	s.halting.Store(true)

	s.mu.Lock()

	gone := make(chan struct{})
	if len(s.workers) == 0 {
		close(gone)
	} else {
		s.gone = gone
		for _, w := range s.workers {
			signal(w.park)
		}
	}

	s.mu.Unlock()

	select {
	case <-gone:
	case <-ctx.Done():
		s.fence(mailbox.Abandoned, ctx.Err(), nil)
	}
}

// fence takes what they have in hand from workers that do not return. What they are at is dead letters, and for its
// source that, or given back with an error.
func (s *stage[In, Out]) fence(reason mailbox.Reason, cause, ack error) (stuck bool) {
	s.mu.Lock()
	all := slices.Clone(s.workers)
	s.mu.Unlock()

	for _, w := range all {
		if !w.state.CompareAndSwap(inside, fenced) {
			continue // it is not in a function, and comes back of itself
		}

		stuck = true
		h := w.hand
		lost := h.chunk[h.at:min(len(h.chunk), h.at+w.inHand())]
		h.chunk, h.at = slices.Clone(h.chunk[h.at+len(lost):]), 0

		for i := range lost {
			s.lose(&lost[i], reason, cause, h.tries, ack)
		}

		w.judge(cause)
		s.mu.Lock()
		s.left++
		s.mu.Unlock()
		s.leave(w, h, false)
	}

	return stuck
}

// lose makes a letter of an item that the stage will not handle. If ack is an error the item is given back to its
// source.
func (s *stage[In, Out]) lose(it *item[In], reason mailbox.Reason, cause error, tries int, ack error) {
	if !it.mark.hole() {
		s.counts.dead(reason)
		s.letter(it.value, reason, cause, mailbox.Delivery{Attempt: tries + 1})
	} else {
		s.counts.processed.Add(1)
	}

	s.run.flight.settle([]mark{it.mark}, ack)
}

// loseAll makes letters of items that were on their way to the stage.
func (s *stage[In, Out]) loseAll(items []item[In], reason mailbox.Reason, cause error) {
	for i := range items {
		s.lose(&items[i], reason, cause, 0, ErrStopped)
	}
}

// leave is what a worker does last, or who has fenced it: what is left of its hand is for another one.
func (s *stage[In, Out]) leave(w *worker[In, Out], h hand[In, Out], ended bool) {
	s.forget(w)
	s.mu.Lock()

	i := slices.Index(s.workers, w)
	if i < 0 {
		s.mu.Unlock()

		return
	}

	s.workers = slices.Delete(s.workers, i, i+1)

	dropped := s.dropping
	if !h.empty() || w.hasTurn {
		s.orphans = append(s.orphans, h)
		slices.SortStableFunc(s.orphans, func(a, b hand[In, Out]) int { return cmp.Compare(a.ticket, b.ticket) })
	}

	if len(s.workers) == 0 && s.gone != nil {
		close(s.gone)
		s.gone = nil
	}

	finished := ended && len(s.workers) == 0 && len(s.orphans) == 0 && !s.isOver
	s.isOver = s.isOver || finished
	s.mu.Unlock()

	if finished {
		s.finish()
	}

	if dropped {
		s.Drop(s.reason, s.dropCause)
	}
}

// forget wakes a worker no more that takes and puts nothing any more: what is meant for those who wait must not go to
// it.
func (s *stage[In, Out]) forget(w *worker[In, Out]) {
	s.in.forget(w.park)

	for _, q := range s.outs {
		q.forget(w.park)
	}

	if s.divert != nil {
		s.divert.forget(w.park)
	}
}

// finish tells those behind that there is nothing more to come.
func (s *stage[In, Out]) finish() {
	for _, q := range s.outs {
		q.done()
	}

	if s.divert != nil {
		s.divert.done()
	}

	close(s.over)
}

// orphan gives a worker a hand that somebody has left.
func (s *stage[In, Out]) orphan() (h hand[In, Out], ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if len(s.orphans) == 0 {
		return h, false
	}

	h = s.orphans[0]
	s.orphans = slices.Delete(s.orphans, 0, 1)

	return h, true
}

// crash fails the actor.
func (s *stage[In, Out]) crash(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.halting.Store(true)

	if s.failure == nil {
		s.failure = err

		select {
		case <-s.crashed:
		default:
			close(s.crashed)
		}
	}

	for _, w := range s.workers {
		signal(w.park)
	}
}

func (s *stage[In, Out]) takeFailure() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	err := s.failure
	s.failure = nil

	return err
}

// fail fails the pipeline.
func (s *stage[In, Out]) fail(err error) {
	f := &FailedError{Stage: s.path, Err: err}
	s.run.flight.fail(f)
	s.crash(f)
}

// Mount implements node.Holder.
func (s *stage[In, Out]) Mount(letter func(item any, r mailbox.Reason, cause error, at mailbox.Delivery)) {
	s.letter = letter
}

// Stats implements node.Holder.
func (s *stage[In, Out]) Stats() mailbox.Stats {
	st := s.counts.stats()
	each := 1

	if s.pairs != nil {
		s.pairs.halves(&st)

		each = 2
	}

	waiting, accepted := s.in.counts()
	st.Accepted = accepted

	s.mu.Lock()
	defer s.mu.Unlock()

	for i := range s.orphans {
		waiting += each * (len(s.orphans[i].chunk) - s.orphans[i].at)
	}

	for _, w := range s.workers {
		waiting += each * int(w.holding.Load())
	}

	st.Queued = uint64(waiting) //nolint:gosec // not negative

	return st
}

// Drop implements node.Holder.
func (s *stage[In, Out]) Drop(reason mailbox.Reason, cause error) bool {
	s.mu.Lock()
	s.dropping, s.reason, s.dropCause = true, reason, cause
	s.halting.Store(true)
	orphans := s.orphans
	s.orphans = nil

	for _, w := range s.workers {
		signal(w.park)
	}
	s.mu.Unlock()

	left := s.in.drop(reason, cause)
	lost := len(left) > 0

	s.loseAll(left, reason, cause)

	for _, h := range orphans {
		lost = lost || !h.empty()
		s.loseAll(h.chunk[h.at:], reason, cause)

		for i := range h.failed {
			s.run.flight.settle([]mark{h.failed[i].item.mark}, ErrStopped)
		}

		for p, o := range h.outs {
			s.outs[p].refuse(o, reason, cause)
		}
	}

	return s.fence(mailbox.Abandoned, cause, ErrStopped) || lost
}

// leaveHole marks the place of an item that makes no value, where that matters.
func (s *stage[In, Out]) leaveHole(outs [][]item[Out]) {
	if s.v.aligned {
		outs[0] = append(outs[0], hole[Out]())
	}
}

// abandon goes on without a worker that is stuck, with another one.
func (s *stage[In, Out]) abandon(w *worker[In, Out], after time.Duration) {
	h := w.hand
	n := min(len(h.chunk), h.at+w.inHand())
	lost, chunk := h.chunk[h.at:n], slices.Clone(h.chunk[n:])
	h.outs = slices.Clone(h.outs)
	h.failed = slices.Clone(h.failed)
	err := &TimeoutError{Stage: s.path, After: after, Stuck: true}

	s.forget(w)
	w.judge(err)

	s.mu.Lock()
	s.left++
	tooMany := s.left > cmp.Or(s.v.stage.Abandoned, DefaultAbandoned)
	s.mu.Unlock()

	if tooMany || s.v.stage.Failed.kind == failPipeline {
		h.chunk = slices.Clone(h.chunk)

		cause := error(err)
		if tooMany {
			cause = errors.Join(ErrHanging, err)
		}

		s.fail(cause)
		s.leave(w, h, false)

		return
	}

	for i := range lost {
		s.reject(&h, &failure[In]{lost[i], err, h.tries + 1})
		s.leaveHole(h.outs)
	}

	h.chunk, h.at, h.tries = chunk, 0, 0

	s.mu.Lock()

	if s.halting.Load() || s.ctx != w.ctx { // the incarnation ends, or has ended meanwhile
		s.mu.Unlock()
		s.leave(w, h, false)

		return
	}

	defer s.mu.Unlock()

	if i := slices.Index(s.workers, w); i >= 0 {
		s.workers = slices.Delete(s.workers, i, i+1)
	}

	s.hire(h, true)
}

// cameBack notes that a worker has returned that somebody has gone on without.
func (s *stage[In, Out]) cameBack() {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.left--
}

var errEnded = errors.New("the worker ended its goroutine")
