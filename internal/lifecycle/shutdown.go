package lifecycle

import (
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// shutdown begins the phases, once.
func (m *Machine) shutdown(cause error) {
	if m.stopping() {
		return
	}

	root := m.nodes[0]
	if cause == nil && root.state == Halting {
		cause = root.cause // the tree did not start, and what had started is still being stopped
	}

	served := m.phase == Serving

	m.cause = cause
	m.schedule()
	m.enterFirst()
	m.settle(served)
	m.proceed()
}

// schedule fixes when each phase ends; what an early phase does not use, the later ones have besides their share.
func (m *Machine) schedule() {
	s, end := m.config.Shares, m.at

	for i, share := range []time.Duration{s.Intake, s.Drain, s.Flush, s.Close} {
		end = end.after(share)
		m.ends[Intake+Phase(i)] = end
		m.lines[Intake+Phase(i)] = end.after(-share / 10)
	}
}

// enterFirst begins the intake, which is over at once if there is nothing to do in it.
func (m *Machine) enterFirst() {
	m.began[Intake] = m.now

	if m.hasTasks(Intake) {
		m.enter(Intake)
	} else {
		m.enter(Drain)
	}
}

// settle deals with everything that is on its way up or down when a shutdown begins. Served says whether the tree had
// started. What is being restarted goes on, so that its queue can be worked off.
func (m *Machine) settle(served bool) {
	for n := range m.present() { // supervisors come before their children
		p := n.parent
		comes := served && p != nil && p.state == Running && n.pending

		if n.isActor() {
			m.settleActor(n, served, comes)
		} else {
			m.settleTree(n, served, comes)
		}
	}
}

// settleActor is settle for an actor. Comes says that it is one of a group that is being restarted.
func (m *Machine) settleActor(n *entry, served, comes bool) {
	m.takeBack(n)
	m.rejoin(n)

	switch {
	case n.state == BackingOff: // interrupted at once
		m.ill(n).hurried = true
		m.attempt(n)
	case n.state == Idle && comes:
		m.begin(n)
	case n.state == Idle: // not started yet, halted with its supervisor, or given up: it stays down
		m.finish(n) // now, so that those who still wait for it learn of it
	case n.state == Starting && !served && n.cut == nil:
		m.reclamp(n)
		m.cancelStart(n)
	default:
		m.reclamp(n)
	}
}

// settleTree is settle for a supervisor.
func (m *Machine) settleTree(n *entry, served, comes bool) {
	if n.state == BackingOff || n.state == Starting && served || comes && n.comesBack() {
		m.startAtOnce(n)

		return
	}

	if n.parent != nil && n.state == Halting && !n.ordered {
		m.errs = append(m.errs, n.cause) // it gave up, and nobody decides about it any more
	}

	m.reclamp(n)
}

// startAtOnce goes on with the restart of a supervisor, so that its actors can work off their queues. A shutdown has
// no time to await them one after the other: what they send to each other waits in their queues.
func (m *Machine) startAtOnce(s *entry) {
	if s.state != Starting {
		m.stopTimer(s)
		s.window = supervision.NewWindow(s.spec.Budget)
	}

	m.set(s, Running)
	s.failed = false

	for c := range s.children() {
		c.fresh, c.pending = false, c.doomed // who is on its way down comes back

		switch {
		case c.isActor() && c.state == Idle:
			m.begin(c)
		case !c.isActor() && (c.state == Starting || c.comesBack()):
			m.startAtOnce(c)
		}
	}
}

// comesBack reports whether a supervisor is down, or on its way, because a group is restarted and not because it gave
// up.
func (n *entry) comesBack() bool {
	return n.state == Idle || n.state == Halting && n.ordered
}

// enter begins a phase.
func (m *Machine) enter(p Phase) {
	m.phase = p
	m.began[p] = m.now
	m.sweeps = m.sweeps[:0] // all of them are over

	if p == Done {
		for n := range m.present() {
			if !n.isActor() && n.state != Stopped {
				m.stopTimer(n)
				m.set(n, Stopped)
				m.tell(n, supervision.Event{Kind: supervision.Stopped})
			}
		}

		m.endParts()
		m.emit(Ended{})

		return
	}

	if p == Drain {
		m.emit(CloseIntake{})

		if m.forced { // in the intake
			m.lines[Drain] = m.at
		}
	}

	m.wait(m.nodes[0], m.lines[p])
	m.walk.begin(m)
}

// reclamp applies the phase's end to a step that is in progress.
func (m *Machine) reclamp(n *entry) {
	if !n.waits() || n.id == 0 {
		return
	}

	switch {
	case !n.stepping(): // it backs off, for which there is no time
		m.wait(n, m.at)

		return
	case n.cut == nil:
		m.clamp(n)
		m.wait(n, n.cutAt)
	default:
		m.clamp(n)
		m.wait(n, n.hardAt)
	}
}

// force leaves a shutdown only the time that forcing allows: queues are cut at once, hooks get what is left.
func (m *Machine) force() {
	m.shutdown(nil)

	if m.forced || m.phase == Done {
		return
	}

	m.forced = true
	share := m.config.Forced / time.Duration(Close-m.phase+1)
	end := m.at

	for p := m.phase; p <= Close; p++ {
		end = end.after(share)

		if m.ends[p] > end {
			m.ends[p], m.lines[p] = end, end.after(-share/10)
		}
	}

	if m.phase <= Drain {
		m.lines[m.phase] = m.at
	}

	m.wait(m.nodes[0], m.lines[m.phase])

	for n := range m.present() {
		m.reclamp(n)
	}

	m.reclampTasks()
	m.reclampSweeps()
}

// hurry is called when the last tenth of a phase begins: nobody waits any more, neither for its turn nor for its next
// attempt.
func (m *Machine) hurry() {
	m.walk.hurry(m)
	m.proceed()

	for n := range m.present() {
		if n.state == BackingOff && n.visited {
			m.attempt(n)
		}
	}
}

// proceed visits the actors that may begin, and goes to the next phase when all are done.
func (m *Machine) proceed() {
	if m.busy {
		return
	}

	m.busy = true
	defer func() { m.busy = false }()

	for m.stopping() && m.phase < Done {
		if t := m.walk.nextTask(); t != nil {
			m.taskVisit(t)

			continue
		}

		n := m.walk.next()

		switch {
		case n != nil && m.phase == Drain:
			m.drainTurn(n)
		case n != nil && m.phase == Flush:
			m.flushVisit(n)
		case n != nil:
			m.closeVisit(n)
		case !m.walk.over():
			return
		default:
			m.enter(m.phase + 1)
		}
	}
}

// done marks an actor's part of the phase as over. In the intake it has none.
func (m *Machine) done(n *entry) {
	if m.phase != Intake {
		m.walk.finish(m, n)
		m.proceed()
	}
}

// drainTurn is called when the drain comes to an actor.
func (m *Machine) drainTurn(n *entry) {
	n.visited = true

	switch {
	case n.state == Running && m.atOnce(n, node.Drain):
		m.pass(n, Drained)
		m.done(n)

		return
	case n.state != Stopped && n.state != Finishing:
		m.emit(Seal{ID: n.id})
	}

	m.drainVisit(n)
}

// drainVisit moves an actor that the drain has come to towards having no queue. It is called again when the actor has
// started.
func (m *Machine) drainVisit(n *entry) {
	switch n.state {
	case Running:
		m.order(n, Draining, node.Drain, n.spec.Deadlines.Drain)
	case Drained, Flushed: // alone, before the drain began
		m.done(n)
	case Stopped, Idle: // it has ended, or it and the whole tree did not start
		m.done(n)
	case BackingOff: // it was hurried before, and the wait is what keeps it from storming
		if !m.worthwhile(n) {
			m.attempt(n)
		}
	default: // in the middle of something that ends by itself or by its deadline
	}
}

// drained notes that an actor has worked off its queue.
func (m *Machine) drained(n *entry, err error, lost bool) {
	if n.state != Draining {
		return
	}

	if lost {
		err = errors.Join(node.ErrCut, err)
	}

	if n.cut != nil && (n.leftover || lost) {
		err = errors.Join(n.cut, err)
	}

	m.stepOver(n, Drain, err)
	m.hookFailed(n, "drain", err)
	m.stopTimer(n)
	m.set(n, Drained)

	if n.alone != no {
		m.flush(n)
	} else {
		m.done(n)
	}
}

func (m *Machine) flushVisit(n *entry) {
	switch {
	case !n.instance, n.state == Flushed: // the latter alone, before the shutdown
		m.done(n)
	case n.state == Flushing: // is awaited
	case m.atOnce(n, node.Flush):
		m.pass(n, Flushed)
		m.done(n)
	default:
		m.hook(n, Flushing, node.Flush, n.spec.Deadlines.Flush)
	}
}

func (m *Machine) flushed(n *entry, err error) {
	if n.state != Flushing {
		return
	}

	m.stepOver(n, Flush, err)
	m.stopTimer(n)
	m.set(n, Flushed)
	m.hookFailed(n, "flush", err)

	if n.alone != no {
		m.order(n, Closing, node.Close, n.spec.Deadlines.Close)
	} else {
		m.done(n)
	}
}

func (m *Machine) closeVisit(n *entry) {
	switch {
	case n.state == Stopped:
		m.done(n)
	case n.instance && m.atOnce(n, node.Close):
		m.lost(n)
		m.pass(n, Closing)
		m.finish(n)
	case n.instance:
		m.hook(n, Closing, node.Close, n.spec.Deadlines.Close)
	case n.state != Finishing:
		m.finish(n)
	}
}

// closed notes that an actor has closed; gone, that it has ended for good with that.
func (m *Machine) closed(n *entry, err error, gone bool) {
	m.stepOver(n, Close, err)
	m.hookFailed(n, "close", err)

	if gone && m.phase == Close {
		m.stopTimer(n)
		m.finished(n)
	} else {
		m.finish(n)
	}
}

func (m *Machine) hookFailed(n *entry, step string, err error) {
	if err == nil {
		return
	}

	m.tell(n, supervision.Event{Kind: supervision.HookFailed, Step: step, Err: err, Incarnation: n.incarnation})

	if m.stopping() {
		m.errs = append(m.errs, &supervision.FailureError{Path: m.path(n), Err: err})
	}
}

// bootFailed ends a system whose tree did not start: everything that had started is down again.
func (m *Machine) bootFailed(cause error) {
	m.cause = cause
	m.schedule()

	if len(m.tasks.all) > 0 {
		m.enterFirst()
	} else {
		m.emit(CloseIntake{})

		for p := Intake; p < Close; p++ {
			m.began[p] = m.now // and was over
		}

		m.enter(Close)
	}

	m.proceed()
}
