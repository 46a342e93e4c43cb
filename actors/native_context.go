package actors

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/mailbox"
)

// nativeContext is protoactor's context of a native actor, without what protoactor would do behind the back of those
// who run the actor: it is the innermost of the context's decorators.
type nativeContext struct {
	actor.Context

	native *native
}

func (n *native) decorate(next actor.ContextDecoratorFunc) actor.ContextDecoratorFunc {
	return func(ctx actor.Context) actor.Context { return next(&nativeContext{Context: ctx, native: n}) }
}

// Parent is nil, as that of an actor spawned by the root: protoactor does not know its supervisor.
func (c *nativeContext) Parent() *actor.PID { return nil }

// ReenterAfter continues this incarnation only: the next one is another actor, of which the function knows nothing.
func (c *nativeContext) ReenterAfter(f *actor.Future, then func(value any, err error)) {
	c.Context.ReenterAfter(f, func(value any, err error) {
		if !c.native.over.Load() {
			then(value, err)
		}
	})
}

// Stash keeps the message in hand until the incarnation ends; protoactor would keep as many as come, in its context.
func (c *nativeContext) Stash() {
	m := &actor.MessageEnvelope{Message: c.Message(), Sender: c.Sender()}
	if h := c.MessageHeader(); h != nil && h.Length() > 0 {
		m.Header = h.ToMap()
	}

	cell := c.native.ctx.cell

	limit := mailbox.DefaultCapacity
	if o := cell.place.Mailbox; o != nil && o.Capacity > 0 {
		limit = o.Capacity
	}

	if len(c.native.stash) >= limit {
		cell.undelivered(m, mailbox.Full, &mailbox.FullError{Target: cell.place.Path, Capacity: limit}, mailbox.Delivery{})

		return
	}

	c.native.stash = append(c.native.stash, m)
}

// ReceiveTimeout returns what was set and has not yet come.
func (c *nativeContext) ReceiveTimeout() time.Duration { return c.native.timeout.after }

// SetReceiveTimeout sets how long there must be no message for a ReceiveTimeout to come. Less than a millisecond means
// never.
func (c *nativeContext) SetReceiveTimeout(d time.Duration) {
	if d < time.Millisecond {
		d = 0
	}

	if d != c.native.timeout.after {
		c.native.timeout.change(d)
	}
}

// CancelReceiveTimeout takes back SetReceiveTimeout.
func (c *nativeContext) CancelReceiveTimeout() { c.native.timeout.change(0) }

// receiveTimeout is the timer of ReceiveTimeout; protoactor's own is changed by two goroutines at a time without a
// lock. It is called by the turn, apart from fire.
type receiveTimeout struct {
	after time.Duration // the turn's own; 0 if there is none
	due   func()        // tells the turn that the time is over

	mu    sync.Mutex
	timer *time.Timer
	at    time.Time // guarded by mu: when it is over; zero while it does not run
	over  bool      // guarded by mu: it is over, and take has not been called
}

// set reports whether there is a timeout.
func (t *receiveTimeout) set() bool { return t.after > 0 }

// change sets another timeout, 0 for none, and begins at once.
func (t *receiveTimeout) change(after time.Duration) {
	t.pause()
	t.after = after
	t.resume()
}

// pause stops the clock.
func (t *receiveTimeout) pause() {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.at, t.over = time.Time{}, false

	if t.timer != nil {
		t.timer.Stop()
	}
}

// resume starts the clock from the beginning.
func (t *receiveTimeout) resume() {
	if t.after == 0 {
		return
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	t.at = time.Now().Add(t.after)

	if t.timer == nil {
		t.timer = time.AfterFunc(t.after, t.fire)
	} else {
		t.timer.Reset(t.after)
	}
}

// fire is called by the timer, perhaps late: then at is another.
func (t *receiveTimeout) fire() {
	t.mu.Lock()
	t.over = !t.at.IsZero() && !time.Now().Before(t.at)
	over := t.over
	t.mu.Unlock()

	if over {
		t.due()
	}
}

// take reports whether the time is over, once.
func (t *receiveTimeout) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	over := t.over
	if over {
		t.after, t.at, t.over = 0, time.Time{}, false
	}

	return over
}

// origin is what protoactor thinks has spawned a native actor: what is escalated to its parent comes to its own cell.
type origin struct {
	*actor.RootContext

	pid *actor.PID
}

// Self returns the parent's PID.
func (o *origin) Self() *actor.PID { return o.pid }

// entrance is the mailbox that protoactor knows of a native actor, until it has its name. It passes on what OnInit
// sends.
type entrance struct{ native *native }

var _ actor.Mailbox = (*entrance)(nil)

// RegisterHandlers takes the actor over.
func (e *entrance) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	e.native.invoker = invoker
	e.native.context, _ = invoker.(actor.Context)
}

// PostUserMessage passes a message on.
func (e *entrance) PostUserMessage(message any) {
	(*process[any])(e.native.ctx.cell).PostUserMessage(message)
}

// PostSystemMessage passes a message on.
func (e *entrance) PostSystemMessage(message any) {
	(*process[any])(e.native.ctx.cell).PostSystemMessage(message)
}

// Start does nothing: the actor is started by its supervisor.
func (e *entrance) Start() {}

// UserMessageCount returns how many messages wait.
func (e *entrance) UserMessageCount() int { return e.native.ctx.cell.box.Queued() }
