package lifecycle_test

import (
	"path"
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// law is what must hold in every world.
type law struct {
	world      *world
	dependsOn  [][]int // by actor: the actors it depends on, itself or through a supervisor
	dependents [][]int
	attempts   [][]time.Time                 // by supervisor: restarts since it was started itself
	stopped    map[int]bool                  // by actor: somebody asked to stop it, or it stopped itself
	lines      [lifecycle.Done + 1]time.Time // from when on nobody waits for its turn in a phase
	limit      time.Time                     // when the shutdown must be over; zero before it
	halting    []int                         // supervisors that were halting after the last step
	shut       bool                          // a shutdown had begun after the last step
	states     []lifecycle.State             // after the last step
	left       map[int]uint64                // by actor: the incarnation that stopped itself last
	groups     *groups
	ended      int
}

func newLaw(w *world) *law {
	n := len(w.plan.Nodes)
	l := &law{
		world: w, dependsOn: make([][]int, n), dependents: make([][]int, n), attempts: make([][]time.Time, n),
		stopped: make(map[int]bool), states: make([]lifecycle.State, n), left: make(map[int]uint64),
	}

	for id := range w.plan.Nodes {
		if !w.plan.Nodes[id].IsActor() {
			continue
		}

		for at := id; at >= 0; at = w.plan.Nodes[at].Parent {
			for _, on := range w.plan.Nodes[at].DependsOn {
				for target := range w.plan.Nodes {
					if w.plan.Nodes[target].IsActor() && l.within(target, on) {
						l.dependsOn[id] = append(l.dependsOn[id], target)
						l.dependents[target] = append(l.dependents[target], id)
					}
				}
			}
		}
	}

	l.groups = newGroups(l)

	return l
}

// within reports whether a node is b or below it.
func (l *law) within(a, b int) bool {
	for ; a >= 0; a = l.world.plan.Nodes[a].Parent {
		if a == b {
			return true
		}
	}

	return false
}

func (l *law) state(id int) lifecycle.State { return l.world.machine.View(id).State }

func (l *law) brokenf(format string, args ...any) {
	l.world.t.Helper()
	l.world.t.Fatalf("BROKEN: "+format, args...)
}

// before learns from what the machine is told.
func (l *law) before(in lifecycle.Input) {
	w := l.world

	switch in := in.(type) {
	case lifecycle.StopOne:
		l.stopped[in.ID] = true
		w.parts.leaves(in.ID)
	case lifecycle.Report:
		if in.Event == node.StopSelf {
			l.stopped[in.ID], l.left[in.ID] = true, in.Incarnation
			w.parts.leaves(in.ID)
		}
	case lifecycle.Woken:
		l.woken(in.ID)
	case lifecycle.Shutdown:
		l.shutdown()
	case lifecycle.Force:
		l.shutdown()

		if w.machine.Forced() && w.now.Add(w.config.Forced).Before(l.limit) {
			l.limit = w.now.Add(w.config.Forced)
		}

		if w.machine.Forced() { // the lines of later phases move; what is checked is only the drain
			l.hurry()
		}
	}

	if w.machine.Phase() >= lifecycle.Intake {
		l.shutdown() // the root gave up, or the tree did not start
	}
}

// hurry notes that nobody waits for its turn from now on.
func (l *law) hurry() {
	now := l.world.now
	l.lines = [lifecycle.Done + 1]time.Time{
		lifecycle.Intake: now, lifecycle.Drain: now, lifecycle.Flush: now, lifecycle.Close: now,
	}
}

func (l *law) shutdown() {
	if !l.limit.IsZero() {
		return
	}

	s := l.world.config.Shares
	end := l.world.now

	for i, share := range []time.Duration{s.Intake, s.Drain, s.Flush, s.Close} {
		end = end.Add(share)
		l.lines[int(lifecycle.Intake)+i] = end.Add(-share / 10)
	}

	l.limit = end
}

// effect checks one decision.
func (l *law) effect(e lifecycle.Effect) {
	if h, ok := e.(*lifecycle.Happened); l.ended > 0 && (!ok || h.Kind != supervision.Returned) {
		l.brokenf("something is to be done after the end")
	}

	switch e := e.(type) {
	case *lifecycle.Begin:
		l.alive(e)

		if e.ID < len(l.world.fakes) {
			l.begin(e)
		}
	case *lifecycle.Order:
		if e.Command&node.Halt != 0 {
			l.world.fake(e.ID).current().halted = true
		}

		if e.ID < len(l.world.fakes) {
			l.order(l.world.fakes[e.ID], e.Command)
		}
	case *lifecycle.Sweep:
		for _, id := range e.IDs {
			if id < len(l.world.fakes) {
				l.order(l.world.fakes[id], e.Command)
			}
		}
	case lifecycle.Seal:
		l.world.parts.seal(e.ID)
	case lifecycle.Parted:
		l.world.parts.parted(e)
	case lifecycle.LetGo:
		l.letGo(l.world.fake(e.ID), e.TakenBack)
	case lifecycle.Abandon:
		l.abandon(l.world.fake(e.ID), e)
	case *lifecycle.Spawned, lifecycle.Removed:
		l.world.crowd.effect(e)
	case *lifecycle.Happened:
		l.happened(e.Event)
	case lifecycle.Ended:
		l.ended++
		l.world.parts.end()
		l.end()
	}
}

// alive checks that an incarnation may begin.
func (l *law) alive(e *lifecycle.Begin) {
	f := l.world.fake(e.ID)

	if f.finished {
		l.brokenf("%s is begun after it has ended for good", f.spec.Path)
	}

	if c := f.current(); c != nil && !c.over && !c.abandoned {
		l.brokenf("%s #%d is begun while #%d is there", f.spec.Path, e.Incarnation, c.number)
	}

	if want := uint64(len(f.lives) + 1); e.Incarnation != want {
		l.brokenf("%s #%d is begun, the next is #%d", f.spec.Path, e.Incarnation, want)
	}

	if s := f.spec.Parent; slices.Contains(l.halting, s) && l.state(s) == lifecycle.Halting {
		l.brokenf("%s is begun while %s halts", f.spec.Path, l.world.path(s))
	}
}

// begin checks that an actor of the plan is begun in its turn.
func (l *law) begin(e *lifecycle.Begin) {
	f := l.world.fakes[e.ID]

	l.groups.begin(e.ID)

	if len(f.lives) > 0 {
		return
	}

	for _, on := range l.dependsOn[e.ID] {
		started := slices.ContainsFunc(l.world.fakes[on].lives, func(x *life) bool { return x.started })
		if !started && !l.stopped[on] {
			l.brokenf("%s starts before %s has", f.spec.Path, l.world.path(on))
		}
	}
}

func (l *law) order(f *fake, c mailbox.Command) {
	phase := l.world.machine.Phase()
	x := f.current()

	switch c {
	case node.Halt:
		l.groups.halt(f)
	case node.Drain:
		x.drains++
		l.once(f, "drained", x.drains)

		if phase == lifecycle.Drain && !l.stopped[f.id] {
			l.inTurn(f, "drained", lifecycle.Drain, lifecycle.Running, lifecycle.Starting, lifecycle.Ending,
				lifecycle.BackingOff, lifecycle.Halting, lifecycle.Leaving, lifecycle.Draining)
		}
	case node.Flush:
		x.flushes++
		l.once(f, "flushed", x.flushes)

		if phase >= lifecycle.Intake { // before, one that was stopped is flushed alone
			l.nobodyIs("flushed", f, lifecycle.Running, lifecycle.Starting, lifecycle.Ending, lifecycle.BackingOff,
				lifecycle.Halting, lifecycle.Leaving, lifecycle.Draining)
			l.inTurn(f, "flushed", lifecycle.Flush, lifecycle.Drained, lifecycle.Flushing)
		}
	case node.Close:
		x.closes++
		l.once(f, "closed", x.closes)

		if phase >= lifecycle.Intake {
			l.nobodyIs("closed", f, lifecycle.Drained, lifecycle.Flushing)
			l.inTurn(f, "closed", lifecycle.Close, lifecycle.Flushed, lifecycle.Closing)
		}
	}
}

// woken notes that what an actor was told is to be ordered again, because nobody has done it.
func (l *law) woken(id int) {
	if id >= len(l.world.fakes) {
		return
	}

	x := l.world.fakes[id].current()

	switch l.world.machine.View(id).State { //nolint:exhaustive // in no other it is told again
	case lifecycle.Flushing:
		x.flushes--
	case lifecycle.Closing:
		x.closes--
	}
}

func (l *law) once(f *fake, what string, times int) {
	if times > 1 {
		l.brokenf("%s is %s twice", f.spec.Path, what)
	}
}

// inTurn checks that no actor that depends on f is still in one of these states, unless the phase's line has passed.
func (l *law) inTurn(f *fake, what string, p lifecycle.Phase, not ...lifecycle.State) {
	if !l.world.now.Before(l.lines[p]) {
		return
	}

	for _, d := range l.dependents[f.id] {
		if slices.Contains(not, l.state(d)) && l.world.machine.Phase() == p {
			l.brokenf("%s is %s while %s, which depends on it, is %v", f.spec.Path, what, l.world.path(d), l.state(d))
		}
	}
}

// nobodyIs checks that no actor is in one of these states.
func (l *law) nobodyIs(what string, f *fake, not ...lifecycle.State) {
	for _, other := range l.world.fakes {
		if other != nil && other != f && slices.Contains(not, l.state(other.id)) {
			l.brokenf("%s is %s while %s is %v", f.spec.Path, what, other.spec.Path, l.state(other.id))
		}
	}
}

func (l *law) abandon(f *fake, e lifecycle.Abandon) {
	if e.Incarnation != f.current().number {
		l.brokenf("%s #%d is abandoned, the current one is #%d", f.spec.Path, e.Incarnation, f.current().number)
	}

	if !f.runner.busy && !f.called && !f.runner.answered.Equal(l.world.now) { // else it was too late by nothing
		l.brokenf("%s is abandoned though it has answered all", f.spec.Path)
	}
}

// stopsItself reports whether an actor that is halted has stopped itself, or came up too late.
func (l *law) stopsItself(f *fake) bool {
	return l.left[f.id] == f.current().number || l.state(f.id) == lifecycle.Ending
}

// happened counts restarts.
func (l *law) happened(e supervision.Event) {
	w := l.world
	at := func(p string) int {
		return slices.IndexFunc(w.plan.Nodes, func(n supervision.Node) bool { return n.Path == p })
	}
	id := at(e.Path)

	switch {
	case e.Kind == supervision.GaveUp && id >= 0:
		l.groups.giveUp(id)
	case e.Kind == supervision.Restarting && id >= 0:
		l.groups.restarting(id)
		l.restarting(id, w.plan.Nodes[id].Parent)
	case e.Kind == supervision.Restarting: // a child of a group
		l.restarting(id, at(path.Dir(e.Path)))
	}
}

func (l *law) restarting(id, parent int) {
	w := l.world

	for below := range w.plan.Nodes {
		if id >= 0 && l.within(below, id) {
			l.attempts[below] = nil // its window begins anew, also if it is up again at once
		}
	}

	budget := w.plan.Nodes[parent].Budget
	l.attempts[parent] = append(l.attempts[parent], w.now)

	counts := 0

	for _, at := range l.attempts[parent] {
		if w.now.Sub(at) < budget.Within {
			counts++
		}
	}

	if counts > budget.Restarts {
		l.brokenf("%s restarts %d times in %v, %d are allowed", w.path(parent), counts, budget.Within, budget.Restarts)
	}
}

// after checks what must hold between any two steps.
func (l *law) after() {
	w := l.world
	m := w.machine

	waiting, void := m.Waiting()
	slices.Sort(waiting)

	if most := 64; void > max(most, len(waiting)) {
		l.brokenf("%d timers are void, %d are not", void, len(waiting))
	}

	if len(slices.Compact(slices.Clone(waiting))) != len(waiting) {
		l.brokenf("a node has two timers: %v", waiting)
	}

	for id := range w.plan.Nodes {
		_, has := slices.BinarySearch(waiting, id)

		if timed := l.timed(id); id > 0 && has != timed { // the root's is that of the phase
			l.brokenf("%s is %v and has a timer: %v", w.path(id), l.state(id), has)
		}

		if m.Phase() == lifecycle.Flush && m.Began(lifecycle.Flush).Equal(w.now) {
			l.owe(w.fakes[id])
		}
	}

	for id := range w.plan.Nodes {
		was, is := l.states[id], l.state(id)
		l.states[id] = is

		if is != was && (is == lifecycle.Starting || is == lifecycle.Running && was != lifecycle.Starting) {
			l.attempts[id] = nil // a supervisor's window begins anew
			l.groups.anew(id)
		}
	}

	l.halting = l.halting[:0]

	for id, f := range w.fakes {
		if f == nil && l.state(id) == lifecycle.Halting {
			l.halting = append(l.halting, id)
		}

		if f != nil && l.state(id) == lifecycle.Running && f.runner.cancelled {
			l.brokenf("%s runs in a context that has ended", f.spec.Path)
		}
	}

	l.shut = l.groups.stopping()

	w.crowd.after()
	l.tasksAfter()

	if m.Phase() < lifecycle.Intake {
		l.progress()
		l.awaited()
		w.parts.progress()
		l.groups.settle()
	} else {
		l.allWait()
	}
}

// owe notes that an actor that is alive when the flush phase begins is to be flushed.
func (l *law) owe(f *fake) {
	if f == nil || f.current() == nil {
		return
	}

	x := f.current()
	x.flushDue = x.flushDue || x.started && !x.over && !x.abandoned && x.flushes == 0
}
