package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// mark is set once.
type mark struct{ atomic.Bool }

var errEnded = errors.New("the instance has ended")

// instance is one life of a plugin: the actor that hands it its calls. None of the plugin's code runs on the actor's
// own goroutine, but for the Drain and Stop hooks; calls run on goroutines that belong to the actor, which a guard
// looks after.
//
//	Receive ──▶ slot ──▶ breaker ──▶ worker: Plugin.Handle ──▶ reply
//	                                     guard: late? hangs? process gone?
type instance struct {
	load    *load
	spec    *Spec
	path    string
	slots   chan struct{} // one taken by each call in flight
	calls   chan *flight  // to the workers; has no room
	workers int           // that were started; the actor's own
	flights flights
	// ctx is what calls run under. It ends when the instance is given up, or has nothing more to do.
	ctx    context.Context
	giveUp context.CancelCauseFunc
	run    func(func(context.Context) error) error // a goroutine of the actor

	once   sync.Once
	failed chan struct{}  // closed when the instance is given up
	why    *InstanceError // set before failed is closed

	// Set by open, read when that has returned.
	plugin   Plugin
	manifest Manifest
	session  Session
	started  bool

	probing atomic.Bool
}

func newInstance(l *load) *instance {
	i := &instance{
		load: l, spec: &l.place.spec, slots: make(chan struct{}, l.place.spec.Concurrency), calls: make(chan *flight),
		failed: make(chan struct{}),
	}
	i.flights.sooner = make(chan struct{}, 1)
	i.ctx, i.giveUp = context.WithCancelCause(context.Background())
	l.made()

	return i
}

// Start makes the plugin and starts it, in its time. The first instance of a version that need not start is as one
// that fails right after.
func (i *instance) Start(ctx *actors.Context[call]) error {
	i.path, i.run = ctx.Path(), ctx.Go

	ctx.Unstash()

	limit, cancel := context.WithTimeout(ctx, i.spec.Start)
	defer cancel()

	if err := apart(limit, ctx.Go, func() error { return i.open(limit) }); err != nil {
		if chain.Is(err, context.DeadlineExceeded) && limit.Err() != nil {
			err = &DeadlineError{i.spec.Start}
		}

		why := i.fail(NotStarted, err)

		if i.load.strict || ctx.Incarnation() > 1 {
			return why
		}

		return ctx.Go(func(context.Context) error { return why })
	}

	return ctx.Go(i.guard)
}

// open calls the plugin's code.
func (i *instance) open(ctx context.Context) (err error) {
	i.plugin, err = i.load.source.open(ctx, i.load)
	if err != nil {
		return err
	}

	i.manifest = i.plugin.Manifest()
	if err := i.agree(); err != nil {
		return err
	}

	if p, ok := i.plugin.(Starter); ok {
		if err := p.Start(ctx, i.session); err != nil {
			return err
		}
	}

	i.started = true

	if p, ok := i.plugin.(HealthReporter); ok {
		if err = p.Health(ctx); err != nil {
			return chain.Wrap("health", err)
		}
	}

	i.load.agreed(i.manifest, i.session)

	return nil
}

// agree negotiates.
func (i *instance) agree() (err error) {
	i.session, err = Negotiate(i.spec.Offer, i.manifest)
	if err != nil {
		return err
	}

	i.session.Config = slices.Clone(i.spec.Config)

	if want := i.load.accepts(i.manifest); want != "" {
		return fmt.Errorf("the plugin says it is %s %s, but %s", i.manifest.Name, i.manifest.Version, want)
	}

	return nil
}

// Receive hands a call to the plugin, when one of the slots is free.
func (i *instance) Receive(ctx *actors.Context[call], c call) error {
	select {
	case <-i.failed:
		return i.keep(ctx)
	default:
	}

	if err := i.refuses(&c); err != nil {
		i.load.place.counters.count(func(s *Stats) { s.Calls++; s.Invalid++ })

		return c.reply.Fail(&CallError{i.path, c.msg.Type, err})
	}

	select {
	case i.slots <- struct{}{}:
	case <-i.failed:
		return i.keep(ctx)
	case <-ctx.Done(): // the time for the queue is over; whoever called may ask the next version
		return c.reply.Fail(&mailbox.SendError{Target: i.path, Err: node.ErrCut})
	}

	return i.handOver(ctx, &flight{call: c})
}

