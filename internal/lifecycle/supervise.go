package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

var (
	errStoppedItself = errors.New("stopped itself, but is permanent")
	errCancelled     = errors.New("the supervisor stops")
	errUnasked       = errors.New("ended without a failure and without being told to")
)

// report handles what an actor says of its current incarnation; earlier ones have no say.
func (m *Machine) report(n *entry, r node.Report) {
	switch {
	case r.Event == node.Returned:
		m.returned(n, r.Incarnation)
	case r.Event == node.Finished:
		m.finished(n)
	case n.current != 0 && r.Incarnation == n.current:
		m.current(n, r)
	}
}

func (m *Machine) current(n *entry, r node.Report) {
	switch r.Event {
	case node.Started:
		if r.Err == nil {
			m.actorStarted(n)
		} else {
			m.lost(n)
			m.startFailed(n, r.Err)
		}
	case node.Failing:
		m.failing(n, r.Err, r.Directive)
	case node.Ended:
		m.lost(n)
		m.ended(n, r.Err)
	case node.StopSelf:
		m.stopSelf(n)
	case node.Drained:
		m.drained(n)
	case node.Flushed:
		m.flushed(n, r.Err)
	case node.Closed:
		m.lost(n)
		m.closed(n, r.Err)
	case node.Finished, node.Returned: // not of an incarnation that is current
	}
}

// lost notes that there is no incarnation any more.
func (m *Machine) lost(n *entry) {
	n.current, n.instance = 0, false
	m.stopTimer(n)
}

// begin starts an incarnation.
func (m *Machine) begin(n *entry) {
	n.incarnation++
	n.current, n.again = n.incarnation, false
	m.step(n, Starting, n.spec.Deadlines.Start)
	m.emit(Begin{ID: n.id, Incarnation: n.incarnation, Deadline: n.cutAt})
}

// startChildren starts a supervisor's children in order, each awaited.
func (m *Machine) startChildren(s *entry) {
	m.set(s, Starting)
	s.cursor = 0
	s.window = supervision.NewWindow(s.spec.Budget)
	m.startNext(s)
}

func (m *Machine) startNext(s *entry) {
	for ; s.cursor < len(s.spec.Children); s.cursor++ {
		if m.stopping() {
			return // a shutdown began: what has not started stays so
		}

		c := m.nodes[s.spec.Children[s.cursor]]

		switch {
		case c.state == Stopped || c.state == Finishing:
			continue // ended for good; a restart of the tree does not bring it back
		case c.spec.IsActor():
			m.begin(c)
		default:
			m.startChildren(c)
		}

		return
	}

	m.set(s, Running)
	s.started = m.now

	if p := m.parent(s); p != nil {
		m.childStarted(p, s)
	} else if m.phase == Booting {
		m.phase = Serving
		m.began[Serving] = m.now
		m.emit(Booted{})
	}
}

// childStarted goes on with the start of a supervisor if it was waiting for this child.
func (m *Machine) childStarted(p, c *entry) {
	if p.state == Starting && p.spec.Children[p.cursor] == c.id {
		p.cursor++
		m.startNext(p)
	}
}

func (m *Machine) actorStarted(n *entry) {
	m.stopTimer(n)
	n.instance, n.started = true, m.now

	if n.cut != nil {
		// Too late: its context has ended, and with it all that it may have started.
		n.fail(n.cut, node.Restart)
		m.order(n, Ending, node.Halt, n.spec.Deadlines.Close)

		return
	}

	m.set(n, Running)

	switch {
	case n.visited:
		m.drainVisit(n)
	case n.alone != no:
		m.stopOneRunning(n)
	default:
		m.childStarted(m.parent(n), n)
	}
}

// startFailed handles an actor whose start failed.
func (m *Machine) startFailed(n *entry, err error) {
	n.fail(err, node.Restart)
	m.set(n, Idle)
	m.down(n, n.cause, n.directive)
}

