package system

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// conductor is the shell around the state machine: it feeds it with what happens and carries out what it decides.
// Whoever has something to report runs the machine, under mu; there is no goroutine of its own, only a timer.
type conductor struct {
	system     *System
	protoactor *actor.ActorSystem
	office     *Office
	events     *Events
	intake     node.Gate
	waits      *waits.Graph
	booted     chan struct{}
	draining   chan struct{} // closed when a shutdown comes to its drain

	inbox   inbox
	crew    crew
	looking sync.WaitGroup // looks for stacks that the report waits for; added to with mu held
	// adding says that children are being added, with mu held. Whoever does that hears all reports that were there when
	// adding ended: so who reports first and then finds it set need not wait for mu. Both are sequentially consistent.
	adding atomic.Bool

	mu      sync.Mutex // held while the machine runs; never while user code does
	machine *lifecycle.Machine
	mounted *supervision.Mounted // set before anything happens
	groups  groups
	nodes   []node.Node // the actors, by slot; nil for supervisors and where nobody is
	timer   *time.Timer
	armed   time.Time // when timer fires; zero if it is not set
	next    time.Time // of the machine, as of the last leave
	// processedBefore is what each actor had processed when the shutdown began; nil before.
	processedBefore []uint64        // by slot
	stuck           map[place]stuck // abandoned incarnations that have not come back
	tasks           []context.CancelCauseFunc
	parting         map[int]*parting         // parts that are being stopped, by id of the target
	signals         []SignalReport           // that came; at most maxSignals
	more            []func() lifecycle.Input // what carrying out an effect has brought up
	report          lifecycle.Report         // being dealt with
	reports         lifecycle.Reports        // the same
	abandoned       bool                     // somebody has been, since enter
}

// place is one incarnation of one actor.
type place struct {
	id          int
	incarnation uint64
}

// stuck says how to find an abandoned incarnation that hangs, and once that is known where it does.
type stuck struct {
	labels stackKey // of its goroutines
	stack  string
}

var _ node.Host = (*conductor)(nil)

func newConductor(s *System) (*conductor, error) {
	c := &conductor{
		system: s, booted: make(chan struct{}), draining: make(chan struct{}), stuck: make(map[place]stuck),
		groups: newGroups(), waits: waits.New(), parting: make(map[int]*parting),
	}

	protoactor, own := newProtoactor()
	c.protoactor = protoactor

	if p := s.options.Prepare; p != nil {
		if err := guard("Prepare", func() error { return p(c.protoactor) }); err != nil {
			return nil, err
		}
	}

	c.events = newEvents(s.options)
	c.office = newOffice(s.options, c.protoactor, own, s.plan, c.events, c.resender)

	mounted, err := s.plan.Mount(c)
	if err != nil {
		return nil, errors.Join(append(c.dismiss(), err)...)
	}

	c.mounted, c.nodes, s.intake = mounted, mounted.Nodes, mounted.Intake()

	c.machine = lifecycle.New(lifecycle.Config{
		Plan: s.plan, Shares: s.options.Shares, Forced: ForcedGrace, Chance: rand.Float64,
		Path: func(id int) string { return c.nodes[lifecycle.Slot(id)].Path() }, Unfinished: c.unfinished,
		AtOnce: func(id int, command mailbox.Command) (done bool, hooks mailbox.Command) {
			return c.nodes[lifecycle.Slot(id)].AtOnce(command)
		},
	})

	return c, nil
}

// dismiss ends the streams of dead letters and events, and waits for those of the system's goroutines that call other
// people's code with them. It returns what did not go well.
func (c *conductor) dismiss() []error {
	errs := append(c.office.close(), c.office.archive.close()) // in this order: who hears of a letter may make another

	return append(errs, c.events.close()...)
}

// resender returns who is at a path, or nil.
func (c *conductor) resender(path string) node.Resender {
	if f := c.mounted.FrontAt(path); f != nil {
		return f
	}

	if n, ok := c.system.node(path); ok {
		return n
	}

	return nil
}

// Report implements [node.Host]. It does not wait for its turn behind other reports: whoever runs the machine next, at
// the latest the first of those who have reported since, deals with all of them before anything else. Only the end of
// an actor has always been dealt with when it returns.
func (c *conductor) Report(r node.Report) {
	if c.mu.TryLock() { // behind those that are in the inbox
		now := c.entered()
		c.heard(now, r)
		c.leave(now)

		return
	}

	first := c.inbox.put(r)
	if r.Event != node.Finished && (!first || c.adding.Load()) {
		return
	}

	c.leave(c.enter())
}

