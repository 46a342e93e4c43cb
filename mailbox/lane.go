package mailbox

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Lane names one of the two lanes that hold messages. The zero value is not a lane.
type Lane uint8

const (
	// Data is the ordinary lane.
	Data Lane = iota + 1
	// Control is the lane of urgent messages: they are taken before anything in the data lane.
	Control
)

// String returns the lane's name.
func (l Lane) String() string {
	switch l {
	case Data:
		return "data"
	case Control:
		return "control"
	default:
		return fmt.Sprintf("Lane(%d)", uint8(l))
	}
}

// gate says what a lane takes in. It only ever moves forward.
type gate uint8

const (
	// open: everything.
	open gate = iota
	// sealed: only what the receiver itself still brings in (inner sends).
	sealed
	// closed: nothing.
	closed
)

// lane is a first-in-first-out queue with many senders and one receiver.
//
// Senders exclude each other with mu and publish a message by storing tail; the receiver takes no lock but for once
// per segment. What synchronises with what:
//
//   - A slot is written before tail.Store and read after the tail.Load that saw it: the message is whole.
//   - The receiver claims a message by an atomic add to Lease.claims, senders read claims before they use the room
//     that the claim freed. A claim can only be seen late, so a lane never holds more than capacity.
//   - Sleeping sender: it stores waiting, then reads claims. Receiver: it adds to claims, then reads waiting. Both are
//     sequentially consistent, so at least one sees the other, and no sender sleeps while there is room.
//   - Sleeping receiver: see [Lease.Rest].
type lane[M any] struct {
	mu       sync.Mutex
	gate     gate     // guarded by mu
	overflow Overflow // immutable
	kind     Lane     // immutable
	capacity uint64   // immutable
	count    uint64   // guarded by mu: messages accepted so far, the number of the next one; tail publishes it
	claimed  uint64   // guarded by mu: a lower bound of what the receiver has claimed, refreshed when the lane looks full
	last     *segment[M]
	first    *segment[M] // where a receiver without a position begins; nil once it has one
	free     segments[M]
	waiters  waiters[M]
	tickets  tickets
	refused  [3]uint64 // guarded by mu: full, stopping, stopped

	_ [64]byte // keeps what senders write under mu off the line the receiver polls

	tail atomic.Uint64 // messages published; written under mu

	_ [56]byte // and that off the line the receiver reads for every message

	waiting atomic.Int32 // length of waiters; written under mu
}

func newLane[M any](kind Lane, capacity int, overflow Overflow) *lane[M] {
	l := new(lane[M])
	l.init(kind, capacity, overflow)

	return l
}

func (l *lane[M]) init(kind Lane, capacity int, overflow Overflow) {
	l.kind, l.capacity, l.overflow = kind, uint64(capacity), overflow //nolint:gosec // validated to be positive
}

// append stores and publishes one message. Called with mu held, when there is room.
func (l *lane[M]) append(m M, t *Ticket) {
	s := l.last
	if s == nil || l.count == s.end() {
		s = l.grow()
	}

	s.slots[l.count-s.base] = m

	if t != nil {
		t.lane, t.seq = l.kind, l.count
		l.tickets.push(&t.place, t)
	}

	l.count++
	l.tail.Store(l.count)
}

// grow links a segment behind the last one. Called with mu held.
func (l *lane[M]) grow() *segment[M] {
	s := l.free.take()
	if s == nil {
		size := firstSegment
		if l.last != nil {
			size = min(2*len(l.last.slots), maxSegment)
		}

		s = &segment[M]{slots: make([]M, size)}
	}

	s.base, s.next = l.count, nil
	if l.last == nil {
		l.first = s
	} else {
		l.last.next = s
	}

	l.last = s

	return s
}

// refuse counts and returns what a sender is told when the gate does not let it through, or nil when it does.
// Called with mu held.
func (l *lane[M]) refuse(target string, inner bool) error {
	switch {
	case l.gate == closed:
		l.refused[2]++

		return &SendError{Target: target, Err: ErrStopped}
	case l.gate == sealed && !inner:
		l.refused[1]++

		return &SendError{Target: target, Err: ErrStopping}
	default:
		return nil
	}
}

// full counts and returns the refusal of a message for want of room. Called with mu held.
func (l *lane[M]) full(target string) error {
	l.refused[0]++

	return &FullError{Target: target, Lane: l.kind, Capacity: int(l.capacity)} //nolint:gosec // at most MaxCapacity
}

// shut moves the gate and answers the waiting senders it shuts out. Called with mu held.
func (l *lane[M]) shut(to gate, target string) {
	if l.gate >= to {
		return
	}

	l.gate = to

	for e := l.waiters.first; e != nil; {
		w, next := e.of, e.next
		if err := l.refuse(target, w.inner); err != nil {
			l.waiters.remove(e)
			l.waiting.Add(-1)
			w.err = err
			w.ready <- struct{}{}
		}

		e = next
	}
}