// fail notes why an actor fails.
func (n *entry) fail(err error, d node.Directive) {
	n.cause = &supervision.FailureError{Path: n.spec.Path, Err: err}
	n.failure, n.directive = n.cause, d
}

// failing handles a failure whose incarnation has still to end.
func (m *Machine) failing(n *entry, err error, d node.Directive) {
	n.fail(err, d)

	if n.state != Halting { // being halted it fails a little early
		m.step(n, Ending, n.spec.Deadlines.Close)
	}
}

// ended handles an incarnation that is gone, because it failed or was halted.
func (m *Machine) ended(n *entry, err error) {
	was := n.state
	m.set(n, Idle)

	switch {
	case was == Halting && n.cause != nil:
		m.emit(Note{Path: n.spec.Path, Message: "failed while it was halted", Err: n.cause})
	case was == Halting && err != nil:
		m.emit(Note{Path: n.spec.Path, Message: "close failed", Err: err})
	case was != Halting && was != Ending:
		n.fail(errUnasked, node.Restart)
	}

	switch {
	case was != Halting:
		m.down(n, n.cause, n.directive)
	case n.again:
		m.down(n, &supervision.FailureError{Path: n.spec.Path, Err: errStoppedItself}, node.Restart)
	default:
		m.down(n, nil, 0)
	}
}

// down decides what becomes of an actor that has no incarnation any more: it failed with err, or was halted by its
// supervisor, and then err is nil.
func (m *Machine) down(n *entry, err error, d node.Directive) {
	p := m.parent(n)
	awaited := p.state == Starting && p.spec.Children[p.cursor] == n.id

	switch {
	case n.alone != no, m.stopping() && (awaited || p.state == Halting): // it was to go anyway, or did not come up
		m.finish(n)
	case p.state == Halting:
		m.haltNext(p)
	case awaited: // the start of its supervisor fails with it
		m.haltChildren(p, err)
	default:
		m.childFailed(p, n, err, d)
	}
}

// childFailed decides about a child that has failed and is down.
func (m *Machine) childFailed(p, c *entry, err error, d node.Directive) {
	c.failure = err

	switch {
	case d == node.Stop, c.spec.Restart == supervision.Temporary:
		m.emit(Note{Path: c.spec.Path, Message: "failed, is not restarted", Err: err})
		m.finish(c)

		return
	case d == node.Escalate:
		m.giveUp(p, c, err)

		return
	case c.visited && !m.worthwhile(c):
		m.emit(Note{Path: c.spec.Path, Message: "failed, is not restarted", Err: err})
		m.emit(Order{ID: c.id, Command: node.Cut})
		m.finish(c)

		return
	}

	if len(c.abandoned) >= supervision.MaxAbandoned {
		m.tooManyHang(p, c, err)

		return
	}

	if exhausted := p.window.Spend(m.now, err); exhausted != nil {
		m.giveUp(p, c, &supervision.BudgetError{Path: p.spec.Path, Budget: p.spec.Budget, Failures: exhausted})

		return
	}

	c.restarts++

	delay := c.delay.Next(c.ran(m.now), m.config.Chance())
	if m.stopping() {
		delay = 0 // a shutdown does not wait
	}

	m.emit(Note{
		Path: c.spec.Path, Message: "failed, restarts", Err: err, Delay: delay, Left: p.window.Left(m.now),
	})
	m.set(c, BackingOff)

	if delay > 0 {
		m.wait(c, m.now.Add(delay))
	} else {
		m.attempt(c)
	}
}

// worthwhile reports whether an actor that failed while it worked off its queue has still to do and the time for it.
func (m *Machine) worthwhile(n *entry) bool {
	return m.config.Queued(n.id) > 0 && m.now.Before(m.lines[Drain])
}

// ran returns how long a child that is down had been running.
func (n *entry) ran(now time.Time) time.Duration {
	if n.started.IsZero() {
		return 0
	}

	ran := now.Sub(n.started)
	n.started = time.Time{} // a failed start in between is not a run

	return ran
}

