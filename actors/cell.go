package actors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Factory makes a new instance of the actor at a path, for an incarnation whose references pass gate. An actor keeps
// its factory, so it should hold on to little.
type Factory[M any] func(path string, gate *node.Gate) (Actor[M], error)

// cell is the part of an actor that stays: its place in the tree, its queue, its identity. Incarnations come and go
// in it. It is a protoactor process (process.go) and a [node.Node].
//
// What senders and the runner write for each message, the mailbox, stands last, so that what is before it is between it
// and the neighbour in memory.
type cell[M any] struct {
	place   node.Place
	factory Factory[M]
	process actor.ActorProcess // of the cell, as it is registered
	mu      sync.Mutex
	seldom  atomic.Pointer[seldom[M]]      // nil until something of it is needed
	current atomic.Pointer[incarnation[M]] // set by the runtime before it orders a start
	box     mailbox.Mailbox[M]
}

// seldom is what most actors never need. It is the place for whatever else only some need, so that an idle actor costs
// little. Guarded by cell.mu, but for the first two.
type seldom[M any] struct {
	pid    atomic.Pointer[actor.PID]
	spares spares

	watchers watchers
	probe    *probe   // all who ask for health at a time share one
	foreign  *foreign // set once there was a native incarnation
	// left holds the incarnations that were abandoned and have not come back, by the lease they held. Each is a goroutine
	// of the user's that hangs; the runtime stops the system when there are too many.
	left map[*mailbox.Lease[M]]*incarnation[M]
}

// needs returns what is seldom needed, making it when that is first so.
func (c *cell[M]) needs() *seldom[M] {
	if s := c.seldom.Load(); s != nil {
		return s
	}

	c.seldom.CompareAndSwap(nil, new(seldom[M]))

	return c.seldom.Load()
}

// probe is one question for an actor's health.
type probe struct {
	answered chan struct{}
	err      error
}

// Mount makes an actor, registers it with protoactor, and leaves it to the runtime to start it. It is for package
// supervision: users cannot name a place.
func Mount[M any](place node.Place, boxes *mailbox.Template[M], factory Factory[M]) (node.Node, error) {
	c := &cell[M]{place: place, factory: factory}
	c.process = *actor.NewActorProcess((*process[M])(c))
	boxes.Init(&c.box, (*receiver[M])(c))

	// As ProcessRegistry.Add does, which also makes a PID that nobody needs.
	names := place.Host.Protoactor().ProcessRegistry.LocalPIDs.GetBucket(c.id())
	if !names.SetIfAbsent(c.id(), &c.process) {
		return nil, &NameTakenError{Path: place.Path}
	}

	if h := place.Holder; h != nil {
		h.Mount(c.letter, place.Host.Intake())
	}

	return c, nil
}

// letter records the dead letter of an item of the holder.
func (c *cell[M]) letter(item any, reason mailbox.Reason, cause error, at mailbox.Delivery) {
	c.place.Host.Undelivered(node.DeadLetter{
		Target: c.place.Path, PID: c.PID(), Message: item, Reason: reason, Cause: cause, Delivery: at,
	})
}

// NameTakenError says that a process of an actor's name is already registered in protoactor.
type NameTakenError struct{ Path string }

// Error names the path.
func (e *NameTakenError) Error() string {
	return e.Path + ": a process of that name is already registered with protoactor"
}

func (c *cell[M]) ID() int      { return c.place.ID }
func (c *cell[M]) Path() string { return c.place.Path }
func (c *cell[M]) Seal()        { c.box.Seal() }

// Stats are those of the mailbox, and of the holder if there is one.
func (c *cell[M]) Stats() mailbox.Stats {
	s := c.box.Stats()

	if h := c.place.Holder; h != nil {
		held := h.Stats()
		s.Add(&held)
	}

	return s
}

// Processed implements [node.Node].
func (c *cell[M]) Processed() uint64 {
	n := c.box.Processed()

	if h := c.place.Holder; h != nil {
		n += h.Stats().Processed
	}

	return n
}