// RequestStop implements [node.Host].
func (c *conductor) RequestStop(id int, mode node.StopMode) {
	c.step(lifecycle.StopOne{ID: id, Mode: mode})
}

// Undelivered implements [node.Host].
func (c *conductor) Undelivered(l node.DeadLetter) { c.office.take(l) }

// Intake implements [node.Host].
func (c *conductor) Intake() *node.Gate { return &c.intake }

// Waits implements [node.Host].
func (c *conductor) Waits() *waits.Graph { return c.waits }

// Protoactor implements [node.Host].
func (c *conductor) Protoactor() *actor.ActorSystem { return c.protoactor }

// step runs the machine on an input and carries out its decisions, in order.
func (c *conductor) step(in lifecycle.Input) {
	now := c.enter()
	c.run(now, in)
	c.leave(now)
}

// do is step with an input that is made, or found to be needless, when nothing is due any more. Input is called with mu
// held.
func (c *conductor) do(input func() lifecycle.Input) {
	now := c.enter()
	if in := input(); in != nil {
		c.run(now, in)
	}

	c.leave(now)
}

// enter takes mu and deals with what is due and what was reported. All that happens up to leave happens at one time.
func (c *conductor) enter() (now time.Time) {
	c.mu.Lock()

	return c.entered()
}

// entered is enter for who has mu.
func (c *conductor) entered() (now time.Time) {
	now = time.Now()
	if next := c.next; !next.IsZero() && !next.After(now) {
		c.hearCrew(now) // what is over, and was not looked at, was in time
		c.run(now, lifecycle.Tick{})
		c.goOn(now)
	}

	c.hear(now)

	return now
}

// hear deals with the reports that are there. Called with mu held.
func (c *conductor) hear(now time.Time) {
	for _, r := range c.inbox.take() {
		c.heard(now, r)
	}
}

// heard deals with a report. Called with mu held.
func (c *conductor) heard(now time.Time, r node.Report) {
	if r.Event == node.Returned {
		delete(c.stuck, place{r.ID, r.Incarnation})
	}

	c.report.Report = r
	c.run(now, &c.report)
	c.report.Report = node.Report{}
	c.goOn(now)
}

// goOn deals with what carrying out effects has brought up. Called with mu held.
func (c *conductor) goOn(now time.Time) {
	for i := 0; i < len(c.more); i++ { // it can grow meanwhile
		in := c.more[i]()
		c.more[i] = nil

		if in != nil {
			c.run(now, in)
		}
	}

	c.more = c.more[:0]
}

// leave finishes what enter has begun, and gives up mu.
func (c *conductor) leave(now time.Time) {
	c.goOn(now)
	c.arm()
	c.staff()

	abandoned := c.abandoned
	c.abandoned = false
	c.mu.Unlock()

	if abandoned {
		c.findStuck()
		c.looking.Done()
	}
}

// run runs the machine on one input and carries out its decisions, in order. Called with mu held.
func (c *conductor) run(now time.Time, in lifecycle.Input) {
	effects := c.machine.Step(now, in)

	if c.processedBefore == nil && c.machine.Phase() >= lifecycle.Intake {
		c.markProcessed()
	}

	for _, e := range effects {
		c.carryOut(e)
	}
}

// carryOut does what the machine has decided. Nothing here blocks or calls user code. Called with mu held.
func (c *conductor) carryOut(e lifecycle.Effect) {
	switch e := e.(type) {
	case *lifecycle.Begin:
		c.begin(e)
	case lifecycle.Seal:
		c.seal(e.ID)
	case *lifecycle.Order:
		if e.Sleeps {
			c.crew.add(call{e.ID, e.Command, e.Deadline})
		} else {
			c.nodes[lifecycle.Slot(e.ID)].Order(e.Command, e.Deadline)
		}
	case *lifecycle.Sweep:
		c.crew.addAll(e)
	case lifecycle.Cancel:
		c.nodes[lifecycle.Slot(e.ID)].Cancel(e.Cause)
	case lifecycle.Abandon:
		c.lookLater()

		if since, running := c.nodes[lifecycle.Slot(e.ID)].Abandon(e.Cause); running {
			c.stuck[place{e.ID, e.Incarnation}] = stuck{labels: c.labelsOf(e, since)}
		} else {
			back := lifecycle.Report{Report: node.Report{ID: e.ID, Incarnation: e.Incarnation, Event: node.Returned}}
			c.more = append(c.more, func() lifecycle.Input { return back })
		}
	case lifecycle.CloseIntake:
		c.closeIntake()
	case lifecycle.Booted:
		close(c.booted)
	case lifecycle.Ended:
		c.disarm()

		go c.system.conclude() // everybody who waits for the system waits for it
	case *lifecycle.Happened:
		if e.Kind == supervision.Stopped {
			c.ended(e.ID)
		}

		c.events.put(&e.Event)
	default:
		c.carryOutMore(e)
	}
}