// attempt is a restart whose time has come.
func (m *Machine) attempt(n *entry) {
	m.stopTimer(n)

	if n.spec.IsActor() {
		m.begin(n)
	} else {
		m.startChildren(n)
	}
}

// tooManyHang stops the system over an actor whose incarnations hang one after the other. A restart of it, or of a
// supervisor above it, would only leave one more behind, however much of a budget is left.
func (m *Machine) tooManyHang(p, c *entry, err error) {
	err = fmt.Errorf("%w: %w", supervision.ErrHanging, err)

	if m.stopping() {
		m.giveUp(p, c, err)

		return
	}

	m.set(c, Idle)
	m.emit(Note{Path: c.spec.Path, Message: "gives up", Err: err})
	m.shutdown(err)
}

// giveUp makes a supervisor fail over a child that is down: to its parent, or at the root to the whole system.
func (m *Machine) giveUp(p, c *entry, err error) {
	p.failure = err
	m.set(c, Idle)
	m.emit(Note{Path: p.spec.Path, Message: "gives up", Err: err})

	switch {
	case m.stopping():
		m.errs = append(m.errs, err)
		m.finish(c)
	case p.spec.Parent < 0:
		m.shutdown(err)
	default:
		m.haltChildren(p, err)
	}
}

// haltChildren stops a supervisor's children in reverse start order, each awaited; their queues are kept.
func (m *Machine) haltChildren(s *entry, cause error) {
	m.set(s, Halting)
	s.cause = cause

	for _, id := range s.spec.Children {
		if c := m.nodes[id]; c.state == BackingOff {
			m.stopTimer(c)
			m.set(c, Idle)
		}
	}

	m.haltNext(s)
}

func (m *Machine) haltNext(s *entry) {
	for _, id := range slices.Backward(s.spec.Children) {
		c := m.nodes[id]

		switch {
		case c.state == Idle, c.state == Stopped, c.state == Finishing:
			continue
		case c.state != Running && c.state != Starting: // it is on its way down
		case !c.spec.IsActor():
			m.haltChildren(c, errCancelled)
		case c.state == Running:
			m.haltActor(c)
		case c.cut == nil:
			m.cut(c, errCancelled) // and its Started is awaited
		}

		return // this one is awaited
	}

	m.set(s, Idle)
	m.halted(s)
}

func (m *Machine) haltActor(n *entry) {
	n.cause = nil
	m.order(n, Halting, node.Halt, n.spec.Deadlines.Close)
}

// halted goes on when all children of a supervisor are down.
func (m *Machine) halted(s *entry) {
	p := m.parent(s)

	switch {
	case m.stopping():
	case p == nil:
		m.bootFailed(s.cause)
	case p.state == Halting:
		m.haltNext(p)
	case p.state == Starting && p.spec.Children[p.cursor] == s.id:
		m.haltChildren(p, s.cause)
	default:
		m.childFailed(p, s, s.cause, node.Restart)
	}
}

// finish ends a child for good. It is down.
func (m *Machine) finish(n *entry) {
	m.stopTimer(n)

	if n.spec.IsActor() {
		m.set(n, Finishing)
		m.emit(Order{ID: n.id, Command: node.Finish})

		return
	}

	m.set(n, Stopped)

	for _, c := range n.spec.Children {
		if child := m.nodes[c]; child.state == Idle {
			m.finish(child)
		}
	}
}

// finished notes that an actor is gone.
func (m *Machine) finished(n *entry) {
	m.set(n, Stopped)

	switch {
	case m.phase == Drain && n.visited, m.phase == Close:
		m.done(n)
	case m.stopping():
	default:
		p := m.parent(n)
		if p.state == Halting {
			m.haltNext(p)
		} else {
			m.childStarted(p, n) // it was stopped while its supervisor waited for it
		}
	}
}

