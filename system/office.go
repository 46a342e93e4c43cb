package system

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

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
// from actors without making them wait, hands them to subscribers, and tells of each as an event. A goroutine of the
// system publishes them on protoactor's event stream, where handlers that are slow miss some ([Office.Unpublished]); that
// one panicked or ended the goroutine is one of the shutdown's errors, and the next letter is published all the same.
// All methods are safe for concurrent use.
type Office struct {
	protoactor *actor.ActorSystem
	events     *Events
	paths      map[string]bool // of all actors and pools of the tree; read-only
	stream     *stream[Letter]
	outbox     *stream[*actor.DeadLetterEvent]       // to be published; nothing of it is kept
	queue      *Subscription[*actor.DeadLetterEvent] // what the office's goroutine reads of it
	stopped    chan struct{}
	// publishing is the event being published now: the office hears itself and must not take it for a new one.
	publishing atomic.Pointer[actor.DeadLetterEvent]
	trouble    first // with who hears of letters from protoactor; to be read when stopped is closed
}

// publishBuffer is how many letters wait to be published on protoactor's event stream at most.
const publishBuffer = 1024

func newOffice(o Options, protoactor *actor.ActorSystem, plan *supervision.Plan, events *Events) *Office {
	f := &Office{
		protoactor: protoactor, events: events, paths: make(map[string]bool),
		stream: newStream[Letter](o.Letters, len(mailbox.Counts{})),
		outbox: newStream[*actor.DeadLetterEvent](0, 0), stopped: make(chan struct{}),
	}

	for i := range plan.Nodes {
		f.paths[plan.Nodes[i].Path] = plan.Nodes[i].IsActor() || plan.Nodes[i].Size > 0
	}

	protoactor.EventStream.Subscribe(f.hear) // for as long as the protoactor system is there

	f.queue = f.outbox.subscribe(publishBuffer, nil)
	goOn(f.publishAll, func() { f.trouble.note(fmt.Errorf("%w has ended its goroutine", errHearer)) }, f.stopped)

	return f
}

// Letters returns the letters that are kept, oldest first.
func (f *Office) Letters() []Letter { return f.stream.recent() }

// Counts returns how many letters were ever taken, by reason.
func (f *Office) Counts() (counts mailbox.Counts) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()

	copy(counts[:], f.stream.counts)

	return counts
}

// Dropped returns how many letters are no longer kept because newer ones needed the room.
func (f *Office) Dropped() uint64 { return f.stream.dropped() }

// Unpublished returns how many letters were not published on protoactor's event stream, because its handlers fell behind:
// up to 1024 letters wait for them. The office itself has counted them, and told its subscribers.
func (f *Office) Unpublished() uint64 { return f.queue.Missed() }

// Subscribe returns a stream of all letters from now on, with room for buffer of them, from 1 to [MaxBuffer]; what is
// out of range is set to the nearest.
func (f *Office) Subscribe(buffer int) *Subscription[Letter] { return f.stream.subscribe(buffer, nil) }

// take files a letter. It does not block.
func (f *Office) take(l node.DeadLetter) {
	letter := Letter{
		Target: l.Target, Message: l.Message, Reason: l.Reason, Cause: l.Cause, Attempt: max(l.Attempt, 1),
	}
	if l.Sender != nil {
		letter.Sender = identity(l.Sender)
	}

	f.file(letter)
	f.outbox.put(0, time.Time{}, &actor.DeadLetterEvent{PID: l.PID, Message: l.Message, Sender: l.Sender})
}

// identity prints a protoactor identity as address and name.
func identity(pid *actor.PID) string { return pid.GetAddress() + "/" + pid.GetId() }

func (f *Office) file(l Letter) {
	l.Time = time.Now()
	f.stream.put(uint8(l.Reason), l.Time, l)
	f.events.put(supervision.Event{
		Kind: supervision.DeadLettered, Path: l.Target, Time: l.Time, Reason: l.Reason, Err: l.Cause,
	})
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

	letter := Letter{Message: e.Message, Reason: mailbox.NoActor, Attempt: 1}
	if e.PID != nil {
		letter.Target = "/" + e.PID.GetId()
	}

	if e.Sender != nil {
		letter.Sender = identity(e.Sender)
	}

	if f.paths[letter.Target] {
		letter.Reason = mailbox.Stopped
	}

	f.file(letter)
}

// publishAll is the office's goroutine. It ends when the stream does and everything is published.
func (f *Office) publishAll() {
	for e := range f.queue.All() {
		if err := f.publish(e); err != nil {
			f.trouble.note(err)
		}
	}
}

// publish publishes an event on protoactor's event stream, and returns a subscriber's panic.
func (f *Office) publish(event *actor.DeadLetterEvent) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w panicked: %v", errHearer, v)
		}
	}()

	f.publishing.Store(event)
	f.protoactor.EventStream.Publish(event)

	return nil
}

var errHearer = errors.New("dead letters: a handler of protoactor's event stream")

// close ends all streams, and waits until what is in them has been published, for [ForcedGrace] at most. Letters that
// come later are still filed and counted. It returns what did not go well.
func (f *Office) close() []error {
	f.stream.close()
	f.outbox.close()

	switch {
	case !ended(f.stopped):
		return []error{fmt.Errorf("%w does not return", errHearer)}
	case f.trouble.err != nil:
		return []error{f.trouble.err}
	default:
		return nil
	}
}