// closeIntake refuses messages from outside the tree. Called with mu held.
func (c *conductor) closeIntake() {
	if c.intake.Err() == nil {
		c.intake.Shut()
		close(c.draining)
	}
}

// begin starts an incarnation. One of many that are added at a time is made by the crew. Called with mu held.
func (c *conductor) begin(e *lifecycle.Begin) {
	n := c.nodes[lifecycle.Slot(e.ID)]
	if c.groups.many && n.Prepare(e.Incarnation, e.Deadline) {
		c.crew.add(call{e.ID, node.Start, e.Deadline})
	} else {
		n.Start(e.Incarnation, e.Deadline)
	}
}

// carryOutMore is carryOut for what concerns groups, pools and tasks.
func (c *conductor) carryOutMore(e lifecycle.Effect) {
	switch e := e.(type) {
	case lifecycle.LetGo:
		c.nodes[lifecycle.Slot(e.ID)].LetGo(e.TakenBack)
	case lifecycle.RunTask:
		c.runTask(e)
	case lifecycle.CancelTask:
		c.tasks[e.Task](e.Cause)
	case lifecycle.AbandonTask:
		c.lookLater()
		path := supervision.TaskPath(c.system.plan.Tasks[e.Task].Name)
		c.stuck[taskPlace(e.Task)] = stuck{labels: stackKey{path, taskLife}}
	case lifecycle.Populate:
		c.populate(e)
	case *lifecycle.Spawned:
		c.spawned(e)
	case lifecycle.Parted:
		c.parted(e)
	case lifecycle.Removed:
		c.remove(e)
	}
}

// lookLater sees to it that those who have been abandoned are looked for, once mu is given up. The report waits for
// that, also if the system ends with this very step. Called with mu held.
func (c *conductor) lookLater() {
	if !c.abandoned {
		c.abandoned = true
		c.looking.Add(1)
	}
}

// starting returns the path of the actor whose start is awaited, or of the root.
func (c *conductor) starting() string {
	c.mu.Lock()
	defer c.mu.Unlock()

	for id := range c.machine.All() {
		if v := c.machine.View(id); v.Actor && v.State == lifecycle.Starting {
			return v.Path
		}
	}

	return c.system.plan.Nodes[0].Path
}

func (c *conductor) unfinished(id int) int { return c.nodes[lifecycle.Slot(id)].Unfinished() }

// markProcessed remembers how far every actor was when the shutdown began. Called with mu held.
func (c *conductor) markProcessed() {
	c.processedBefore = make([]uint64, len(c.nodes))

	onAllCores(len(c.nodes), func(from, to int) {
		for i, n := range c.nodes[from:to] {
			if n != nil {
				c.processedBefore[from+i] = n.Processed()
			}
		}
	})
}

// arm sees to it that the machine hears of its next deadline. A deadline that has become later, as most do that are
// kept, is left to the timer as it is set: that it fires for nothing once in a while costs less than setting it for
// each step. Called with mu held.
func (c *conductor) arm() {
	c.next = c.machine.Next()

	switch next := c.next; {
	case next.IsZero(), !c.armed.IsZero() && !next.Before(c.armed):
		return
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(next), c.tick)
	default:
		c.timer.Reset(time.Until(next))
	}

	c.armed = c.next
}

// disarm stops the timer when the system has ended. As it is set, perhaps for a deadline that was kept, it would hold
// on to the system until then. Called with mu held.
func (c *conductor) disarm() {
	if c.timer != nil {
		c.timer.Stop()
	}

	c.armed = time.Time{}
}

func (c *conductor) tick() {
	c.mu.Lock()
	c.armed = time.Time{}
	c.mu.Unlock()
	c.step(lifecycle.Tick{})
}

// findStuck looks up where abandoned incarnations hang. One look serves all of them.
func (c *conductor) findStuck() {
	stacks := goroutineStacks()

	c.mu.Lock()
	defer c.mu.Unlock()

	for p, known := range c.stuck {
		if known.stack == "" {
			known.stack = stacks[known.labels]
			c.stuck[p] = known
		}
	}
}
