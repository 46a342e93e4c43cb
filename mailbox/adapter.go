package mailbox

import (
	"cmp"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Adapter is the mailbox of a plain protoactor actor. [Producer] makes them and protoactor calls them; of use to
// others is [Adapter.Stats], and to get hold of one wrap the producer:
//
//	actor.WithMailbox(func() actor.Mailbox {
//		box := produce()
//		stats = box.(*mailbox.Adapter).Stats
//
//		return box
//	})
//
// Nothing ever waits for it: posting never blocks, whatever state the actor is in.
//
//   - System messages go before user messages, looked at before each. They are never refused; those that repeat one
//     that waits are left out, so that their number is bounded by the processes the actor has to do with.
//   - User messages have the data lane, whose capacity is exact. What finds no room is refused or dropped, by the
//     lane's policy. While the actor is suspended they wait, and a restart keeps them.
//   - A PoisonPill needs no room and cannot be refused or dropped. From then on user messages are refused; the actor
//     works off what it has and then gets the pill. Another one that finds it waiting is left out. It is not counted.
//   - A batch ([actor.MessageBatch]), alone or in an envelope, is unpacked: each of its messages is one message, in
//     order, in an envelope with the batch's sender and header if it has none of its own. The batch itself is not
//     delivered, unless it is also an [actor.AutoRespond]: then it comes behind its messages, so that protoactor
//     answers its sender when they have been handled. That is how protoactor documents batches for .NET and what its
//     publish-subscribe needs; protoactor-go delivers every batch once more as a whole, without saying so but in a
//     test, and loses its sender.
//   - A panic or runtime.Goexit while a message is handled is a failure and given to the actor's supervisor; the
//     mailbox goes on. If even the supervisor panics, the actor is stopped. Panics of middleware and of subscribers
//     to the event stream are logged to the actor system's logger.
//   - What is refused or dropped, what is left when the actor stops, and what comes later is published as an
//     [actor.DeadLetterEvent], once, by which protoactor also answers a request with an [actor.DeadLetterResponse].
//     Only a DeadLetterEvent is not published again: whoever sends them on to an actor would be told of his own
//     message for ever.
//
// All methods are safe for concurrent use. The zero Adapter, which no producer has made, takes no messages.
type Adapter struct {
	box        Mailbox[any]
	receiver   functions[any] // the name is guarded by box.mu
	middleware []actor.MailboxMiddleware
	throughput int // as in the options

	// mu guards the fields below it, up to the next blank line. It is never held while other code runs.
	mu     sync.Mutex
	system systemLane
	// pill waits behind the data lane; nil if there is none.
	pill any
	// home is set when the mailbox is registered.
	home *home
	// early are the dead letters from before that, at most maxEarly: what its own spawn hooks and whoever guessed its PID
	// sent too much.
	early []lost
	// ready says that the actor may start; before, no turn is started.
	ready bool

	// The rest is the turn's own. Turns follow each other, in order, through Mailbox.status.

	suspended bool
	poisoned  bool // pill is set
	stopped   bool
}

// home is where the mailbox belongs. Immutable.
type home struct {
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	// self and system are nil if the invoker does not know them, as an actor's context does.
	self   *actor.PID
	system *actor.ActorSystem
	// process is what the actor is registered as, or nil if it is not. When it is no more, the actor has stopped; another
	// one may have its name by then.
	process actor.Process
}

// look is the command on which the receiver looks at what Adapter.mu guards.
const look Command = 1

var _ actor.Mailbox = (*Adapter)(nil)

func newAdapter(options Options, middleware []actor.MailboxMiddleware) *Adapter {
	a := &Adapter{middleware: middleware, throughput: options.Throughput}

	t, err := NewTemplate[any](&options)
	if err != nil {
		panic(err) // the options have been validated
	}

	t.common.spawn = func(run func()) { a.at().dispatcher.Schedule(run) }
	a.receiver = functions[any]{
		name: "an actor that is not registered", run: a.run,
		dropped: func(m any, cause error) { a.deadLetter(m, Dropped, cause) },
	}
	t.Init(&a.box, &a.receiver)

	return a
}

// RegisterHandlers tells the mailbox whose it is. Protoactor calls it once, before the actor is started. Without an
// invoker or a dispatcher it does nothing.
func (a *Adapter) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	if a.box.common == nil || invoker == nil || dispatcher == nil {
		return
	}

	h := &home{invoker: invoker, dispatcher: dispatcher}

	if context, ok := invoker.(interface {
		Self() *actor.PID
		ActorSystem() *actor.ActorSystem
	}); ok {
		h.self, h.system = context.Self(), context.ActorSystem()

		if process, ok := h.system.ProcessRegistry.GetLocal(h.self.GetId()); ok {
			h.process = process
		}
	}

	throughput := cmp.Or(a.throughput, max(0, dispatcher.Throughput()), DefaultThroughput)

	a.box.mu.Lock()
	a.box.options.Throughput = int32(min(throughput, MaxThroughput)) //nolint:gosec // bounded

	if h.self != nil {
		a.receiver.name = h.self.GetAddress() + "/" + h.self.GetId()
	}

	a.box.mu.Unlock()

	a.mu.Lock()
	early := a.early
	a.home, a.early = h, nil
	a.mu.Unlock()

	for _, l := range early {
		a.publish(h, l)
	}
}

