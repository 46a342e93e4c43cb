package actors

import (
	"errors"
	"runtime"
	"runtime/pprof"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// turnLength is how many messages an actor handles before it lets other goroutines run.
const turnLength = 256

// phase is what a runner does with its incarnation. It changes on orders of the runtime and on failure:
//
//	absent ──Start──▶ live ──Drain──▶ draining ──▶ quiet ──Flush, Close──▶ absent
//	                   │  └──Stop──▶ quiet
//	                   └──failure, Halt──▶ absent
type phase uint8

const (
	absent   phase = iota // there is no instance; messages wait
	live                  // messages are handled
	draining              // messages are handled until there is none
	quiet                 // the instance is there, messages are not handled any more
)

// runner is the goroutine side of an actor: the holder of its mailbox's lease. Its fields belong to whoever holds the
// lease. When a lease is revoked its runner is left behind with the incarnation it is stuck in.
type runner[M any] struct {
	cell  *cell[M]
	lease *mailbox.Lease[M]
	inc   *incarnation[M]
	phase phase
	// crash is a panic of Receive that the turn it ended has left for the next one to deal with.
	crash error
	// labelled says that the goroutine of this turn bears the incarnation's labels.
	labelled bool
}

// run is the function the mailbox calls when there is work. It owns the turn until it returns.
func (c *cell[M]) run() {
	for {
		lease := c.box.Begin()

		r, _ := lease.Local.(*runner[M])
		if r == nil {
			r = &runner[M]{cell: c, lease: lease}
			lease.Local = r
		}

		if !r.turn() {
			return
		}
	}
}

// turn runs until there is nothing to do. It returns true if run must begin again, with whatever lease is valid then.
func (r *runner[M]) turn() bool {
	for {
		again, crashed := r.attempt()
		if !crashed {
			return again
		}
	}
}

// attempt is the part of a turn up to a panic of Receive: one deferred call per turn, not per message.
func (r *runner[M]) attempt() (again, crashed bool) {
	returned := false

	defer func() {
		if returned {
			return
		}

		if v := recover(); v != nil {
			r.crash, crashed = newPanicError(v), true

			return
		}

		// runtime.Goexit takes this goroutine; another one goes on with the turn.
		r.crash = ErrExited

		go func() {
			if r.turn() {
				r.cell.run()
			}
		}()
	}()

	again = r.loop()
	returned = true

	return again, false
}

// loop handles commands and messages until there are none or the lease is revoked. It returns whether to begin again.
func (r *runner[M]) loop() bool {
	if err := r.crash; err != nil {
		r.crash = nil
		r.fail(err)
	}

	for n := 1; ; n++ {
		if commands := r.lease.Commands(); commands != 0 {
			if !r.lease.Done() {
				r.cell.box.Signal(commands & node.Probe) // nobody has obeyed it; the others went with the incarnation

				return r.rest(false)
			}

			r.obey(commands)

			continue
		}

		if r.phase != live && r.phase != draining {
			return r.rest(true)
		}

		m, ok := r.lease.Take()
		if !ok {
			// The last pipe may have sent after Take looked, and ended before piping did: look again.
			if r.phase == draining && !r.inc.owned.piping() && r.cell.box.Queued() == 0 && r.lease.Done() {
				r.drained()

				continue
			}

			return r.rest(false)
		}

		r.label()

		if err := r.inc.actor.Receive(&r.inc.ctx, m); err != nil {
			r.fail(err)
		}

		if n%turnLength == 0 {
			runtime.Gosched()
		}
	}
}

func (r *runner[M]) rest(suspend bool) bool {
	r.labelled = false

	again, void := r.lease.Rest(suspend)
	if void {
		return r.left()
	}

	return again // the runner may be at its next turn already
}

// left ends the run of an incarnation that was abandoned: it has come back by now.
func (r *runner[M]) left() bool {
	r.cell.returned(r.lease)

	return false
}

// label marks the goroutine with the actor, for profiles and for finding it when it hangs.
func (r *runner[M]) label() {
	if !r.labelled {
		r.labelled = true
		pprof.SetGoroutineLabels(r.inc.labels())
	}
}

func (r *runner[M]) report(inc *incarnation[M], e node.Event, err error) {
	r.reportFailure(inc, e, err, 0)
}

func (r *runner[M]) reportFailure(inc *incarnation[M], e node.Event, err error, d node.Directive) {
	r.cell.place.Host.Report(node.Report{
		ID: r.cell.place.ID, Incarnation: inc.number, Event: e, Err: err, Directive: d,
	})
}

// obey carries out commands, in the order of their declaration. The hands are free.
func (r *runner[M]) obey(c mailbox.Command) {
	if c&node.Start != 0 && r.phase == absent {
		r.start()
	}

	if c&node.Owned != 0 {
		r.ownedChanged()
	}

	if c&node.Halt != 0 {
		r.halt()
	}

	if c&node.Leave != 0 {
		r.leave()
	}

	if c&node.Drain != 0 && r.phase != absent {
		r.drain()
	}

	if c&node.Cut != 0 {
		r.cut()
	}

	if c&node.Flush != 0 && r.phase == quiet {
		r.flush()
	}

	if c&node.Close != 0 && r.phase == quiet {
		r.close()
	}

	if c&node.Probe != 0 {
		r.health()
	}

	if c&node.Finish != 0 {
		r.finish()
	}
}

// start makes the instance and runs its Start hook.
func (r *runner[M]) start() {
	inc := r.cell.current.Load()
	r.inc, r.labelled = inc, false
	r.label()

	err := call(func() error {
		a, err := r.cell.factory(&inc.gate)
		if err != nil {
			return err
		}

		if a == nil {
			return errNilActor
		}

		inc.actor = a

		return nil
	})

	if s, ok := inc.actor.(Starter[M]); ok && err == nil {
		err = call(func() error { return s.Start(&inc.ctx) })
	}

	if r.lease.Revoked() {
		return
	}

	if err != nil {
		// An instance whose Start failed is closed like any other: it may hold what it opened before it failed.
		err = errors.Join(err, r.end(err))
		r.report(inc, node.Started, err)

		return
	}

	r.phase = live
	r.report(inc, node.Started, nil)
}

var errNilActor = errors.New("the factory returned a nil actor")

// fail deals with a failure of the incarnation, with the message in hand if there is one.
func (r *runner[M]) fail(cause error) {
	inc := r.inc

	directive := r.decide(cause)
	target := r.cell.place.Path

	if m, had := r.lease.Fail(&mailbox.SendError{Target: target, Err: cause}); had {
		r.cell.undelivered(m, mailbox.Failed, cause)
	}

	if directive == node.Resume || r.lease.Revoked() {
		return
	}

	r.reportFailure(inc, node.Failing, cause, directive)

	closing := r.end(cause)
	if r.lease.Revoked() {
		return
	}

	r.reportFailure(inc, node.Ended, errors.Join(cause, closing), directive)
}

// decide asks the supervisor's function what to do about a failure. If that panics, the actor is restarted.
func (r *runner[M]) decide(cause error) (d node.Directive) {
	if r.cell.place.Decide == nil {
		return node.Restart
	}

	err := call(func() error {
		d = r.cell.place.Decide(cause)

		return nil
	})
	if err != nil || d == 0 {
		return node.Restart
	}

	return d
}

// end ends the incarnation: its goroutines are waited for, its instance is closed, asks it has not answered are told.
func (r *runner[M]) end(cause error) error {
	inc := r.inc
	r.phase = absent

	inc.owned.close()
	inc.endWork(cause)
	inc.owned.wait()

	var err error
	if c, ok := inc.actor.(Closer); ok {
		err = inc.run(c.Close)
	}

	if r.lease.Revoked() {
		return err
	}

	r.lease.Orphan(&mailbox.SendError{Target: r.cell.place.Path, Err: cause})
	r.inc = nil

	return err
}

// ownedChanged looks at what the actor's goroutines and the actor itself have asked for.
func (r *runner[M]) ownedChanged() {
	if r.phase == absent || r.phase == quiet {
		return
	}

	leaving, failure := r.inc.owned.take()
	if failure != nil {
		r.fail(failure)

		return
	}

	if leaving {
		r.leave()
	}
}

// leave makes the actor handle no more messages and wait for its hooks to be ordered.
func (r *runner[M]) leave() {
	if r.phase == live {
		r.phase = quiet
		r.report(r.inc, node.StopSelf, nil)
	}
}

// halt ends the incarnation on the supervisor's order; the queue is kept.
func (r *runner[M]) halt() {
	inc := r.inc
	if r.phase == absent {
		return // it failed at the same time and has reported that it ended
	}

	err := r.end(errEnded)
	if !r.lease.Revoked() {
		r.report(inc, node.Ended, err)
	}
}

// drain begins to work the queue off; also that of an actor that has just asked to stop.
func (r *runner[M]) drain() { r.phase = draining }

// cut dead-letters what a drain has not come to, or was never begun because there is no instance.
func (r *runner[M]) cut() {
	r.discard(mailbox.Deadline, errCut)

	if r.phase == draining {
		r.drained()
	}
}

var errCut = errors.New("the time to work the queue off is over")

// discard turns everything queued into dead letters.
func (r *runner[M]) discard(reason mailbox.Reason, cause error) {
	for {
		m, ok := r.lease.Take()
		if !ok || !r.lease.DeadLetter(reason, &mailbox.SendError{Target: r.cell.place.Path, Err: cause}) {
			return
		}

		r.cell.undelivered(m, reason, cause)
	}
}

// drained ends the actor's goroutines once the queue is empty; what they return last can still be a failure.
func (r *runner[M]) drained() {
	inc := r.inc
	inc.owned.close()
	inc.endWork(errEnded)
	inc.owned.wait()

	if r.lease.Revoked() {
		return
	}

	if _, failure := inc.owned.take(); failure != nil {
		r.fail(failure)

		return
	}

	r.phase = quiet
	r.report(inc, node.Drained, nil)
}

func (r *runner[M]) flush() {
	inc := r.inc

	var err error
	if f, ok := inc.actor.(Flusher); ok {
		err = inc.run(f.Flush)
	}

	if !r.lease.Revoked() {
		r.report(inc, node.Flushed, err)
	}
}

func (r *runner[M]) close() {
	inc := r.inc

	err := r.end(mailbox.ErrStopped)
	if !r.lease.Revoked() {
		r.report(inc, node.Closed, err)
	}
}

func (r *runner[M]) health() {
	if r.lease.Revoked() {
		r.cell.box.Signal(node.Probe) // it is the next incarnation's health that is asked for

		return
	}

	err := ErrNotRunning

	if r.phase != absent {
		err = nil

		if h, ok := r.inc.actor.(HealthReporter); ok {
			err = call(h.Health)
		}
	}

	r.cell.answer(err)
}

// finish ends the actor for good.
func (r *runner[M]) finish() {
	c := r.cell
	c.box.Close()
	r.discard(mailbox.Stopped, mailbox.ErrStopped)
	c.unregister(actor.TerminatedReason_Stopped)
	c.answer(ErrNotRunning)

	if !r.lease.Revoked() {
		c.place.Host.Report(node.Report{ID: c.place.ID, Event: node.Finished})
	}
}
