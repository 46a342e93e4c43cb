package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// feed is the running stage of a source, across all incarnations of its actor.
type feed[T any] struct {
	v       *vertex
	run     *run
	path    string
	source  Source[T]
	out     *queue[T]
	tracker *tracker
	every   time.Duration
	counts  counters
	over    chan struct{} // closed when everything the source had is sent on

	intake *node.Gate // shut when the whole system stops

	mu       sync.Mutex
	current  *feedActor[T] // the last incarnation; those before it were given up on, or have ended
	hand     []item[T]     // pulled and not yet sent on
	accepted uint64
	isOver   bool
	eof      bool  // the source has said so
	dropped  *loss // what is pulled is lost; nil while it is not
}

// loss is why items are not sent on any more.
type loss struct {
	reason mailbox.Reason
	cause  error
}

// From declares a source. It is the beginning of a pipeline, or one of several beginnings.
func From[T any](p *Pipeline, name string, source Source[T]) Flow[T] {
	v := p.add(name, sourceKind, Stage{}, 0, 1)

	if source == nil {
		v.wrongf("Source", "is nil, must hand out items")
	} else {
		v.opens = source
	}

	v.declare = func(r *run, spec supervision.Spec) (supervision.Child, member) {
		limit := p.options.InFlight
		if limit == 0 {
			limit = min(MaxInFlight, max(DefaultInFlight, 2*p.Bound(), p.waiting()))
		}

		_, acks := source.(Acknowledger)
		_, commits := source.(Committer)

		every := p.options.CommitEvery
		if every == 0 {
			every = DefaultCommitEvery
		}

		f := &feed[T]{
			v: v, run: r, path: v.path(r.path), source: source, out: outlets[T](r, v)[0], every: every,
			tracker: r.flight.add(limit, acks, commits), over: make(chan struct{}),
		}

		return supervision.Holding(name, func(supervision.Deps) (*feedActor[T], error) {
			return f.incarnation(), nil
		}, spec, f), f
	}

	return Flow[T]{v, 0}
}

// feedActor is one incarnation of a source's actor.
type feedActor[T any] struct {
	feed   *feed[T]
	opened bool
	stop   context.CancelFunc // ends the intake
	// ending says that the intake has ended for good. It also ends with the incarnation, and goes on with the next.
	ending atomic.Bool
	fall   *downfall
}

// incarnation makes the next incarnation.
func (f *feed[T]) incarnation() *feedActor[T] {
	a := &feedActor[T]{feed: f, fall: newDownfall()}

	f.mu.Lock()
	defer f.mu.Unlock()

	f.current = a
	f.tracker.retell()

	return a
}

// isCurrent reports whether there is no later incarnation.
func (a *feedActor[T]) isCurrent() bool {
	a.feed.mu.Lock()
	defer a.feed.mu.Unlock()

	return a.feed.current == a
}

// Receive is never called: nobody has a reference.
func (a *feedActor[T]) Receive(*actors.Context[struct{}], struct{}) error { return nil }

// Start opens the source, pulls from it, and tells it what becomes of its items.
func (a *feedActor[T]) Start(ctx *actors.Context[struct{}]) error {
	f := a.feed
	if err := f.run.flight.failed(); err != nil {
		return err
	}

	f.run.opening.ask(f.path)

	if err := f.source.Open(ctx); err != nil {
		return f.run.opening.refuse(f.path, err)
	}

	a.opened = true

	intake, stop := context.WithCancel(ctx)
	told, nobodyTells := context.WithCancel(ctx)
	a.stop = stop

	if err := ctx.Go(func(ctx context.Context) error {
		defer stop()
		defer nobodyTells()

		return a.run(ctx, func() error { return a.pull(ctx, intake, told) }, f.finish)
	}); err != nil {
		stop()
		nobodyTells()

		return err
	}

	if !f.tracker.acks && !f.tracker.commits {
		return nil
	}

	return ctx.Go(func(ctx context.Context) error {
		defer nobodyTells()

		return a.run(ctx, func() error { return f.tracker.follow(ctx, a.isCurrent, f.source, f.every) }, nil)
	})
}