// at returns where the mailbox belongs, or nil if it is not registered yet.
func (a *Adapter) at() *home {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.home
}

// Start says that the actor is started, though a Started message may have said so before.
func (a *Adapter) Start() {
	for _, w := range a.middleware {
		a.observe(w.MailboxStarted)
	}

	a.mu.Lock()
	a.ready = true
	a.mu.Unlock()
	a.box.Signal(look)
}

// UserMessageCount returns how many user messages wait. A PoisonPill and the message in hand are not among them.
func (a *Adapter) UserMessageCount() int { return a.box.Queued() }

// Stats returns a consistent snapshot of the user messages counted so far, as [Mailbox.Stats] does; a PoisonPill and
// system messages are not counted. A message whose handling panicked has failed.
func (a *Adapter) Stats() Stats { return a.box.Stats() }

// PostSystemMessage takes a system message. It is never refused.
func (a *Adapter) PostSystemMessage(message any) {
	a.posted(message)

	_, started := message.(*actor.Started)

	a.mu.Lock()
	a.system.push(message)
	a.ready = a.ready || started
	ready := a.ready
	a.mu.Unlock()

	if ready {
		a.box.Signal(look)
	}
}

// PostUserMessage takes a user message, in an envelope or without, or a batch of them.
func (a *Adapter) PostUserMessage(message any) {
	envelope, ok := message.(*actor.MessageEnvelope)
	if ok && envelope == nil {
		a.deadLetter(nil, Undecodable, errNilEnvelope)

		return
	}

	payload := actor.UnwrapEnvelopeMessage(message)

	if batch, ok := payload.(actor.MessageBatch); ok {
		messages, err := unpack(batch, envelope)
		if err != nil {
			a.deadLetter(message, Undecodable, err)

			return
		}

		for _, m := range messages {
			a.PostUserMessage(m)
		}

		if _, answers := batch.(actor.AutoRespond); !answers {
			return
		}
	}

	a.posted(message)

	if _, ok := payload.(*actor.PoisonPill); ok {
		a.poison(message)

		return
	}

	if err := a.box.TrySend(Data, message); err != nil {
		a.deadLetter(message, reasonFor(err), err)
	}
}

// poison takes a PoisonPill.
func (a *Adapter) poison(message any) {
	a.box.Seal() // first, so that what was accepted is before the pill

	a.mu.Lock()
	late := a.ended()

	if a.pill == nil && late == nil {
		a.pill = message
	}

	ready := a.ready
	a.mu.Unlock()

	if late != nil {
		a.deadLetter(message, Stopped, late)
	} else if ready {
		a.box.Signal(look)
	}
}

// ended returns what a late sender is told, or nil while the mailbox is not closed.
func (a *Adapter) ended() error {
	if !a.box.Closed() {
		return nil
	}

	return &SendError{Target: a.receiver.name, Err: ErrStopped}
}
