package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

var (
	// ErrNilProps is the failure of an actor that was made of nil props.
	ErrNilProps = errors.New("nil props")
	// ErrPropsReused is the failure of an actor whose factory returned what [FromProps] made for an earlier incarnation.
	ErrPropsReused = errors.New("an actor of FromProps is for one incarnation: the factory must make a new one")
)

// EscalatedError is the failure of a native actor one of whose own children failed, and whose protoactor strategy
// escalated that. If the actor is resumed after it, the child stays suspended, as protoactor leaves it: whoever decides
// that, as in supervision.Spec.Decide, stops the child itself, or restarts the actor instead, with which it goes.
type EscalatedError struct {
	// Reason is what the strategy escalated with, mostly what the child panicked with.
	Reason any
}

// Error says why.
func (e *EscalatedError) Error() string {
	return "a child's failure was escalated: " + chain.Print(e.Reason)
}

// Unwrap returns the reason if it is an error.
func (e *EscalatedError) Unwrap() error {
	err, _ := e.Reason.(error)

	return err
}

// FromProps makes an incarnation of a plain protoactor actor, to be returned by a factory; supervision.Native makes
// the factory. Protoactor's context calls the actor, so that it finds there what it is used to: its sender and the
// headers of the message, middleware and decorators, children, futures. What runs, supervises and stops it is Troupe:
//
//   - Self is the actor's PID, the same in all incarnations. What is sent to it goes into the actor's bounded mailbox,
//     which survives restarts, and never waits: what finds no room is a dead letter. What comes through a [Ref] has no
//     sender.
//   - A panic is a failure, a [*PanicError], as in any other actor, and its supervisor decides; the message becomes a
//     dead letter, and who requested an answer learns it. PoisonPill, Poison and Stop, also of itself, are final stops,
//     after the queue and at once.
//   - It gets Started once, then, if it fails on a message and is to be restarted, Restarting, and otherwise
//     Stopping and Stopped. (Protoactor would tell siblings that are restarted with it Restarting too. Whether the
//     budget still allows the restart is not known yet at Restarting.) The new incarnation has a new instance and a
//     new context: OnInit is called again. Its own children are stopped meanwhile, as long as the deadline of Close
//     allows.
//   - Its children are protoactor's, and so is their supervision: by the actor, if it is a strategy, or by
//     [actor.WithSupervisor]. What that escalates is a failure of the actor, an [*EscalatedError]. Parent is nil.
//   - What it watches outlives its restarts. ReenterAfter continues only the incarnation that asked for it, and not
//     after the queue was worked off at a stop. ReceiveTimeout comes once for each time it is set, and only if there
//     was no message.
//   - Stash keeps the message until the incarnation ends, as protoactor does. Then it is sent to the actor again,
//     behind what is queued; what is refused, and what is more than the mailbox's capacity, is a dead letter.
//
// Of the props, mailbox, dispatcher, spawn function and guardian are replaced by Troupe's own. In OnInit the context is
// protoactor's bare one and Self has a provisional name, whose messages arrive: it must not be handed out there.
//
// When the actor is abandoned, what it sends to PIDs cannot be fenced: it gets through until it returns. Its children
// are told to stop once it has returned, and not waited for.
//
// Nil props, and returning the same actor for a second incarnation, fail its start, with [ErrNilProps] and
// [ErrPropsReused]; the first one, if it is alive, does not notice. Props are not changed and can be shared.
func FromProps(props *actor.Props) Actor[any] { //nolint:iface // users have no use for its type
	return &native{props: props}
}

// native is an incarnation of a protoactor actor. Apart from owner and over, its fields belong to the turn.
type native struct {
	props  *actor.Props
	owner  atomic.Pointer[incarnation[any]] // the one it is for; nil until a factory has returned it
	over   atomic.Bool                      // the incarnation has ended; futures come to complete on other goroutines
	ctx    *Context[any]
	orders *foreign

	// invoker and context are protoactor's context, which has the instance; nil before it is spawned.
	invoker actor.MessageInvoker
	context actor.Context
	timeout receiveTimeout
	stash   []any // at most the capacity of the mailbox
}