// keep puts a call aside that the plugin never had, for the next instance.
func (i *instance) keep(ctx *actors.Context[call]) error { return errors.Join(i.why, ctx.Stash()) }

// refuses returns why the plugin is not given a message, or nil.
func (i *instance) refuses(c *call) error {
	switch {
	case c.stream != nil && i.session.Protocol < Protocol2:
		return ErrNoStreams
	case c.stream != nil:
		return nil
	case !slices.Contains(i.manifest.Handles, c.msg.Type):
		return ErrUnhandled
	case len(c.msg.Payload) > i.spec.MaxMessage:
		return &SizeError{len(c.msg.Payload), i.spec.MaxMessage}
	default:
		return nil
	}
}

// handOver starts a call that has a slot.
func (i *instance) handOver(ctx *actors.Context[call], f *flight) error {
	now := time.Now()
	counters := &i.load.place.counters

	if !f.until.IsZero() && !now.Before(f.until) {
		<-i.slots
		counters.count(func(s *Stats) { s.Calls++; s.GivenUp++ })

		return f.reply.Fail(context.DeadlineExceeded)
	}

	settle, err := i.load.place.breaker.allow()
	if err != nil {
		<-i.slots
		counters.count(func(s *Stats) { s.Calls++; s.Refused++ })

		return f.reply.Fail(&CallError{i.path, f.msg.Type, err})
	}

	f.settle = settle

	if f.stream == nil {
		f.had, f.ours = i.spec.Deadline, true
		if left := f.until.Sub(now); !f.until.IsZero() && left < f.had {
			f.had, f.ours = left, false
		}

		f.late = now.Add(f.had)
		f.hung = f.late.Add(i.spec.HangAfter)
	}

	counters.count(func(s *Stats) { s.Calls++; s.InFlight++ }) // before somebody can count its end
	f.began.Store(true)

	if !i.flights.add(f) {
		<-i.slots
		f.began.Store(false)
		counters.count(func(s *Stats) { s.Calls--; s.InFlight-- })
		settle(errUnheard)

		return i.keep(ctx)
	}

	return i.pass(ctx, f)
}

// pass hands a call to a worker: one that waits, else a new one, up to the limit; then one of them is about to be
// done.
func (i *instance) pass(ctx *actors.Context[call], f *flight) error {
	select {
	case i.calls <- f:
		return nil
	default:
	}

	if i.workers < i.spec.Concurrency {
		i.workers++

		return ctx.Go(func(context.Context) error { i.work(f); return nil })
	}

	select {
	case i.calls <- f:
		return nil
	case <-i.failed: // which has told the caller
		return i.why
	}
}

// work is the goroutine of a worker. Starting one for each call would cost a turn of the actor when it ends.
func (i *instance) work(f *flight) {
	for {
		i.serve(f)

		select {
		case f = <-i.calls:
		case <-i.ctx.Done():
			return
		}
	}
}

// serve has the plugin handle a call. The plugin may end the goroutine.
func (i *instance) serve(f *flight) {
	var (
		m   Message
		err = ErrExited
	)

	defer func() { i.landed(f, m, err) }()

	if f.stream != nil {
		err = i.serveStream(f)

		return
	}

	ctx, cancel := context.WithDeadline(i.ctx, f.late)
	defer cancel()

	err = protect(func() (err error) {
		m, err = i.plugin.Handle(ctx, f.msg)

		return err
	})
}

// serveStream is serve for a stream.
func (i *instance) serveStream(f *flight) (err error) {
	ctx, cancel := context.WithCancel(i.ctx)
	defer cancel()

	// Once the caller has left, the plugin has HangAfter to leave too.
	leave := context.AfterFunc(f.stream.ctx, func() {
		i.flights.expect(f, time.Now().Add(i.spec.HangAfter))
		cancel()
	})
	defer leave()

	f.stream.most, f.stream.handles = i.spec.MaxMessage, i.manifest.Handles

	if err := f.reply.Send(Message{}); err != nil {
		return err
	}

	side := pluginSide{f.stream, ctx, i.spec.MaxMessage}

	return protect(func() error {
		if p, ok := i.plugin.(Streamer); ok {
			return p.Stream(ctx, side)
		}

		return echo(ctx, i.plugin, side)
	})
}

