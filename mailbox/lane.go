package mailbox

import "fmt"

// Lane names one of the two lanes that hold messages. The zero value is not a lane.
type Lane uint8

const (
	// Data is the ordinary lane.
	Data Lane = iota + 1
	// Control is the lane of urgent messages: they are taken before those in the data lane, except that after
	// [Options.Fairness] of them in a row one that waits in the data lane has its turn.
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

// lane is a first-in-first-out queue. Its messages are numbered from 0; those from gone to below count wait in it. It
// is guarded by Mailbox.mu, but for the slots of the batch that the receiver works through.
//
// A batched lane is claimed by Lease.claims and gone is a lower bound, refreshed when the lane looks full. From the
// others, the control lane and one whose senders may drop the oldest message, the receiver takes each message under mu.
type lane[M any] struct {
	kind     Lane
	overflow Overflow
	batched  bool
	grown    bool        // it has needed more than a small segment
	capacity uint32      // at most MaxCapacity
	count    uint64      // messages ever appended: the number of the next one
	gone     uint64      // messages that have left the queue
	emptied  uint64      // count when it was last found empty
	first    *segment[M] // holds message gone, or is exhausted
	last     *segment[M]
	// seldom is nil until something of it is needed.
	seldom *seldom[M]
}

// seldom is what most lanes never need, or not for long: what has to do with being full, with being refused, with asks,
// and with dead letters that were replayed. It is the place for whatever else only some lanes need, so that an idle
// actor costs little. Guarded by Mailbox.mu.
type seldom[M any] struct {
	refusals

	waiters waiters[M]
	tickets tickets
	resents resents
}

// refusals are the messages that a lane did not take or keep.
type refusals struct {
	dropped uint64    // by policy
	refused uint64    // for want of room
	late    [2]uint64 // while stopping, and after
}

func (l *lane[M]) init(kind Lane, capacity int, overflow Overflow) {
	l.kind, l.capacity, l.overflow = kind, uint32(capacity), overflow //nolint:gosec // validated
}

// needs returns what the lane seldom needs, making it when that is first so.
func (l *lane[M]) needs() *seldom[M] {
	if l.seldom == nil {
		l.seldom = new(seldom[M])
	}

	return l.seldom
}

// refusals returns what the lane has counted of them.
func (l *lane[M]) refusals() refusals {
	if l.seldom == nil {
		return refusals{}
	}

	return l.seldom.refusals
}

// tickets returns those of the lane, or nil if it has had none.
func (l *lane[M]) tickets() *tickets {
	if l.seldom == nil {
		return nil
	}

	return &l.seldom.tickets
}

// blocked returns the first of the senders that wait for room, or nil.
func (l *lane[M]) blocked() *element[waiter[M]] {
	if l.seldom == nil {
		return nil
	}

	return l.seldom.waiters.first
}

// append stores one message, for which there is room.
func (b *Mailbox[M]) append(l *lane[M], m M, t *Ticket) {
	s := l.last
	if s == nil || l.count == s.end() {
		s = b.grow(l)
	}

	s.slots[l.count-s.base] = m

	if t != nil {
		t.seq = l.count
		l.needs().tickets.add(t)
	}

	l.count++

	if l.kind == Control {
		b.valid().urgent.Or(controlQueued)
	}
}

// grow links a segment behind the last one.
func (b *Mailbox[M]) grow(l *lane[M]) *segment[M] {
	s := b.newSegment(l)
	s.base = l.count

	if l.last == nil {
		l.first = s
	} else {
		l.last.next = s
	}

	l.last = s

	return s
}

// at returns the segment that holds message number n, which is the first that has not left the queue. Segments before
// it are released.
func (b *Mailbox[M]) at(l *lane[M], n uint64) *segment[M] {
	s := l.first
	for n >= s.end() {
		l.first = s.next
		b.release(s)
		s = l.first
	}

	return s
}

// pop takes the oldest message out of a lane that is not batched and not empty.
func (b *Mailbox[M]) pop(l *lane[M]) M {
	s := b.at(l, l.gone)
	slot := &s.slots[l.gone-s.base]
	m := *slot

	var zero M

	*slot = zero
	l.gone++

	if l.gone == l.count {
		b.rewind(l)
	}

	return m
}

// rewind lets an empty lane begin at the start of a segment again, so that it stays in a few lines of memory and a lane
// that was once long gives back what it had. Nobody works in the segment.
func (b *Mailbox[M]) rewind(l *lane[M]) {
	l.grown = l.grown && l.count-l.emptied > firstSegment // it begins small again when it has stayed small
	l.emptied = l.count

	s := l.last
	if s == nil {
		return
	}

	for f := l.first; f != s; f = l.first {
		l.first = f.next
		b.release(f)
	}

	if s.shared || len(s.slots) > firstSegment {
		l.first, l.last = nil, nil
		b.release(s)

		return
	}

	s.base = l.count
}

// left returns how many messages have left the queue by now.
func (b *Mailbox[M]) left(l *lane[M]) uint64 {
	if l.batched {
		l.gone = b.claims() >> claimShift
	}

	return l.gone
}

// queued returns how many messages wait in the lane.
func (b *Mailbox[M]) queued(l *lane[M]) uint64 { return l.count - b.left(l) }

// room reports whether a message can be appended now. Waiting senders come first, so there is none while any waits.
func (b *Mailbox[M]) room(l *lane[M]) bool {
	return l.blocked() == nil && (l.count-l.gone < uint64(l.capacity) || b.queued(l) < uint64(l.capacity))
}

// refuse counts and returns what a sender is told when the gate does not let it through, or nil when it does.
func (b *Mailbox[M]) refuse(l *lane[M], inner bool) error {
	switch {
	case b.gate == closed:
		l.needs().late[1]++

		return &SendError{Target: b.name(), Err: ErrStopped}
	case b.gate == sealed && !inner:
		l.needs().late[0]++

		return &SendError{Target: b.name(), Err: ErrStopping}
	default:
		return nil
	}
}

// full counts and returns the refusal of a message for want of room.
func (b *Mailbox[M]) full(l *lane[M]) error {
	if b.common == nil { // which is why there is no room
		return &SendError{Target: b.name(), Err: ErrNoMailbox}
	}

	l.needs().refused++

	return &FullError{Target: b.receiver.Name(), Lane: l.kind, Capacity: int(l.capacity)}
}
