package system

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Office keeps the dead letters of a system: the most recent ones to look at and to replay, all of them counted. It
// takes letters from actors without making them wait, hands them to subscribers, and tells of each as an event. A
// goroutine of the system publishes them on protoactor's event stream, where handlers that are slow miss some
// ([Office.Unpublished]); that one panicked or ended the goroutine is one of the shutdown's errors, and the next letter
// is published all the same. All methods are safe for concurrent use. The zero Office is that of no system: it is empty
// and stays so.
type Office struct {
	protoactor *actor.ActorSystem
	own        *eventstream.EventStream // protoactor's, unless Options.Prepare has given it another; read-only
	events     *Events
	find       func(path string) node.Resender // who is at a path now, or nil
	most       int                             // how often a message is replayed
	paths      map[string]bool                 // of all actors and pools of the tree; read-only
	groups     map[string]bool                 // of the groups and pools of the tree; read-only
	over       atomic.Bool                     // the system has stopped
	archive    *archive                        // nil if there is no Options.OnLetters

	mu sync.Mutex // held while a letter is filed, so that all hear of letters in their order
	// next is the number of the next letter. It begins with the time in microseconds, so that the letters of a later
	// process have higher numbers.
	next     uint64
	first    uint64 // read-only
	shelf    shelf
	replayed uint64
	// leaving are the letters that are being replayed, and those that were and are still in the archive; at most
	// maxLeaving.
	leaving map[uint64]struct{}

	stream  *stream[Letter]                       // keeps nothing
	outbox  *stream[*actor.DeadLetterEvent]       // to be published; nothing of it is kept
	queue   *Subscription[*actor.DeadLetterEvent] // what the office's goroutine reads of it
	stopped chan struct{}
	// publishing is the event being published now: the office hears itself and must not take it for a new one.
	publishing atomic.Pointer[actor.DeadLetterEvent]
	trouble    first // with who hears of letters from protoactor; to be read when stopped is closed
}

// publishBuffer is how many letters wait to be published on protoactor's event stream at most.
const publishBuffer = 1024

func newOffice(
	o Options, protoactor *actor.ActorSystem, own *eventstream.EventStream, plan *supervision.Plan, events *Events,
	find func(path string) node.Resender,
) *Office {
	f := &Office{
		protoactor: protoactor, own: own, events: events, find: find, most: o.Replays, paths: make(map[string]bool),
		groups: make(map[string]bool),
		next:   uint64(time.Now().UnixMicro()), shelf: shelf{capacity: o.Letters},
		leaving: make(map[uint64]struct{}), stream: newStream[Letter](0, len(mailbox.Counts{})),
		outbox: newStream[*actor.DeadLetterEvent](0, 0), stopped: make(chan struct{}),
	}

	for i := range plan.Nodes {
		f.paths[plan.Nodes[i].Path] = plan.Nodes[i].IsActor() || plan.Nodes[i].Size > 0

		if plan.Nodes[i].Child != nil {
			f.groups[plan.Nodes[i].Path] = true
		}
	}

	f.first = f.next
	f.archive = newArchive(o.OnLetters, f)

	protoactor.EventStream.Subscribe(f.hear) // for as long as the protoactor system is there

	f.queue = f.outbox.subscribe(publishBuffer, nil)
	goOn(f.publishAll, func() { f.trouble.note(fmt.Errorf("%w has ended its goroutine", errHearer)) }, f.stopped)

	return f
}

// Letters returns the letters that are kept, oldest first.
func (f *Office) Letters() []Letter { return slices.Collect(f.All(Filter{})) }

// allChunk is how many letters [Office.All] looks at in one go.
const allChunk = 64

// All yields the letters that are kept and the filter matches, oldest first. What comes and goes meanwhile is seen or
// not; no letter is seen twice. The loop may do anything, also replay.
func (f *Office) All(filter Filter) iter.Seq[Letter] {
	return func(yield func(Letter) bool) {
		chunk := make([]Letter, 0, allChunk)

		for from, more := uint64(0), true; more; {
			f.mu.Lock()
			chunk, from = f.shelf.after(from, chunk[:0])
			f.mu.Unlock()

			more = len(chunk) == cap(chunk)

			for _, l := range chunk {
				if filter.Match(l) && !yield(l) {
					return
				}
			}
		}
	}
}