// Queued returns how many messages wait, and items of the holder if there is one.
func (c *cell[M]) Queued() int {
	n := c.box.Queued()
	if h := c.place.Holder; h != nil {
		n += int(h.Stats().Queued) //nolint:gosec // at most the sum of capacities
	}

	return n
}

// Unfinished implements [node.Node].
func (c *cell[M]) Unfinished() int {
	s := c.Stats()
	n := int(s.Queued + s.Stashed) //nolint:gosec // at most the sum of the capacities

	if h := c.place.Holder; h != nil && h.Owes() {
		n++
	}

	return n
}

// id is the actor's name in protoactor's registry.
func (c *cell[M]) id() string { return c.place.Path[1:] }

// PID returns the one PID there is of the actor: who watches it may compare pointers.
func (c *cell[M]) PID() *actor.PID {
	s := c.needs()
	if pid := s.pid.Load(); pid != nil {
		return pid
	}

	s.pid.CompareAndSwap(nil, actor.NewPID(c.place.Host.Protoactor().ProcessRegistry.Address, c.id()))

	return s.pid.Load()
}

func (c *cell[M]) Start(number uint64, deadline time.Time) {
	c.current.Store(newIncarnation(c, number, deadline))
	c.box.Signal(node.Start)
}

func (c *cell[M]) Order(command mailbox.Command, deadline time.Time) {
	if inc := c.current.Load(); inc != nil {
		inc.setDeadline(deadline)

		if command&node.Halt != 0 {
			c.place.Host.Waits().Halt(inc)
		}
	}

	if command != 0 {
		c.box.Signal(command)
	}
}

func (c *cell[M]) LetGo(takenBack bool) {
	inc := c.current.Load()

	switch {
	case inc == nil:
	case takenBack:
		inc.graph().GoOn(inc)
	default:
		inc.graph().Halt(inc)
	}
}

func (c *cell[M]) Cancel(cause error) {
	if inc := c.current.Load(); inc != nil {
		inc.endAll(cause)
	}
}

// Abandon fences first, so that nothing the incarnation sends from now on is accepted, and then takes its lease.
func (c *cell[M]) Abandon(cause error) (since uint64, running bool) {
	inc := c.current.Load()
	inc.gate.Fence()
	inc.owned.close()
	inc.endAll(cause)
	inc.die(cause)
	c.place.Host.Waits().Abandon(inc)

	c.mu.Lock()
	found := c.box.Revoke(node.Probe, &mailbox.SendError{Target: c.place.Path, Err: cause})

	asleep := inc.abandonAsleep(found.Stuck)
	running = asleep || found.Stuck || inc.remains()

	if running && !asleep {
		s := c.needs()
		if s.left == nil {
			s.left = make(map[*mailbox.Lease[M]]*incarnation[M])
		}

		s.left[found.Lease] = inc
	}

	c.mu.Unlock()

	if running && !asleep && !found.Stuck {
		go c.returned(found.Lease) // no turn will come to wait for the goroutines and to close it
	}

	if found.Had {
		c.undelivered(found.Message, mailbox.Abandoned, cause, found.Delivery)
	}

	return inc.since(), running
}

// abandonAsleep reports whether the runtime is calling something of the incarnation, or is to, or has something to hear
// of that: then whoever comes to it says that it is back. But if a turn has come that would have woken it, that does.
func (i *incarnation[M]) abandonAsleep(turn bool) bool {
	for { // it may be on its way from one phase to the next
		was, then := phase(i.asleep.Load()), forsaken
		called := was == hooked || was == unmade

		switch {
		case called:
		case was != quiet && was != born:
			return false
		case turn:
			then = absent
		}

		if i.asleep.CompareAndSwap(uint32(was), uint32(then)) {
			return called || !turn
		}
	}
}

