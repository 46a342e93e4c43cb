package system

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/time/rate"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// background is for calls that want a context and have nobody's.
var background = context.Background() //nolint:gochecknoglobals // a constant in all but name

// Letter is a message that could not be delivered or handled.
type Letter struct {
	// Target is the path of the actor it was for.
	Target string
	// Message as it was sent.
	Message any
	// Sender is the protoactor identity it came from, if that is known, such as "nonhost/client".
	Sender string
	// Reason it is here.
	Reason mailbox.Reason
	// Cause is the error behind the reason; for a failed or quarantined message the actor's error or [*actors.PanicError].
	Cause error
	// Attempt is which delivery of the message failed, or would have been the next one: 1 unless it was delivered again,
	// as [supervision.Spec.Redeliver] says.
	Attempt int
	// Time it came in.
	Time time.Time
}

// Office keeps the dead letters of a system: the most recent ones to look at, all of them counted. It takes letters
// from actors without making them wait; a goroutine of the system publishes them on protoactor's event stream, to
// subscribers and to the log. All methods are safe for concurrent use.
type Office struct {
	protoactor *actor.ActorSystem
	logger     *slog.Logger
	limit      *rate.Limiter
	paths      map[string]bool // of all actors of the tree; read-only

	mu          sync.Mutex
	ring        []entry // the most recent letters, at most capacity of them
	capacity    int
	taken       uint64 // letters ever taken; the next one's number
	published   uint64 // letters whose turn to be published has come
	counts      mailbox.Counts
	subscribers map[*Subscription]struct{} // one per Subscribe that was not closed
	closed      bool

	wake    chan struct{} // has room for one: there may be something to publish
	closing chan struct{}
	stopped chan struct{}
	// publishing is the event being published now: the office hears itself and must not take it for a new one.
	publishing atomic.Pointer[actor.DeadLetterEvent]
	quiet      uint64 // letters not logged since the last one that was; the publisher's own
}

type entry struct {
	letter  Letter
	pid     *actor.PID
	sender  *actor.PID
	foreign bool // it came from the event stream, where everybody has heard of it
}

func newOffice(o Options, protoactor *actor.ActorSystem, plan *supervision.Plan) *Office {
	const perSecond, burst = 1, 10

	f := &Office{
		protoactor: protoactor, logger: o.Logger, limit: rate.NewLimiter(perSecond, burst), capacity: o.Letters,
		paths: make(map[string]bool), subscribers: make(map[*Subscription]struct{}),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}

	for i := range plan.Nodes {
		f.paths[plan.Nodes[i].Path] = plan.Nodes[i].IsActor()
	}

	protoactor.EventStream.Subscribe(f.hear) // for as long as the protoactor system is there

	go f.publishAll()

	return f
}

// Letters returns the letters that are kept, oldest first.
func (f *Office) Letters() []Letter {
	f.mu.Lock()
	defer f.mu.Unlock()

	all := make([]Letter, 0, len(f.ring))
	for i := f.taken - uint64(len(f.ring)); i < f.taken; i++ {
		all = append(all, f.ring[i%uint64(f.capacity)].letter) //nolint:gosec // capacity is positive
	}

	return all
}

// Counts returns how many letters were ever taken, by reason.
func (f *Office) Counts() mailbox.Counts {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.counts
}

// Dropped returns how many letters are no longer kept because newer ones needed the room.
func (f *Office) Dropped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.taken - uint64(len(f.ring))
}

// Subscription is a stream of letters, from [Office.Subscribe].
type Subscription struct {
	office *Office
	letter chan Letter
	missed atomic.Uint64
}

// Letters is the stream. It is closed by Close and when the system has stopped.
func (s *Subscription) Letters() <-chan Letter { return s.letter }

// Missed returns how many letters are not in the stream: they found its buffer full, or had given way to newer ones
// before their turn came.
func (s *Subscription) Missed() uint64 { return s.missed.Load() }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.office.mu.Lock()
	defer s.office.mu.Unlock()

	s.end()
}

// end closes the stream, once. Called with office.mu held, under which letters are put into it.
func (s *Subscription) end() {
	if _, open := s.office.subscribers[s]; open {
		delete(s.office.subscribers, s)
		close(s.letter)
	}
}

// Subscribe returns a stream of all letters from now on, with room for buffer of them, at least 1. A subscriber that
// falls behind misses letters, which [Subscription.Missed] counts; it holds up nobody.
func (f *Office) Subscribe(buffer int) *Subscription {
	s := &Subscription{office: f, letter: make(chan Letter, max(buffer, 1))}

	f.mu.Lock()
	defer f.mu.Unlock()

	if f.closed {
		close(s.letter)
	} else {
		f.subscribers[s] = struct{}{}
	}

	return s
}