// claim makes an instance of [FromProps] that incarnation's. One that is another's already is refused before this one
// has it: its hooks are the other's, whom they would start again or close.
func claim[M any](a Actor[M], by *incarnation[M]) error {
	if n, is := any(a).(*native); is {
		inc, _ := any(by).(*incarnation[any])

		return n.claim(inc)
	}

	return nil
}

func (n *native) claim(by *incarnation[any]) error {
	if !n.owner.CompareAndSwap(nil, by) && n.owner.Load() != by {
		return ErrPropsReused
	}

	return nil
}

// Start has protoactor spawn the actor, and tells it that it has started.
func (n *native) Start(ctx *Context[any]) error {
	if n.props == nil {
		return ErrNilProps
	}

	if err := n.claim(ctx.inc()); err != nil {
		return err // it comes from an actor around this one
	}

	n.ctx, n.orders = ctx, ctx.cell.attach()
	n.timeout.due = func() { ctx.cell.box.Signal(node.Foreign) }

	if err := n.spawn(); err != nil {
		return err
	}

	n.invoker.InvokeSystemMessage(&actor.Started{})
	ctx.cell.box.Signal(node.Foreign) // for what came while there was no incarnation

	return nil
}

// spawn makes the instance and its context. Protoactor wants to register it, and its name is taken, by the cell. So it
// is spawned under a provisional name, and its PID gets the right one before anybody else has seen it.
func (n *native) spawn() error {
	c := n.ctx.cell
	system := c.place.Host.Protoactor()
	registry := system.ProcessRegistry
	name := c.id() + "/" + registry.NextId()

	defer registry.Remove(actor.NewPID(registry.Address, name))

	props := n.props.Clone(
		actor.WithMailbox(func() actor.Mailbox { return &entrance{native: n} }),
		actor.WithContextDecorator(n.decorate),
	)

	self, err := actor.DefaultSpawner(system, name, props, &origin{RootContext: system.Root, pid: c.PID()})
	if err != nil {
		return fmt.Errorf("protoactor cannot spawn it: %w", err)
	}

	self.Id = c.id()

	if n.context == nil || n.context.Actor() == nil {
		n.context = nil

		return errNilActor
	}

	return nil
}

// Receive hands a message to the actor. Its panic is for the runner.
func (n *native) Receive(_ *Context[any], m any) error {
	if n.invoker == nil {
		return ErrNotRunning // it is not called by its actor, but by somebody who made it for none
	}

	if !n.timeout.set() {
		n.invoker.InvokeUserMessage(m)

		return nil
	}

	if _, idle := actor.UnwrapEnvelopeMessage(m).(actor.NotInfluenceReceiveTimeout); !idle {
		n.timeout.pause()
		defer n.timeout.resume()
	}

	n.invoker.InvokeUserMessage(m)

	return nil
}

// obey hands the next of protoactor's own messages to the actor. More says that there was one.
func (n *native) obey() (more bool, failure error) {
	if n.timeout.take() {
		return true, call(n.tell(&actor.ReceiveTimeout{}))
	}

	m := n.orders.take(func(any) bool { return true })
	if m == nil {
		return false, nil
	}

	if f, ok := m.(*actor.Failure); ok && same(f.Who, n.ctx.cell.PID()) {
		return true, &EscalatedError{Reason: f.Reason}
	}

	return true, call(n.order(m))
}

// Close tells the actor that it ends, and stops its children.
func (n *native) Close(ctx context.Context) error {
	n.over.Store(true)

	if n.context == nil {
		return nil // there is no instance
	}

	n.timeout.change(0)

	var err error

	if n.ctx.inc().decision == node.Restart {
		err = errors.Join(call(n.tell(&actor.Restarting{})), n.stopChildren(ctx))
	} else {
		err = errors.Join(call(n.tell(&actor.Stopping{})), n.stopChildren(ctx), call(n.tell(&actor.Stopped{})))
	}

	c := n.ctx.cell
	for _, m := range n.stash {
		if refused := c.box.TrySend(mailbox.Data, m); refused != nil {
			c.undelivered(m, cmp.Or(refusal(refused), mailbox.Full), refused, mailbox.Delivery{})
		}
	}

	n.stash = nil

	return err
}