// synchronous reports whether senders run the actor's turns.
func (c *cell[M]) synchronous() bool {
	return c.place.Mailbox != nil && c.place.Mailbox.Dispatch == mailbox.Synchronous
}

// returned is what a runner calls last when its lease was revoked: the abandoned incarnation has come back. Once its
// goroutines have too, its instance is closed, under a context that has ended, and its return is reported.
func (c *cell[M]) returned(l *mailbox.Lease[M]) {
	var inc *incarnation[M]

	c.mu.Lock()

	if s := c.seldom.Load(); s != nil {
		inc = s.left[l]
		delete(s.left, l)
	}

	c.mu.Unlock()

	if inc != nil {
		inc.owned.wait()
		_ = inc.close() // nobody waits for its outcome any more
		c.place.Host.Report(node.Report{ID: c.place.ID, Incarnation: inc.number, Event: node.Returned})
	}
}

func (c *cell[M]) Discard() {
	c.box.Close()
	c.Withdraw()
	c.tellWatchers()
}

// Withdraw removes the actor from protoactor. What is sent to its PID afterwards goes to protoactor's dead letters.
func (c *cell[M]) Withdraw() {
	c.place.Host.Waits().Forget(&c.box)
	c.place.Host.Protoactor().ProcessRegistry.Remove(&actor.PID{Id: c.id()})
}

func (c *cell[M]) AskHealth() func(context.Context) error {
	inc := c.current.Load()
	if inc == nil || !inc.reportsHealth() || c.box.Closed() {
		return nil
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	s := c.needs()
	if s.probe == nil {
		s.probe = &probe{answered: make(chan struct{})}
	}

	p := s.probe

	c.box.Signal(node.Probe)

	return p.wait
}

// wait returns the answer; also when the context has ended, if it is there.
func (p *probe) wait(ctx context.Context) error {
	select {
	case <-p.answered:
		return p.err
	default:
	}

	select {
	case <-p.answered:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer answers everybody who asked for the actor's health.
func (c *cell[M]) answer(err error) {
	var p *probe

	c.mu.Lock()

	if s := c.seldom.Load(); s != nil {
		p, s.probe = s.probe, nil
	}

	c.mu.Unlock()

	if p != nil {
		p.err = err
		close(p.answered)
	}
}

// refused records the dead letter of a message that its sender could not deliver any more. The caller has the error.
func (c *cell[M]) refused(m any, sender *actor.PID, err error) {
	if reason := refusal(err); reason != 0 {
		c.place.Host.Undelivered(node.DeadLetter{
			Target: c.place.Path, PID: c.PID(), Message: m, Sender: sender, Reason: reason, Cause: err,
		})
	}
}

// undelivered records the dead letter of a message that was accepted. At is the delivery that failed or would have been
// the next; the zero value means the first.
func (c *cell[M]) undelivered(m M, reason mailbox.Reason, cause error, at mailbox.Delivery) {
	_, payload, sender := actor.UnwrapEnvelope(m)

	c.place.Host.Undelivered(node.DeadLetter{
		Target: c.place.Path, PID: c.PID(), Message: payload, Sender: sender, Reason: reason, Cause: cause, Delivery: at,
	})
}

// receiver is a cell as its mailbox sees it.
type receiver[M any] cell[M]

// Name implements [mailbox.Receiver].
func (c *receiver[M]) Name() string { return c.place.Path }

// Run implements [mailbox.Receiver].
func (c *receiver[M]) Run(lease *mailbox.Lease[M]) { (*cell[M])(c).run(lease) }

// Dropped implements [mailbox.Receiver]: it records the dead letter of a message that the policy of its lane dropped.
func (c *receiver[M]) Dropped(m M, cause error) {
	var at mailbox.Delivery

	if dropped, ok := errors.AsType[*mailbox.DroppedError](cause); ok {
		at = dropped.Delivery
	}

	(*cell[M])(c).undelivered(m, mailbox.Dropped, cause, at)
}