// run runs what is one of the actor's goroutines, which may also panic or end the goroutine. Instead, if it is set, is
// called where Drain goes on without it.
func (a *feedActor[T]) run(ctx context.Context, work func() error, instead func()) (err error) {
	err = actors.ErrExited

	defer func() {
		if v := recover(); v != nil {
			err = actors.NewPanicError(v)
		}

		var kept bool
		if kept, err = a.fall.end(ctx, err); kept && instead != nil {
			instead()
		}
	}()

	err = work()

	return err
}

// Drain ends the intake and waits until what came in has been sent on. A source that fails now hands out nothing more;
// it is told of its items all the same. If it is not the system that stops but this part of it, there is no later phase
// in which the source could hear of them: it waits until all are finished by the stages behind it, which go on.
func (a *feedActor[T]) Drain(ctx context.Context) error {
	if !a.opened {
		return nil
	}

	over := a.feed.over
	if a.feed.intake.Err() == nil {
		over = a.feed.tracker.settled
	}

	return a.fall.drain(ctx, func() {
		a.ending.Store(true)
		a.stop()
	}, over)
}

// Flush tells the source what became of the last items.
func (a *feedActor[T]) Flush(ctx context.Context) error {
	return a.tell(ctx)
}

// await waits for those workers, for half of the time; then what those have in hand who do not return is given up.
func (a *feedActor[T]) await(ctx context.Context) error {
	f := a.feed
	if !f.tracker.acks && !f.tracker.commits {
		return nil
	}

	patience, enough := halfOf(ctx)
	defer enough()

	if err := f.run.flight.allLeft(patience); err == nil || ctx.Err() != nil {
		return err
	}

	f.run.giveUp()

	return f.run.flight.allLeft(ctx)
}

// tell tells the source what has become of its items, also of those that are just being given back: a stage whose time
// is over ends before the workers that have noticed it.
func (a *feedActor[T]) tell(ctx context.Context) error {
	if err := a.await(ctx); err != nil {
		return err
	}

	return a.feed.tracker.tellAll(ctx, a.isCurrent, a.feed.source, make([]Ack, maxTold))
}

// Close closes the source; before that it is told of what has come back since the flush, or because the
// pipeline failed.
func (a *feedActor[T]) Close(ctx context.Context) (err error) {
	if !a.opened {
		return nil
	}

	if !a.isCurrent() { // it was given up on, and the source has been opened again
		return a.fall.untold()
	}

	defer func() { err = errors.Join(err, a.feed.source.Close(ctx)) }() // also if it panics when it is told

	err = a.tell(ctx)

	return errors.Join(a.fall.untold(), err)
}

// pull pulls items and sends them on until the source ends. When told ends nobody makes room for more.
func (a *feedActor[T]) pull(ctx, intake, told context.Context) error {
	f := a.feed
	if f.finished() {
		return nil
	}

	select {
	case <-f.run.opening.over:
	case <-intake.Done(): // stopped while the others opened
	}

	p := newParker()
	values := make([]T, handful)
	items := make([]item[T], handful)

	if err := f.send(ctx, p); err != nil { // what the incarnation before could not
		return err
	}

	for !f.eof && a.isCurrent() { // else it has come back when it was given up on, and the next one pulls
		// Also when intake is over: what the source has still to hand out finds room as the pipeline runs empty.
		free, err := f.tracker.wait(told, intake)
		if err != nil {
			if told.Err() == nil { // the pipeline has failed: there is nobody to send on to, ever
				f.finish()
			}

			return told.Err()
		}

		err = a.pullOnce(intake, values[:min(free, handful, f.out.capacity)], items)
		if sent := f.send(a.sending(ctx), p); sent != nil {
			return sent
		}

		if err != nil {
			return err
		}
	}

	if !a.isCurrent() {
		return nil
	}

	f.finish()

	return nil
}

// sending returns what to send under. One that has come back from a Pull when it was given up on sends what that has
// handed out though its context has ended: the next one may be in a Pull that waits for that.
func (a *feedActor[T]) sending(ctx context.Context) context.Context {
	if a.isCurrent() {
		return ctx
	}

	return context.WithoutCancel(ctx)
}

