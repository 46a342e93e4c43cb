package lifecycle

import (
	"iter"
	"time"

	"github.com/troupe-go/troupe/internal/doubling"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Config is what a machine decides about, and the things it must ask for.
type Config struct {
	Plan *supervision.Plan
	// Shares are the lengths of the phases of a shutdown.
	Shares supervision.Shares
	// Forced is how long everything may still take once a shutdown is forced.
	Forced time.Duration
	// Path returns the path of a child of a group, which is not in the plan.
	Path func(id int) string
	// Unfinished returns how much there is for an actor to go on for, such as messages that wait.
	Unfinished func(id int) int
	// Chance returns a random number from 0 to 1, for the jitter of back-off.
	Chance func() float64
	// AtOnce has an actor do what a command of its stop orders, if it has nothing to do for that, and reports whether it
	// did: then there is no order and no report. Nil means that nobody ever does. The commands are Drain, with which it
	// refuses new messages, Flush, Close and Finish. Hooks are, with Drain, those of Flush and Close for which it has one,
	// and nobody who could call it.
	AtOnce func(id int, c mailbox.Command) (done bool, hooks mailbox.Command)
}

// Machine is the state of a running tree. Its methods must not be called concurrently.
type Machine struct {
	config Config
	nodes  []*entry  // by slot, which is the plan's index for those of the plan; nil where a child has been removed
	unused []*seldom // at most as many as have been in use at a time
	room   []seldom  // more to be used, behind those that are
	// unusedSteps are those that are not in use.
	unusedSteps []*step
	free        []int // ids of the slots that are not in use
	timers      timers
	now         time.Time
	at          moment    // the same
	epoch       time.Time // just before the first step
	out         []Effect

	begins  boxes[Begin] // of what is in out
	orders  boxes[Order]
	spawns  boxes[Spawned]
	happens boxes[Happened]

	phase  Phase
	forced bool
	gaveUp bool    // on an actor or a task, in the shutdown
	cause  error   // why the system stops, nil if it was asked to
	errs   []error // what went wrong while stopping; at most a few per actor
	walk   walk    // of the phase in progress
	tasks  tasks
	sweeps []*sweep // of the phase in progress, whose time is not over
	// sweeping is the last sweep that has begun in this step; nil if there was none.
	sweeping *sweep
	parts    []*part // being stopped, in the order that was asked for; at most one for each target
	busy     bool    // proceed is running, further up the call stack

	began [Done + 1]time.Time // when each phase began
	ends  [Done + 1]moment    // when each phase of the shutdown must be over
	lines [Done + 1]moment    // when the last tenth of each begins: nobody waits for its turn any more
}

// Steps are what an actor's stop was made of.
type Steps struct{ Drain, Flush, Close Step }

// Step is one step of an actor's stop.
type Step struct {
	// Began is when it was ordered; zero if it was not.
	Began time.Time
	Took  time.Duration
	// Err is what the hook returned, or that the step was cut or given up on.
	Err error
}

// Abandoned is an incarnation that did not return by its deadline.
type Abandoned struct {
	Incarnation uint64
	Step        string
	At          time.Time
}

// New returns a machine for a plan. Nothing happens before [Machine.Boot].
func New(c Config) *Machine {
	m := &Machine{config: c, phase: Booting}

	for id := range c.Plan.Nodes {
		spec := &c.Plan.Nodes[id]
		m.nodes = append(m.nodes, newEntry(id, spec))
	}

	for _, p := range m.nodes {
		if p.supervisor == nil {
			continue
		}

		for _, id := range p.spec.Children {
			p.link(m.nodes[id])
		}

		m.linkDependents(p)
	}

	m.linkTasks()

	return m
}

// node returns the node of an id, or nil if it is gone.
func (m *Machine) node(id int) *entry {
	if slot := slotOf(id); slot < len(m.nodes) && m.nodes[slot] != nil && m.nodes[slot].id == id {
		return m.nodes[slot]
	}

	return nil
}

// path returns the path of a node.
func (m *Machine) path(n *entry) string {
	if n.id < len(m.config.Plan.Nodes) {
		return n.spec.Path
	}

	return m.config.Path(n.id)
}

// present yields the nodes that are there, supervisors before their children.
func (m *Machine) present() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, n := range m.nodes {
			if n != nil && !yield(n) {
				return
			}
		}
	}
}

