package pipeline

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// operation is what a stage does with one item.
type operation[In, Out any] func(ctx context.Context, it *item[In], res *results[In, Out]) error

// job is what one incarnation of a stage does.
type job[In, Out any] struct {
	one operation[In, Out]
	// all is what it does with several items, in a stage that collects them: then there is no one.
	all func(ctx context.Context, items []item[In], res *results[In, Out]) error
	// with is opened before that, and closed behind it; nil if there is nothing.
	with opener
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
	made    func(in supervision.Deps) (job[In, Out], error)
	collect *collector[In]
	// balance sends each item to the output with most room.
	balance bool
	divert  diverter[In]
	pairs   interface{ halves(s *mailbox.Stats) } // of a zip; else nil

	ordered bool
	hand    int
	limiter *rate.Limiter
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	counts  counters
	halting atomic.Bool
	letter  func(item any, reason mailbox.Reason, cause error, at mailbox.Delivery)

	mu        sync.Mutex
	current   *stageActor[In, Out] // the last incarnation; those before it were given up on, or have ended
	ctx       context.Context
	job       job[In, Out]
	workers   []*worker[In, Out] // that are to go on with what they do
	orphans   []hand[In, Out]    // of workers that have gone, by ticket
	left      int                // workers that were abandoned and have not returned
	tickets   uint64
	turn      uint64
	turns     []parker
	fall      *downfall     // of the incarnation
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
func newStage[In, Out any](r *run, v *vertex, made func(supervision.Deps) (job[In, Out], error)) *stage[In, Out] {
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
		does, err := s.made(in)
		a := &stageActor[In, Out]{stage: s, job: does, refused: err != nil}

		s.mu.Lock()
		s.current = a
		s.mu.Unlock()

		if err != nil {
			err = s.run.opening.refuse(s.path, err)
		}

		return a, err
	}, spec, s), s
}

// start starts the workers under the context of an incarnation, which fails with what they crash with. It returns why
// it does not: the incarnation was given up on meanwhile.
func (s *stage[In, Out]) start(ctx context.Context, a *stageActor[In, Out]) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.current != a:
		return ErrStopped
	}

	s.ctx, s.job, s.fall = ctx, a.job, a.fall
	s.halting.Store(false)

	if s.isOver {
		return nil
	}

	for range s.v.workers() {
		s.hire(hand[In, Out]{outs: make([][]item[Out], len(s.outs))}, false)
	}

	return nil
}

// isCurrent reports whether there is no later incarnation than a.
func (s *stage[In, Out]) isCurrent(a *stageActor[In, Out]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.current == a
}

// hire starts a worker with a hand that it is to go on with. Called with mu held.
func (s *stage[In, Out]) hire(h hand[In, Out], full bool) {
	if s.dropping {
		s.run.flight.leave(1)
	}

	w := newWorker(s.ctx, s, h, full)
	s.workers = append(s.workers, w)
	s.run.crew.run(s.path, w.work)
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

// crash fails the actor.
func (s *stage[In, Out]) crash(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.halting.Store(true)

	s.fall.note(err)

	for _, w := range s.workers {
		signal(w.park)
	}
}

// fail fails the pipeline.
func (s *stage[In, Out]) fail(err error) {
	f := &FailedError{Stage: s.path, Err: err}
	s.run.flight.fail(f)
	s.crash(f)
}

// leaveHole marks the place of an item that makes no value, where that matters.
func (s *stage[In, Out]) leaveHole(outs [][]item[Out]) {
	if s.v.aligned {
		outs[0] = append(outs[0], hole[Out]())
	}
}

// Mount implements node.Holder.
func (s *stage[In, Out]) Mount(
	letter func(item any, r mailbox.Reason, cause error, at mailbox.Delivery), _ *node.Gate,
) {
	s.letter = letter
	s.run.taken()
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
