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

// fail notes why an actor fails.
func (n *entry) fail(err error, d node.Directive) {
	n.cause = &supervision.FailureError{Path: n.spec.Path, Err: err}
	n.failure, n.directive = n.cause, d
}

// failing handles a failure whose incarnation has still to end.
func (m *Machine) failing(n *entry, err error, d node.Directive) {
	n.fail(err, d)

	if n.state != Halting { // being halted it fails a little early
		m.order(n, Ending, 0, n.spec.Deadlines.Close) // it ends by itself, and is told until when
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
		m.leaveOff(c)

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
	if m.stopping() && !c.hurried {
		delay, c.hurried = 0, true
	}

	m.emit(Note{
		Path: c.spec.Path, Message: NoteRestarts, Err: err, Delay: delay, Left: p.window.Left(m.now),
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

	switch {
	case !n.spec.IsActor():
		m.startChildren(n)
	case n.visited && !m.worthwhile(n):
		m.leaveOff(n)
	default:
		m.begin(n)
	}
}

// leaveOff ends an actor that is down while the system drains: there is nothing to restart it for, or no time.
func (m *Machine) leaveOff(n *entry) {
	m.emit(Note{Path: n.spec.Path, Message: "failed, is not restarted", Err: n.failure})

	if n.failure != nil && m.config.Queued(n.id) > 0 {
		m.errs = append(m.errs, n.failure) // what it leaves in its queue is lost because of it
	}

	m.emit(Order{ID: n.id, Command: node.Cut})
	m.finish(n)
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