func (n *native) tell(m any) func() error {
	return func() error {
		n.invoker.InvokeUserMessage(m)

		return nil
	}
}

func (n *native) order(m any) func() error {
	return func() error {
		n.invoker.InvokeSystemMessage(m)

		return nil
	}
}

// stopChildren stops the actor's own children, the last first, as protoactor does, and waits for them until ctx ends.
func (n *native) stopChildren(ctx context.Context) error {
	system := n.ctx.cell.place.Host.Protoactor()

	for _, child := range slices.Backward(slices.Clone(n.context.Children())) {
		if _, alive := system.ProcessRegistry.GetLocal(child.GetId()); alive {
			system.Root.Stop(child)
		}
	}

	var errs error

	for {
		children := n.context.Children()
		if len(children) == 0 {
			return errs
		}

		m := n.orders.take(func(m any) bool {
			t, ok := m.(*actor.Terminated)

			return ok && slices.ContainsFunc(children, func(child *actor.PID) bool { return same(child, t.GetWho()) })
		})

		if m != nil {
			errs = errors.Join(errs, call(n.order(m)))

			continue
		}

		select {
		case <-n.orders.came:
		case <-ctx.Done():
			return errors.Join(errs, fmt.Errorf("%d children of the protoactor actor have not stopped: %w",
				len(children), ctx.Err()))
		}
	}
}

func same(a, b *actor.PID) bool { return a.GetId() == b.GetId() && a.GetAddress() == b.GetAddress() }

// foreign holds protoactor's system messages for a native actor, first in, first out. It is as long as the actor has
// relations: one Terminated for each process it watches or has spawned, a Failure for each child that waits for its
// decision, a continuation for each future the actor has asked to be told of.
type foreign struct {
	mu    sync.Mutex
	queue []any         // guarded by mu
	came  chan struct{} // has room for one: something was put in
}

// put adds a message. It reports whether it is one to act on: the others are about protoactor's own way of running an
// actor.
func (f *foreign) put(message any) bool {
	switch message.(type) {
	case *actor.SuspendMailbox, *actor.ResumeMailbox, *actor.Started, *actor.Restart:
		return false
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	f.queue = append(f.queue, message)

	select {
	case f.came <- struct{}{}:
	default:
	}

	return true
}

// take returns the first message that is wanted, or nil.
func (f *foreign) take(wanted func(message any) bool) (message any) {
	f.mu.Lock()
	defer f.mu.Unlock()

	i := slices.IndexFunc(f.queue, wanted)
	if i < 0 {
		return nil
	}

	message = f.queue[i]
	f.queue = slices.Delete(f.queue, i, i+1)

	return message
}

// attach makes the actor take protoactor's system messages, also from now on while it has no incarnation.
func (c *cell[M]) attach() *foreign {
	c.mu.Lock()
	defer c.mu.Unlock()

	s := c.needs()
	if s.foreign == nil {
		s.foreign = &foreign{came: make(chan struct{}, 1)}
	}

	return s.foreign
}

// order takes one of protoactor's system messages. It reports whether the actor is a native one, whose it is.
func (c *cell[M]) order(message any) bool {
	var f *foreign

	c.mu.Lock()

	if s := c.seldom.Load(); s != nil {
		f = s.foreign
	}

	c.mu.Unlock()

	if f != nil && f.put(message) {
		c.box.Signal(node.Foreign)
	}

	return f != nil
}

// foreign has a native actor act on protoactor's system messages.
func (r *runner[M]) foreign() {
	for r.phase == live || r.phase == draining {
		n, ok := any(r.inc.instance()).(*native)
		if !ok || r.lease.Revoked() {
			return
		}

		more, failure := n.obey()
		if failure != nil {
			r.fail(failure)
		}

		if !more {
			return
		}
	}
}