// take files a letter. It does not block on anything but the office's lock.
func (f *Office) take(l node.DeadLetter) {
	e := entry{pid: l.PID, sender: l.Sender, letter: Letter{
		Target: l.Target, Message: l.Message, Reason: l.Reason, Cause: l.Cause, Attempt: max(l.Attempt, 1),
	}}
	if l.Sender != nil {
		e.letter.Sender = identity(l.Sender)
	}

	f.file(e)
}

// identity prints a protoactor identity as address and name.
func identity(pid *actor.PID) string { return pid.GetAddress() + "/" + pid.GetId() }

func (f *Office) file(e entry) {
	e.letter.Time = time.Now()

	f.mu.Lock()

	if len(f.ring) < f.capacity {
		f.ring = append(f.ring, e)
	} else {
		f.ring[f.taken%uint64(f.capacity)] = e //nolint:gosec // capacity is positive
	}

	f.taken++
	f.counts[e.letter.Reason]++
	f.mu.Unlock()

	select {
	case f.wake <- struct{}{}:
	default: // the publisher has been told and has not looked yet
	}
}

// hear takes what protoactor itself could not deliver: messages to identities nobody has.
func (f *Office) hear(event any) {
	e, ok := event.(*actor.DeadLetterEvent)
	if !ok || e == f.publishing.Load() {
		return
	}

	switch e.Message.(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.DeadLetterResponse:
		return // protoactor's own business
	}

	filed := entry{foreign: true, pid: e.PID, letter: Letter{Message: e.Message, Reason: mailbox.NoActor, Attempt: 1}}
	if e.PID != nil {
		filed.letter.Target = "/" + e.PID.GetId()
	}

	if e.Sender != nil {
		filed.letter.Sender = identity(e.Sender)
	}

	if f.paths[filed.letter.Target] {
		filed.letter.Reason = mailbox.Stopped
	}

	f.file(filed)
}

// publishAll is the office's goroutine. It ends when the office is closed and everything is published.
func (f *Office) publishAll() {
	defer close(f.stopped)

	for open := true; open; {
		select {
		case <-f.wake:
		case <-f.closing:
			open = false
		}

		for e, ok := f.next(); ok; e, ok = f.next() {
			f.publish(e)
		}
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	f.closed = true
	for s := range f.subscribers {
		s.end()
	}
}

// next takes the next letter to publish, and hands it to the subscribers.
func (f *Office) next() (entry, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	if oldest := f.taken - uint64(len(f.ring)); f.published < oldest {
		for s := range f.subscribers {
			s.missed.Add(oldest - f.published)
		}

		f.published = oldest
	}

	if f.published == f.taken {
		return entry{}, false
	}

	e := f.ring[f.published%uint64(f.capacity)] //nolint:gosec // capacity is positive
	f.published++

	for s := range f.subscribers {
		select {
		case s.letter <- e.letter:
		default:
			s.missed.Add(1)
		}
	}

	return e, true
}

// publish tells protoactor's event stream and the log, both of which run other people's code.
func (f *Office) publish(e entry) {
	defer func() { _ = recover() }() // a log handler that panics has nowhere to be told of

	if !e.foreign {
		if err := f.tell(e); err != nil {
			f.logger.Error("a subscriber of dead letters panicked", slog.Any("panic", err))
		}
	}

	if !f.limit.Allow() {
		f.quiet++

		return
	}

	attrs := []slog.Attr{slog.String("actor", e.letter.Target), slog.String("reason", e.letter.Reason.String())}
	if e.letter.Cause != nil {
		attrs = append(attrs, slog.String("error", text(e.letter.Cause)))
	}

	if f.quiet > 0 {
		attrs = append(attrs, slog.Uint64("not_logged", f.quiet))
		f.quiet = 0
	}

	f.logger.LogAttrs(background, slog.LevelWarn, "dead letter", attrs...)
}

// tell publishes a letter on protoactor's event stream, and returns a subscriber's panic.
func (f *Office) tell(e entry) (panicked any) {
	defer func() { panicked = recover() }()

	event := &actor.DeadLetterEvent{PID: e.pid, Message: e.letter.Message, Sender: e.sender}
	f.publishing.Store(event)
	f.protoactor.EventStream.Publish(event)

	return nil
}

// close publishes what is left and ends the office's goroutine. Letters that come later are still filed and counted. It
// returns false if the goroutine is stuck in somebody's event handler or log and had to be left behind.
func (f *Office) close() bool {
	return ended(f.closing, f.stopped)
}