// Input is something that happened. Exactly one of the types below.
type Input interface{ input() }

// Boot starts the tree.
type Boot struct{}

// Tick says that time has passed.
type Tick struct{}

// Report is what an actor reports. It can be given as a pointer, which need not be kept.
type Report struct{ node.Report }

// Reports are what several actors report, one after the other. They need not be kept. They have come to their ends
// before anything that is due now.
type Reports struct{ All []node.Report }

// StopOne stops one actor for good.
type StopOne struct {
	ID   int
	Mode node.StopMode
}

// StopPart stops a part of the tree for good: members as [Machine.Part] returns them for a target. Ask is a number of
// whoever asks, for the answer, which is Parted.
type StopPart struct {
	Ask     int
	Target  int
	Mode    node.StopMode
	Members []int
}

// Add starts a child of a group, which has the id that [Machine.Free] has returned last.
type Add struct{ Parent int }

// Populated says that the members of a pool have been added, as [Populate] asks, or why they could not be.
type Populated struct {
	ID  int
	Err error
}

// Shutdown stops everything in order.
type Shutdown struct{}

// Interrupt stops everything in order, and forces it when that is already going on.
type Interrupt struct{}

// TaskOver says that a task has returned, with what; also one that had been given up on.
type TaskOver struct {
	Task int
	Err  error
}

// Woken says that the hook of an actor that was thought to sleep is not called, because somebody is there.
type Woken struct{ ID int }

// Force cuts a shutdown short, or begins a short one.
type Force struct{}

func (Boot) input()      {}
func (Tick) input()      {}
func (Report) input()    {}
func (Reports) input()   {}
func (StopOne) input()   {}
func (StopPart) input()  {}
func (Add) input()       {}
func (Populated) input() {}
func (Shutdown) input()  {}
func (Interrupt) input() {}
func (Force) input()     {}
func (TaskOver) input()  {}
func (Woken) input()     {}

// Step takes an input and returns what is to be done. Time must not go backwards. The result is valid until the next
// call.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	m.now, m.out, m.sweeping = now, m.out[:0], nil
	m.begins.reset()
	m.orders.reset()
	m.spawns.reset()
	m.happens.reset()

	first := m.epoch.IsZero()
	if first {
		m.epoch = now.Add(-1)
	}

	m.at = moment(now.Sub(m.epoch))

	if first {
		for n := range m.present() {
			n.since = m.at
		}
	}

	if _, over := in.(*Reports); !over { // what is over has come before what is due
		m.expire()
	}

	m.take(in)
	m.expire()

	return m.out
}

func (m *Machine) take(in Input) {
	switch in := in.(type) {
	case Boot:
		m.began[Booting] = m.now
		m.startAll(m.nodes[0])
	case StopOne:
		if n := m.node(in.ID); n != nil {
			m.stopOne(n, in.Mode)
		}
	case StopPart:
		m.stopPart(in)
	case Add:
		m.add(in)
	case Populated:
		m.populated(m.node(in.ID), in.Err)
	case Shutdown:
		m.shutdown(nil)
	case Interrupt:
		if m.stopping() {
			m.force()
		} else {
			m.shutdown(nil)
		}
	case Force:
		m.force()
	case Tick:
	default:
		m.hear(in)
	}
}