// OfficeStats are what an office has done with its letters. Taken = Held + Replayed + Evicted.
type OfficeStats struct {
	// Taken is how many letters there ever were.
	Taken uint64 `json:"taken"`
	// Held is how many are kept.
	Held uint64 `json:"held"`
	// Replayed is how many left because their message was accepted by its target.
	Replayed uint64 `json:"replayed"`
	// Evicted is how many are no longer kept because newer ones needed the room.
	Evicted uint64 `json:"evicted"`
}

// Stats returns what was true at an instant.
func (f *Office) Stats() OfficeStats {
	f.mu.Lock()
	defer f.mu.Unlock()

	return OfficeStats{
		Taken: f.shelf.taken, Replayed: f.replayed, Evicted: f.shelf.evicted,
		Held: uint64(f.shelf.held), //nolint:gosec // not negative
	}
}

// Counts returns how many letters were ever taken, by reason.
func (f *Office) Counts() (counts mailbox.Counts) {
	if f.stream == nil {
		return counts
	}

	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()

	copy(counts[:], f.stream.counts)

	return counts
}

// Dropped returns how many letters are no longer kept because newer ones needed the room.
func (f *Office) Dropped() uint64 { return f.Stats().Evicted }

// Missed returns how many letters [Options.OnLetters] was not called with, because it fell behind or had returned an
// error for them, or because they came after the stop.
func (f *Office) Missed() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.archive == nil {
		return 0
	}

	return f.archive.missed
}

// Unpublished returns how many letters were not published on protoactor's event stream, because its handlers fell
// behind: up to 1024 letters wait for them. The office itself has counted them, and told its subscribers.
func (f *Office) Unpublished() uint64 {
	if f.queue == nil {
		return 0
	}

	return f.queue.Missed()
}

// Subscribe returns a stream of all letters from now on, with room for buffer of them, from 1 to [MaxBuffer]; what is
// out of range is set to the nearest.
func (f *Office) Subscribe(buffer int) *Subscription[Letter] { return f.stream.subscribe(buffer, nil) }

// take files a letter. It does not block.
func (f *Office) take(l node.DeadLetter) {
	letter := Letter{
		Target: l.Target, Message: l.Message, Reason: l.Reason, Cause: l.Cause, Attempt: max(l.Delivery.Attempt, 1),
		Replays: l.Delivery.Replays, Origin: l.Delivery.Origin,
	}
	letter.from(l.Sender)

	f.file(&letter)

	if f.isHeard(&l) {
		event := &actor.DeadLetterEvent{PID: l.PID, Message: l.Message, Sender: l.Sender}
		f.outbox.put(0, time.Time{}, &event)
	}
}

// ownHearers is how many subscribers our event stream has that are ours: hear, and what answers for protoactor.
const ownHearers = 2

// isHeard reports whether there is anybody to publish a letter for: others than us, or who is to be answered.
func (f *Office) isHeard(l *node.DeadLetter) bool {
	_, watch := l.Message.(*actor.Watch)
	stream := f.protoactor.EventStream

	return l.Sender != nil || watch || stream != f.own || stream.Length() > ownHearers
}

func (f *Office) file(l *Letter) {
	f.mu.Lock()

	l.Number, l.Time = f.next, time.Now()
	f.next++
	f.shelf.put(*l)
	f.stream.put(uint8(l.Reason), l.Time, l)
	f.archive.filed(*l)

	f.mu.Unlock()

	f.events.put(&supervision.Event{
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

	letter.from(e.Sender)

	if f.paths[letter.Target] {
		letter.Reason = mailbox.Stopped
	}

	f.file(&letter)
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
			err = fmt.Errorf("%w panicked: %s", errHearer, chain.Print(v))
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
	f.over.Store(true)
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
