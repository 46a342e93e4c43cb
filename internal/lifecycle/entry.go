package lifecycle

import (
	"math"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// entry is the state of one actor or supervisor. There may be hundreds of thousands, most of which do nothing: what is
// rarely needed stands in structs of its own.
type entry struct {
	*supervisor // nil for an actor
	*seldom     // nil while nothing of it is needed; see Machine.needs

	id     int
	parent *entry // nil for the root
	spec   *supervision.Node

	next, prev *entry // siblings, in start order; see order.go
	order      uint64 // grows with the start order among siblings

	since moment // when it came into the state

	incarnation uint64 // the last that was begun

	timer    timerCount
	state    State
	alone    alone // it is being stopped by itself
	known    bool  // the incarnation's reports count
	instance bool  // the incarnation has started and not ended
	visited  bool  // the drain has come to it
	bits     uint8 // see depends, hookBit, isLetGo; and pass: the steps of its stop that were over as their phase began
	failed   bool  // since its last start began

	pending   bool // its supervisor is to start it when its turn comes
	fresh     bool // it has not started since its supervisor's start began; if it cannot, that fails with it
	doomed    bool // its supervisor is to bring it down, and awaits it
	cancelled bool // its start was cut by its supervisor
	added     bool // it was added at run time and somebody waits to hear how its start goes
}

// alone says how far an actor is to be stopped by itself.
type alone uint8

const (
	no alone = iota
	poisoned
	atOnce
)

// supervisor is what a supervisor has besides.
type supervisor struct {
	window      *supervision.Window
	first, last *entry // children, in start order
	cursor      *entry // no child before it is pending; nil if none is
	halt        *entry // no child after it is doomed
	doomedOnes  int    // how many children are doomed
	count       int    // of children
	populating  bool   // it starts, and its members have still to be added
	parting     bool   // it is being stopped as a part of the tree: nobody may be added
	// dependents are, for each child, the siblings that are restarted with it, in start order; only under
	// dependents-for-one.
	dependents map[*entry][]*entry
}

// seldom is what an actor that runs well does not need.
type seldom struct {
	*step    // nil while none is in progress
	*trouble // nil while there has been none; see Machine.ill

	started moment  // when it came up last, once it is down; 0 if that has been looked at
	stop    [3]done // the steps of its stop, from the drain on
}

// step is one step of an actor that has a deadline.
type step struct {
	leftover      bool  // the queue was not empty when its drain was cut
	cut           error // why its context has ended; nil while it has not
	began         moment
	cutAt, hardAt moment
}

// done is one that is over.
type done struct {
	began moment // 0 if it never did
	took  time.Duration
}

// trouble is what somebody has been through, up to its stop.
type trouble struct {
	failure   error // the last
	cause     error // Ending, Halting: why
	directive node.Directive
	restarts  int
	delay     supervision.Delay
	ordered   bool        // it halts by its supervisor's order and not because it gave up
	again     bool        // it stopped itself and is to be restarted
	bare      bool        // it failed in a shutdown, and not with a message
	hurried   bool        // a shutdown has interrupted its back-off, which it does once
	abandoned []Abandoned // those that have not come back; at most supervision.MaxAbandoned, and one more at the stop
	everLeft  int         // how many incarnations were abandoned
	wrong     [3]error    // how the steps of its stop went wrong, from the drain on
}

func newEntry(id int, spec *supervision.Node) *entry {
	n := &entry{id: id, spec: spec, state: Idle}
	if len(spec.DependsOn) > 0 {
		n.bits |= depends
	}

	if !spec.IsActor() {
		n.supervisor = &supervisor{window: supervision.NewWindow(spec.Budget)}
	}

	return n
}

// depends is the bit of entry.bits which says that it depends on somebody. Most do not, and their specs, which lie far
// away, need not be looked at then.
const depends = 1 << 7

// isActor reports whether it is one, and not a supervisor.
func (n *entry) isActor() bool { return n.supervisor == nil }

// needs returns what is seldom needed, making it when that is first so.
func (m *Machine) needs(n *entry) *seldom {
	if n.seldom != nil {
		return n.seldom
	}

	if last := len(m.unused) - 1; last >= 0 {
		n.seldom, m.unused = m.unused[last], m.unused[:last]
	} else {
		if len(m.room) == cap(m.room) {
			m.room = make([]seldom, 0, min(max(1, 2*cap(m.room)), manySeldom)) //nolint:mnd // twice as many
		}

		m.room = append(m.room, seldom{})
		n.seldom = &m.room[len(m.room)-1]
	}

	return n.seldom
}

// manySeldom is how many are made at once at most: a stop of hundreds of thousands needs one for each.
const manySeldom = 64

// tidy takes back what a node does not need any more: most start, and then have no trouble.
func (m *Machine) tidy(n *entry) {
	if n.trouble == nil && n.started == 0 && n.stop == [3]done{} {
		m.unused = append(m.unused, n.seldom)
		n.seldom = nil
	}
}

// ill returns the trouble, to be written to.
func (m *Machine) ill(n *entry) *trouble {
	s := m.needs(n)
	if s.trouble == nil {
		s.trouble = &trouble{delay: supervision.NewDelay(n.spec.Backoff)}
	}

	return s.trouble
}

// was returns the trouble, to be read; nil if there has been none.
func (n *entry) was() *trouble {
	if n.seldom == nil {
		return nil
	}

	return n.trouble
}

// stepping reports whether a step is in progress.
func (n *entry) stepping() bool { return n.seldom != nil && n.step != nil }

// takeStep gives a node a step.
func (m *Machine) takeStep(n *entry, s step) {
	if last := len(m.unusedSteps) - 1; last >= 0 {
		m.needs(n).step, m.unusedSteps = m.unusedSteps[last], m.unusedSteps[:last]
	} else {
		m.needs(n).step = new(step)
	}

	*n.step = s
}

// dropStep takes a node's step away, if it has one.
func (m *Machine) dropStep(n *entry) {
	if !n.stepping() {
		return
	}

	*n.step = step{} // it holds on to an error
	m.unusedSteps, n.step = append(m.unusedSteps, n.step), nil
	m.tidy(n)
}

// hanging returns the abandoned incarnations that have not come back.
func (n *entry) hanging() []Abandoned {
	if t := n.was(); t != nil {
		return t.abandoned
	}

	return nil
}

// lastFailure returns the last failure, or nil.
func (n *entry) lastFailure() error {
	if t := n.was(); t != nil {
		return t.failure
	}

	return nil
}

// moment is a time as the machine keeps it: since just before its first step, so that 0 is no time.
type moment time.Duration

// after returns the moment when d has passed since; one that is too far away for that is as late as can be.
func (t moment) after(d time.Duration) moment {
	if at := t + moment(d); at >= t || d < 0 {
		return at
	}

	return math.MaxInt64
}

// nineTenths returns what is left of d without its last tenth, rounded down, also of one whose ninefold is too long.
func nineTenths[D moment | time.Duration](d D) D { return d/10*9 + d%10*9/10 }

func (m *Machine) time(t moment) time.Time { return m.epoch.Add(time.Duration(t)) }