// pullOnce pulls a handful and takes it in. Values and items are memory for it.
func (a *feedActor[T]) pullOnce(intake context.Context, values []T, items []item[T]) error {
	f := a.feed
	began := time.Now()

	n, err := f.source.Pull(intake, values)
	if n < 0 || n > len(values) {
		return errors.Join(fmt.Errorf("%s: Pull has returned %d items, must be from 0 to %d", f.path, n, len(values)), err)
	}

	if n > 0 {
		f.counts.latency(time.Since(began)/time.Duration(n), n)
		f.accept(values[:n], items)
	}

	over := intake.Err() != nil

	switch eof := chain.Is(err, io.EOF); {
	case over && !a.ending.Load() && (eof || err == nil && n == 0):
		return intake.Err() // the incarnation ends, and the next one goes on
	case eof, over && err == nil && n == 0:
		f.eof = true

		return nil
	default:
		return err
	}
}

func (f *feed[T]) finished() bool {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.isOver
}

// accept numbers what the source has handed out. Items is memory for it. An incarnation that was abandoned in Pull can
// come back with some: they are sent on by the next one, or lost if there is none.
func (f *feed[T]) accept(values []T, items []item[T]) {
	f.mu.Lock()

	if len(f.hand) == 0 {
		f.hand = items[:0]
	}

	first := f.tracker.take(len(values))
	f.accepted += uint64(len(values))

	for i, v := range values {
		f.hand = append(f.hand, item[T]{v, mark{n: first + uint64(i)}})
	}

	lost := f.dropped
	f.mu.Unlock()

	clear(values)

	if lost != nil {
		f.lose(lost)
	}
}

// send sends on what was pulled, waiting for room.
func (f *feed[T]) send(ctx context.Context, p parker) error {
	for {
		f.mu.Lock()
		n := len(f.hand)

		if n > 0 {
			n = f.out.put(p, f.hand)
			if n < 0 {
				f.mu.Unlock()

				return ErrStopped
			}

			f.hand = f.hand[n:]
			f.counts.processed.Add(uint64(n))
		}

		left := len(f.hand)
		f.mu.Unlock()

		if left == 0 {
			return nil
		}

		select {
		case <-p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish notes that the source has no more items.
func (f *feed[T]) finish() {
	f.mu.Lock()
	again := f.isOver
	f.isOver = true
	f.mu.Unlock()

	if !again {
		f.out.done()
		f.tracker.end()
		close(f.over)
	}
}

// Mount implements node.Holder. There are no letters of its own.
func (f *feed[T]) Mount(
	_ func(item any, r mailbox.Reason, cause error, at mailbox.Delivery), intake *node.Gate,
) {
	f.intake = intake
	f.run.taken()
}

// Tells implements node.Holder: a source fails on its own.
func (f *feed[T]) Tells() bool { return false }

// Owes implements node.Holder: the source has still to hear what became of its items.
func (f *feed[T]) Owes() bool { return f.tracker.owes() }

// Stats implements node.Holder.
func (f *feed[T]) Stats() mailbox.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()

	s := f.counts.stats()
	s.Accepted, s.Queued = f.accepted, uint64(len(f.hand))

	return s
}

// Drop implements node.Holder. What was pulled and not sent on is dead letters of the stage it was on its way to, which
// they can be replayed to.
func (f *feed[T]) Drop(reason mailbox.Reason, cause error) bool {
	why := &loss{reason, cause}

	f.mu.Lock()
	f.dropped = why
	finished := f.isOver
	f.mu.Unlock()

	lost := f.lose(why)

	if reason == mailbox.Stopped {
		f.tracker.leave(finished)
	} else { // its time to drain is over, and it will be flushed and closed
		f.tracker.end()
	}

	return lost
}

// lose makes letters of what was pulled and not sent on. It reports whether there was anything.
func (f *feed[T]) lose(why *loss) bool {
	f.mu.Lock()
	left := f.hand
	f.hand = nil
	f.mu.Unlock()

	f.counts.processed.Add(uint64(len(left)))
	f.out.refuse(left, why.reason, why.cause)

	return len(left) > 0
}

// giveUp implements member: a source has no workers.
func (f *feed[T]) giveUp() {}

func (f *feed[T]) stats() StageStats {
	all := f.Stats()

	return StageStats{
		Name: f.v.name, Path: f.path, In: all.Accepted, Out: f.counts.processed.Load(), Workers: 1,
		Queue: int(all.Queued), Latency: f.counts.quantiles(), //nolint:gosec // bounded
	}
}