// stopSelf handles an actor that has called Stop and handles no more messages.
func (m *Machine) stopSelf(n *entry) {
	switch {
	case n.state == Leaving:
		m.flush(n) // it was told to
	case n.state != Running:
	case n.spec.Restart == supervision.Permanent:
		n.again = true
		m.haltActor(n)
	default:
		n.alone = atOnce
		m.emit(Seal{ID: n.id})
		m.flush(n)
	}
}

// stopOne stops an actor for good on a request from outside the tree, whatever its restart type.
func (m *Machine) stopOne(n *entry, mode node.StopMode) {
	if m.stopping() || n.alone != no {
		return
	}

	n.alone = poisoned
	if mode == node.AtOnce {
		n.alone = atOnce
	}

	switch n.state {
	case Running:
		m.stopOneRunning(n)
	case Idle, BackingOff:
		m.finish(n)
	default: // goes on when it has started, or is gone as it is
	}
}

func (m *Machine) stopOneRunning(n *entry) {
	m.emit(Seal{ID: n.id})

	if n.alone == poisoned {
		m.order(n, Draining, node.Drain, limit(n.spec.Deadlines.Drain, supervision.DefaultDrainDeadline))
	} else {
		m.order(n, Leaving, node.Leave, n.spec.Deadlines.Close)
	}
}

func limit(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}

	return d
}

// flush goes on with the stop of one actor.
func (m *Machine) flush(n *entry) {
	m.order(n, Flushing, node.Flush, limit(n.spec.Deadlines.Flush, supervision.DefaultFlushDeadline))
}

// cut ends the context of a step: in its last tenth, so that it can return in time, or because it is not wanted.
func (m *Machine) cut(n *entry, cause error) {
	n.cut = cause
	m.emit(Cancel{ID: n.id, Cause: cause})

	if n.state == Draining {
		n.leftover = m.config.Queued(n.id) > 0
		m.emit(Order{ID: n.id, Command: node.Cut, Deadline: n.hardAt})
	}

	m.wait(n, n.hardAt)
}

func (n *entry) overdue() *supervision.DeadlineError {
	step := map[State]string{
		Starting: "start", Ending: "end", Halting: "end", Leaving: "end", Draining: "drain", Flushing: "flush",
		Closing: "close",
	}[n.state]

	return &supervision.DeadlineError{Step: step, After: n.hardAt.Sub(n.stepBegan)}
}

// abandon gives up on an incarnation that is past its deadline.
func (m *Machine) abandon(n *entry) {
	cause := n.overdue()
	state := n.state

	n.abandoned = append(n.abandoned, Abandoned{Incarnation: n.current, Step: cause.Step, At: m.now})
	n.everLeft++
	m.emit(Abandon{ID: n.id, Incarnation: n.current, Cause: cause})
	m.emit(Note{Path: n.spec.Path, Message: "abandoned", Err: cause})
	m.lost(n)

	if m.stopping() {
		m.errs = append(m.errs, &supervision.FailureError{Path: n.spec.Path, Err: cause})
	}

	switch state {
	case Starting:
		m.startFailed(n, cause)
	case Ending, Halting:
		m.ended(n, nil)
	case Draining:
		n.steps.Drain = m.stepOver(n, cause)
		m.emit(Order{ID: n.id, Command: node.Cut})
		m.withoutInstance(n)
	case Leaving:
		m.withoutInstance(n)
	case Flushing:
		n.steps.Flush = m.stepOver(n, cause)
		m.withoutInstance(n)
	case Closing:
		n.steps.Close = m.stepOver(n, cause)
		m.finish(n)
	default: // has no deadline
	}
}

// withoutInstance goes on with the stop of an actor that has none any more.
func (m *Machine) withoutInstance(n *entry) {
	if n.alone != no {
		m.finish(n)

		return
	}

	m.set(n, Idle)
	m.done(n)
}

// returned notes that an abandoned incarnation came back.
func (m *Machine) returned(n *entry, incarnation uint64) {
	for i, a := range n.abandoned {
		if a.Incarnation == incarnation {
			n.abandoned = append(n.abandoned[:i:i], n.abandoned[i+1:]...)

			return
		}
	}
}