// landed is told that the plugin has returned from a call.
func (i *instance) landed(f *flight, m Message, err error) {
	if fault := faultOf(err); fault != 0 {
		_ = i.fail(fault, err) // the guard hears of it; it tells the caller of this call, too
	}

	if i.flights.land(f) {
		i.answer(f, m, err)
	}

	<-i.slots
}

// answer tells the caller what came of its call.
func (i *instance) answer(f *flight, m Message, err error) {
	if err == nil {
		err = m.fits(i.spec.MaxMessage)
	}

	switch {
	case err == nil:
		i.end(f, answered, nil, nil)

		if f.stream == nil {
			_ = f.reply.Send(m) // nobody else answers it
		}
	case f.stream != nil && f.stream.ctx.Err() != nil:
		i.end(f, givenUp, errUnheard, f.stream.ctx.Err())
	case chain.Is(err, context.DeadlineExceeded) && f.stream == nil && !time.Now().Before(f.late):
		i.tooLate(f)
	case chain.Has[*InvalidError](err):
		i.end(f, invalid, err, &CallError{i.path, f.msg.Type, err})
	default:
		i.end(f, failed, err, &CallError{i.path, f.msg.Type, err})
	}
}

// tooLate tells a caller that the time is over.
func (i *instance) tooLate(f *flight) {
	if f.ours {
		err := &CallError{i.path, f.msg.Type, &DeadlineError{f.had}}
		i.end(f, late, err, err)
	} else {
		i.end(f, givenUp, errUnheard, context.DeadlineExceeded)
	}
}

// end counts a call, tells the breaker, and answers the caller if there is an error.
func (i *instance) end(f *flight, o outcome, verdict, answer error) {
	i.load.place.counters.ended(o)
	f.settle(verdict)

	switch {
	case f.stream != nil:
		f.stream.end(answer)
	case answer != nil:
		_ = f.reply.Fail(answer) // nobody else answers it
	}
}

// fail gives the instance up: its context ends, and all callers are told. It returns why, which is the first reason.
func (i *instance) fail(fault Fault, err error) *InstanceError {
	i.once.Do(func() {
		i.why = &InstanceError{Path: i.path, Fault: fault, Err: err, load: i.load}
		i.load.gaveUp(i.why)
		close(i.failed)

		for _, f := range i.flights.tell() {
			i.end(f, lost, errUnheard, i.why) // the budget is for instances, the breaker for calls
		}

		i.giveUp(i.why) // now that nobody can be told what comes of that
	})

	return i.why
}

// Health reports what the last probe has found, and that the breaker is open.
func (i *instance) Health() error {
	i.load.mu.Lock()
	defer i.load.mu.Unlock()

	return errors.Join(i.load.degraded, i.load.place.breaker.health())
}

// Drain waits for what is in the plugin's hands when nothing waits any more. Streams get no more messages, and have the
// time of a call to end. What has not returned when the time is over is lost.
func (i *instance) Drain(ctx context.Context) error {
	for _, s := range i.flights.streams() {
		s.stream.shut()
		i.flights.expect(s, time.Now().Add(i.spec.Deadline))
	}

	select {
	case <-i.flights.drained():
		return nil
	case <-i.failed: // the guard says it
		return nil
	case <-ctx.Done():
		i.leave()

		return ctx.Err()
	}
}

// Flush lets the plugin complete what it has begun, unless it was given up.
func (i *instance) Flush(ctx context.Context) error {
	select {
	case <-i.failed:
		return i.why
	default:
	}

	if p, ok := i.plugin.(Drainer); ok && i.session.Protocol >= Protocol2 {
		return protect(func() error { return p.Drain(ctx) })
	}

	return nil
}

// Close stops the plugin, and its process.
func (i *instance) Close(ctx context.Context) (err error) {
	i.giveUp(errEnded)

	defer i.load.ended()

	if p, ok := i.plugin.(isolated); ok {
		defer p.kill()
	}

	if p, ok := i.plugin.(Stopper); ok && i.started {
		err = protect(func() error { return p.Stop(ctx) })
	}

	return err
}
