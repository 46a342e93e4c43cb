package system

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// Events are what happens in the lives of a system's actors and supervisors, in the order it happened, and its dead
// letters: the most recent events to look at, all of them counted, and streams for those who subscribe. Nobody who
// listens, however slow, holds up an actor or a decision. All methods are safe for concurrent use. The
// zero Events are those of no system: there are none.
type Events struct {
	stream  *stream[supervision.Event]
	journal *journal // nil if nothing is to be logged
	hook    *hook    // nil if there is no Options.OnEvent
}

func newEvents(o Options) *Events {
	e := &Events{stream: newStream[supervision.Event](o.Events, len(supervision.EventKinds())+1)}
	e.journal = newJournal(o.Logger, e.stream)
	e.hook = newHook(o.OnEvent, e.stream)

	return e
}

// put takes an event. It does not block.
func (e *Events) put(event *supervision.Event) { e.stream.put(uint8(event.Kind), event.Time, event) }

// Recent returns the events that are kept, oldest first: the last Options.Events of them.
func (e *Events) Recent() []supervision.Event { return e.stream.recent() }

// Dropped returns how many events are no longer kept because newer ones needed the room.
func (e *Events) Dropped() uint64 { return e.stream.dropped() }

// Count returns how many events of a kind there ever were.
func (e *Events) Count(kind supervision.EventKind) uint64 { return e.stream.count(uint8(kind)) }

// Missed returns how many events [Options.OnEvent] was not called with, because it fell behind.
func (e *Events) Missed() uint64 {
	if e.hook == nil {
		return 0
	}

	return e.hook.events.Missed()
}

// Subscribe returns a stream of the events of the given kinds from now on, or of all if none is given, with room for
// buffer of them, from 1 to [MaxBuffer]; what is out of range is set to the nearest. Events of the tree's first start
// come through [Options.OnEvent].
func (e *Events) Subscribe(buffer int, kinds ...supervision.EventKind) *Subscription[supervision.Event] {
	if len(kinds) == 0 {
		return e.stream.subscribe(buffer, nil)
	}

	kinds = slices.Clone(kinds)

	return e.stream.subscribe(buffer, func(class uint8, _ time.Time) bool {
		return slices.Contains(kinds, supervision.EventKind(class))
	})
}

var (
	errHook   = errors.New("system.Options.OnEvent does not return")
	errExited = errors.New("system.Options.OnEvent has ended its goroutine")
)

// close ends all streams, and waits until what is in them has been logged and told, for [ForcedGrace] at most. It
// returns what did not go well.
func (e *Events) close() (errs []error) {
	e.stream.close()

	switch {
	case e.journal == nil:
	case !ended(e.journal.stopped):
		errs = append(errs, fmt.Errorf("%w does not return", errHandler))
	case e.journal.trouble.err != nil:
		errs = append(errs, e.journal.trouble.err)
	}

	switch {
	case e.hook == nil:
	case !ended(e.hook.stopped):
		errs = append(errs, errHook)
	case e.hook.trouble.err != nil:
		errs = append(errs, e.hook.trouble.err)
	}

	return errs
}

// ended waits for the end of a goroutine, for [ForcedGrace] at most, and reports whether it came.
func ended(stopped <-chan struct{}) bool {
	patience := time.NewTimer(ForcedGrace)
	defer patience.Stop()

	select {
	case <-stopped:
		return true
	case <-patience.C:
		return false
	}
}

// eventBuffer is how many events wait for Options.OnEvent at most.
const eventBuffer = 1024

// hook calls Options.OnEvent on a goroutine of its own.
type hook struct {
	events  *Subscription[supervision.Event]
	tell    func(supervision.Event)
	stopped chan struct{}
	trouble first // to be read when stopped is closed
}

func newHook(tell func(supervision.Event), s *stream[supervision.Event]) *hook {
	if tell == nil {
		return nil
	}

	h := &hook{events: s.subscribe(eventBuffer, nil), tell: tell, stopped: make(chan struct{})}

	goOn(h.run, func() { h.trouble.note(errExited) }, h.stopped)

	return h
}

// run is the hook's goroutine. It ends when the stream does.
func (h *hook) run() {
	for e := range h.events.All() {
		if err := guard("OnEvent", func() error { h.tell(e); return nil }); err != nil {
			h.trouble.note(err)
		}
	}
}
