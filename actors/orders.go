package actors

import (
	"errors"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// obey carries out commands, in the order of their declaration. The hands are free.
func (r *runner[M]) obey(c mailbox.Command) {
	if r.inc == nil && r.takeOver() && !r.synchronous { // when it last looked, somebody called a hook
		r.label()
	}

	if c&node.Start != 0 && r.phase == absent {
		// What else is pending was for the incarnation before, which failed before it could obey: the runtime orders
		// nothing of a new one before it has started.
		c &^= node.Start | node.Owned | node.Notice |
			node.Halt | node.Leave | node.Drain | node.Cut | node.Flush | node.Close
		r.left = c
		r.start()
		r.left = 0
	}

	if c&node.Owned != 0 {
		r.ownedChanged()
	}

	if c&node.Foreign != 0 {
		r.foreign()
	}

	r.obeyStop(c)

	if c&node.Probe != 0 {
		r.health()
	}

	if c&node.Finish != 0 {
		r.finish()
	}

	if c&node.Notice != 0 {
		r.notice() // last, because it calls Receive
	}
}

// obeyStop carries out the commands that make up a stop.
func (r *runner[M]) obeyStop(c mailbox.Command) {
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
		r.left = c & (node.Close | node.Probe | node.Finish | node.Notice)
		r.flush()
	}

	if c&node.Close != 0 && r.phase == quiet {
		r.left = c & (node.Probe | node.Finish | node.Notice)
		r.close()
	}

	r.left = 0
}

// start makes the instance and runs its Start hook.
func (r *runner[M]) start() {
	inc := r.cell.current.Load()
	if r.lease.Revoked() {
		return // then it may be the next incarnation, whose runner is another
	}

	r.inc, r.lost, r.idling = inc, false, false

	if r.since.Load() == 0 {
		r.since.Store(inc.number)
	}

	inc.lease.Store(r.lease)

	if r.synchronous { // then the goroutine may be a sender's
		inc.runUnder(r.lease.Sender())
	} else {
		r.label()
	}

	if inc.actor == nil {
		r.made(r.inline(making, inc.make))
	} else {
		r.made(nil) // the runtime has made it
	}
}

// make has the factory make the instance.
func (i *incarnation[M]) make() error {
	a, err := i.cell.factory(i.cell.place.Path, &i.gate)
	if err != nil {
		return err
	}

	if f, ok := a.(Func[M]); a == nil || ok && f == nil {
		return errNilActor
	}

	if err := claim(a, i); err != nil {
		return err
	}

	i.actor = opened(a)

	return nil
}

// made runs the Start hook of the instance that the factory has made, if it has.
func (r *runner[M]) made(err error) {
	inc := r.inc
	if s, ok := inc.actor.(Starter[M]); ok && err == nil && !r.lease.Revoked() {
		err = r.inline(starting, func() error { return s.Start(inc.asContext()) })
	}

	r.begun(err)
}

// begun says how the start went.
func (r *runner[M]) begun(err error) {
	inc := r.inc
	err = inc.because(err)

	if r.lease.Revoked() {
		return
	}

	if err != nil {
		// An instance whose Start failed is closed like any other: it may hold what it opened before it failed.
		err = errors.Join(err, r.end(err, r.answer(err)))
		inc.die(err)
		r.say(inc, node.Report{Event: node.Started, Err: err, Directive: r.cell.decide(err)})

		return
	}

	inc.knowHooks()
	inc.rise()
	r.phase = live

	if r.resting = r.synchronous; !r.resting {
		inc.reportStarted()
	}
}

// knowHooks notes what is to be known of the hooks of an instance that has started.
func (i *incarnation[M]) knowHooks() {
	_, reports := i.actor.(HealthReporter)

	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	i.reports = reports
}

var errNilActor = errors.New("the factory returned a nil actor")

// ownedChanged looks at what the actor's goroutines and the actor itself have asked for. When the Drain hook has
// returned, that is for the end of the drain, which is near.
func (r *runner[M]) ownedChanged() {
	if r.phase == absent || r.phase == quiet || r.phase == draining && r.emptied {
		return
	}

	leaving, failure := r.inc.owned.take()
	if failure != nil {
		r.fail(failure)
	}

	if leaving {
		r.leave()
	}
}