// hear is take for what actors and tasks say.
func (m *Machine) hear(in Input) {
	switch in := in.(type) {
	case Report:
		m.reported(in.Report)
	case *Report:
		m.reported(in.Report)
	case *Reports:
		for _, r := range in.All {
			m.reported(r)
		}
	case Woken:
		if n := m.node(in.ID); n != nil {
			m.woken(n)
		}
	case TaskOver:
		m.taskReturned(in.Task, in.Err)
	}
}

func (m *Machine) reported(r node.Report) {
	if n := m.node(r.ID); n != nil {
		m.report(n, r)
	}
}

// expire handles everything whose time has come. It ends, because every expiry moves its node to a later time or
// takes its timer away.
func (m *Machine) expire() {
	for {
		n := m.due()

		switch {
		case n == nil && (m.expireTask() || m.expireSweep()):
		case n == nil:
			return
		case n.id == 0:
			m.hurry()
		case n.state == BackingOff:
			m.attempt(n)
		case n.cut == nil:
			m.cut(n, n.overdue())
		default:
			m.abandon(n)
		}
	}
}

func (m *Machine) emit(e Effect) { m.out = doubling.Append(m.out, e) }

func (m *Machine) post(o Order) { m.emit(m.orders.put(o)) }

// tell tells those who watch what has happened to a node.
func (m *Machine) tell(n *entry, e supervision.Event) {
	e.Path, e.Time = m.path(n), m.now
	m.emit(m.happens.put(Happened{e, n.id}))
}

// set moves a node to a state; a step that was in progress is over with that.
func (m *Machine) set(n *entry, s State) {
	if n.state == Running && s != Running {
		m.needs(n).started = n.since
	}

	n.state, n.since = s, m.at

	m.dropStep(n)
}

// stopping reports whether a shutdown is in progress.
func (m *Machine) stopping() bool { return m.phase >= Intake }

// actorsPhase is the phase of the shutdown whose time the steps of actors have; they have no part in the intake.
func (m *Machine) actorsPhase() Phase { return max(m.phase, Drain) }

// stepInto begins a step that must be over after limit, or with the phase if that is sooner. A limit of 0 is the
// phase's.
func (m *Machine) stepInto(n *entry, s State, limit time.Duration) {
	m.set(n, s)

	m.takeStep(n, m.stepOf(limit, s.queues()))
	m.wait(n, n.cutAt)
}

// stepOf returns a step that begins now. Queue says whether it is about what is queued.
func (m *Machine) stepOf(limit time.Duration, queue bool) step {
	s := step{began: m.at, cutAt: m.at.after(limit - limit/10), hardAt: m.at.after(limit)}

	if m.stopping() {
		if limit == 0 {
			end := m.ends[m.actorsPhase()]
			s.cutAt, s.hardAt = end, end
		}

		m.keepWithin(&s, m.actorsPhase(), queue)
	}

	return s
}

// clamp keeps a step within the phase.
func (m *Machine) clamp(n *entry) { m.keepWithin(n.step, m.actorsPhase(), n.state.queues()) }

// queues reports whether a step in that state is about what is queued.
func (s State) queues() bool { return s == Draining || s == Starting }

// keepWithin keeps a step within a phase. From the phase's line on a queue is not worked off any more, nor anybody
// started to do so, and a hook or a task gets nine tenths of what is left.
func (m *Machine) keepWithin(s *step, p Phase, queue bool) {
	end, line := m.ends[p], m.lines[p]

	switch {
	case line > m.at:
	case queue:
		line = m.at
	default:
		line = m.at + nineTenths(end-m.at)
	}

	s.cutAt, s.hardAt = min(s.cutAt, line), min(s.hardAt, end)
}

// order posts a command that begins a step.
func (m *Machine) order(n *entry, s State, c mailbox.Command, limit time.Duration) {
	m.stepInto(n, s, limit)
	m.post(Order{
		ID: n.id, Command: c, Deadline: m.time(n.cutAt),
		Sleeps: n.sleepsFor(c),
	})
}
