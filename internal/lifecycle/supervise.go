package lifecycle

import (
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

var (
	errStoppedItself = errors.New("stopped itself, but is permanent")
	errCancelled     = errors.New("the supervisor stops")
	errUnasked       = errors.New("ended without a failure and without being told to")
)

// fail notes why an actor fails. That it did not start because its supervisor would not have it is no failure.
func (m *Machine) fail(n *entry, err error, d node.Directive) {
	t := m.ill(n)
	t.cause, t.directive = &supervision.FailureError{Path: m.path(n), Err: err}, d

	if !n.cancelled {
		t.failure, n.failed = t.cause, true
		m.tell(n, supervision.Event{Kind: supervision.Failed, Err: t.cause, Incarnation: n.incarnation})
	}
}

// failing handles a failure whose incarnation has still to end.
func (m *Machine) failing(n *entry, err error, d node.Directive) {
	m.fail(n, err, d)

	if n.state != Halting { // being halted it fails a little early
		m.order(n, Ending, 0, n.spec.Deadlines.Close) // it ends by itself, and is told until when
	}
}

// ended handles an incarnation that is gone, because it failed or was halted. One that failed and had nothing to wait
// for has not said before that it was failing.
func (m *Machine) ended(n *entry, err error, d node.Directive) {
	was := n.state
	m.set(n, Idle)

	switch {
	case was != Halting && was != Ending && err != nil:
		m.fail(n, err, d)
	case was == Halting && (n.was() == nil || n.cause == nil) && err != nil:
		m.tell(n, supervision.Event{Kind: supervision.HookFailed, Step: "close", Err: err, Incarnation: n.incarnation})
	case was != Halting && was != Ending:
		m.fail(n, errUnasked, node.Restart)
	}

	switch {
	case was != Halting:
		m.down(n, n.cause, n.directive)
	case n.was() != nil && n.again && !n.doomed:
		m.down(n, &supervision.FailureError{Path: m.path(n), Err: errStoppedItself}, node.Restart)
	default:
		m.tell(n, supervision.Event{Kind: supervision.Halted, Incarnation: n.incarnation})
		m.down(n, nil, 0)
	}
}

// down decides what becomes of an actor that has no incarnation any more: it failed with err, or was halted by its
// supervisor, and then err is nil.
func (m *Machine) down(n *entry, err error, d node.Directive) {
	p := n.parent
	halted := p.spare(n) && (err == nil || n.cancelled)

	switch {
	case n.alone != no:
		m.finish(n)
	case m.stopping() && (p.state == Halting || n.fresh): // it was to go anyway, or did not come up
		m.finish(n)
	case p.state == Halting:
		m.shed(n)

		if n.state == Finishing {
			p.doom(n) // anew, to await that it is gone
		}

		m.haltNext(p)
	case halted:
		m.haltedForGroup(p, n)
	case p.state == Starting && n.fresh: // the start of its supervisor fails with it
		p.failed = true
		m.haltAll(p, err)
	case n.added: // its start fails: it will not be there
		m.finish(n)
	default:
		m.childFailed(p, n, err, d)
	}
}

// haltedForGroup goes on with the restart of a group when one of it is down.
func (m *Machine) haltedForGroup(p, n *entry) {
	switch {
	case !n.pending: // it is temporary
		m.finish(n)
	case m.stopping():
		m.catchUp(n)
	default:
		m.haltNext(p)
	}
}

// catchUp restarts an actor that was halted for the restart of a group when a shutdown began, so that it can work off
// its queue.
func (m *Machine) catchUp(n *entry) {
	if n.visited && !m.worthwhile(n) {
		m.leaveOff(n)
	} else {
		m.begin(n)
	}
}

// childFailed decides about a child that has failed and is down.
func (m *Machine) childFailed(p, c *entry, err error, d node.Directive) {
	m.ill(c).failure = err

	switch {
	case d == node.Stop, c.spec.Restart == supervision.Temporary:
		m.finish(c)

		if !c.isActor() {
			m.settled(p, c)
		}

		return
	case d == node.Escalate: // each supervisor it passes is named, up to where it ends
		m.giveUp(p, c, &supervision.FailureError{Path: m.path(p), Err: err})

		return
	case c.visited && !m.worthwhile(c):
		m.leaveOff(c)

		return
	}

	if len(c.hanging()) >= supervision.MaxAbandoned {
		m.tooManyHang(p, c, err)

		return
	}

	if exhausted := p.window.Spend(m.now, err); exhausted != nil {
		m.giveUp(p, c, &supervision.BudgetError{Path: m.path(p), Budget: p.spec.Budget, Failures: exhausted})

		return
	}

	m.restart(p, c, err)
}

// restart restarts a child that is down, after its back-off, and those that the strategy restarts with it.
func (m *Machine) restart(p, c *entry, err error) {
	m.ill(c).restarts++

	delay := c.delay.Next(m.ran(c), m.config.Chance())
	if m.stopping() && !c.hurried {
		delay, c.hurried = 0, true
	}

	m.tell(c, supervision.Event{
		Kind: supervision.Restarting, Err: err, Delay: delay, Left: p.window.Left(m.now), Incarnation: c.incarnation,
	})

	if !m.stopping() {
		m.regroup(p, c)
	}

	m.set(c, BackingOff)

	if delay > 0 {
		m.wait(c, m.at.after(delay))
		m.goOn(p)
	} else {
		m.attempt(c)
	}
}

// worthwhile reports whether an actor that failed while it worked off its queue has still to do and the time for it.
func (m *Machine) worthwhile(n *entry) bool {
	return m.config.Unfinished(n.id) > 0 && m.at < m.lines[Drain]
}

// ran returns how long a child that is down had been running.
func (m *Machine) ran(n *entry) time.Duration {
	if n.seldom == nil || n.started == 0 {
		return 0
	}

	ran := time.Duration(m.at - n.started)
	n.started = 0 // a failed start in between is not a run

	return ran
}

// attempt is a restart whose back-off is over. One of a group waits for its turn.
func (m *Machine) attempt(n *entry) {
	m.stopTimer(n)

	switch {
	case n.pending && !m.stopping():
		m.set(n, Idle)
		m.goOn(n.parent)
	case n.visited && !m.worthwhile(n):
		m.leaveOff(n)
	default:
		m.start(n)
	}
}

// leaveOff ends an actor that is down while the system drains: there is nothing to restart it for, or no time. Of a
// failure with a message the dead letter tells, and that is all that is lost.
func (m *Machine) leaveOff(n *entry) {
	if t := n.was(); t != nil && t.failure != nil && (t.bare || m.config.Unfinished(n.id) > 0) {
		m.errs = append(m.errs, t.failure)
	}

	m.post(Order{ID: n.id, Command: node.Cut})
	m.finish(n)
}

// hangingError is [supervision.ErrHanging] and what the last of them has failed with. That may be a user's: it is not
// asked what it says while the machine is at work.
type hangingError struct{ err error }

func (e *hangingError) Error() string {
	return supervision.ErrHanging.Error() + ": " + supervision.Text(e.err)
}

func (e *hangingError) Unwrap() []error { return []error{supervision.ErrHanging, e.err} }

// tooManyHang stops the system over an actor whose incarnations hang one after the other. A restart of it, or of a
// supervisor above it, would only leave one more behind, however much of a budget is left.
func (m *Machine) tooManyHang(p, c *entry, err error) {
	err = &hangingError{err}

	if m.stopping() {
		m.giveUp(p, c, err)

		return
	}

	c.pending = false
	m.set(c, Idle)
	m.tell(c, supervision.Event{Kind: supervision.GaveUp, Err: err})
	m.shutdown(err)
}

// giveUp makes a supervisor fail over a child that is down: to its parent, or at the root to the whole system.
func (m *Machine) giveUp(p, c *entry, err error) {
	m.ill(p).failure, p.failed, c.pending = err, true, false
	m.set(c, Idle)
	m.tell(p, supervision.Event{Kind: supervision.GaveUp, Err: err})

	switch {
	case m.stopping():
		m.errs = append(m.errs, err)
		m.finish(c)
	case p.parent == nil:
		m.shutdown(err)
	default:
		m.haltAll(p, err)
	}
}

// haltAll stops a supervisor's children in reverse start order, each awaited; their queues are kept. Cause is why it
// fails, or nil if its own supervisor wants it to halt.
func (m *Machine) haltAll(s *entry, cause error) {
	m.set(s, Halting)
	m.ill(s).cause, s.ordered = cause, cause == nil
	s.cursor, s.populating = nil, false

	for c := range s.children() {
		c.pending, c.fresh = false, false

		if c.state == BackingOff {
			m.stopTimer(c)
			m.set(c, Idle)
		}

		if c.state == Idle {
			m.shed(c)
		}

		s.doom(c)
	}

	m.haltNext(s)
}

func (m *Machine) haltActor(n *entry) {
	if t := n.was(); t != nil {
		t.cause = nil
	}

	m.order(n, Halting, node.Halt, n.spec.Deadlines.Close)
}

// halted goes on when all children of a supervisor are down.
func (m *Machine) halted(s *entry) {
	p := s.parent

	if p == nil {
		if !m.stopping() {
			m.bootFailed(s.cause)
		}

		return
	}

	told := p.spare(s) && s.ordered

	switch {
	case m.stopping():
	case told && p.state != Halting && !s.pending: // it is temporary
		m.finish(s)
		m.settled(p, s)
	case told, p.state == Halting:
		m.haltNext(p)
	case p.state == Starting && s.fresh:
		p.failed = true
		m.haltAll(p, s.cause)
	default:
		m.childFailed(p, s, s.cause, node.Restart)
	}
}