// leave makes the actor handle no more messages and wait for its hooks to be ordered.
func (r *runner[M]) leave() {
	if r.phase == live {
		r.phase = quiet
		r.inc.silence()
		r.report(r.inc, node.StopSelf, nil)
	}
}

// halt ends the incarnation on the supervisor's order; the queue is kept.
func (r *runner[M]) halt() {
	inc := r.inc
	if r.phase == absent {
		return // it failed at the same time and has reported that it ended
	}

	err := r.end(errEnded, r.answer(errEnded))
	if !r.lease.Revoked() {
		r.report(inc, node.Ended, err)
	}
}

// drain begins to work the queue off; also that of an actor that has just asked to stop.
func (r *runner[M]) drain() {
	r.phase, r.swept, r.emptied = draining, false, false
	r.inc.silence()
}

// cut dead-letters what a drain has not come to, or was never begun because there is no instance.
func (r *runner[M]) cut() {
	r.discard(mailbox.Deadline, node.ErrCut)

	if r.phase == draining {
		r.drained()
	}
}

// discard turns everything queued, in the stash or with the holder into dead letters.
func (r *runner[M]) discard(reason mailbox.Reason, cause error) {
	if h := r.cell.place.Holder; h != nil && !r.lease.Revoked() && h.Drop(reason, cause) {
		r.lost = true
	}

	r.lease.Unstash()

	for {
		m, ok := r.lease.Take()
		at := r.lease.Delivery()

		if !ok || !r.lease.DeadLetter(reason, &mailbox.SendError{Target: r.cell.place.Path, Err: cause}) {
			return
		}

		r.lost = true
		r.cell.undelivered(m, reason, cause, at)
	}
}

// empty runs the Drain hook at the end of the queue, once. It reports whether the drain goes on: what came up meanwhile
// is looked at first.
func (r *runner[M]) empty() (again bool) {
	if _, drains := r.inc.instance().(Drainer); !drains || r.emptied {
		return false
	}

	inc := r.inc

	switch err := inc.run(node.Drain); {
	case r.lease.Revoked():
	case err == nil || inc.saysEnded(err):
		r.emptied = true
	default:
		r.fail(err)
	}

	return true
}

// drained ends the actor's goroutines once the queue is empty. One that fails now is an error of the drain and no
// reason to end the incarnation: there is nothing left to restart it for, and its hooks are still to run.
func (r *runner[M]) drained() {
	inc := r.inc
	inc.owned.close()
	inc.endWork(errEnded)
	inc.owned.wait()

	if r.lease.Revoked() {
		return
	}

	_, err := inc.owned.take()
	if err != nil && r.cell.decide(err) == node.Resume {
		r.report(inc, node.Resumed, err)

		err = nil
	}

	r.phase = quiet
	r.say(inc, node.Report{Event: node.Drained, Err: err, Lost: r.lost})
}

func (r *runner[M]) flush() {
	var err error
	if _, flushes := r.inc.instance().(Flusher); flushes {
		err = r.inlineUnder(flushing, node.Flush)
	}

	r.flushed(err)
}

// flushed says how the Flush hook went.
func (r *runner[M]) flushed(err error) {
	if !r.lease.Revoked() {
		r.report(r.inc, node.Flushed, err)
	}
}

func (r *runner[M]) close() {
	r.wind(errEnded)

	var err error
	if r.inc.takeClose() {
		err = r.inlineUnder(closing, node.Close)
	}

	r.closed(err)
}

// closed says how the end of a stop went.
func (r *runner[M]) closed(err error) {
	inc := r.inc

	err = r.ended(err, r.answer(mailbox.ErrStopped))
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

		if h, ok := r.inc.instance().(HealthReporter); ok {
			err = call(h.Health)
		}
	}

	if r.lease.Revoked() {
		r.cell.box.Signal(node.Probe) // as above: those who ask now ask the next one

		return
	}

	r.cell.answer(err)
}

// finish ends the actor for good.
func (r *runner[M]) finish() {
	c := r.cell
	c.box.Close()
	r.discard(mailbox.Stopped, mailbox.ErrStopped)
	c.answer(ErrNotRunning)

	if !r.lease.Revoked() {
		c.place.Host.Report(node.Report{ID: c.place.ID, Event: node.Finished}) // which withdraws it
	}

	c.tellWatchers()
}
