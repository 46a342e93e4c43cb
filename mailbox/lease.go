package mailbox

import "sync/atomic"

// Lease is the right to take messages from a mailbox. One is valid at a time; [Mailbox.Revoke] makes a new one and the
// old one worthless, whatever its holder does. Its methods are called by the holder only, from one goroutine at a
// time.
type Lease[M any] struct {
	// Local is for the holder to keep its own state between turns.
	Local any

	box    *Mailbox[M]
	claims atomic.Uint64

	// The rest is the holder's own.

	hand    Lane // where the message in hand came from; 0 if none
	data    cursor[M]
	control cursor[M]
}

// cursor is the receiver's position in a lane.
type cursor[M any] struct {
	next  uint64 // number of the next message
	limit uint64 // messages known to be published
	// seg holds next or is exhausted; prev is the one before, kept because the message in hand may stand in it.
	// Both are written under lane.mu.
	seg, prev *segment[M]
}

// slot returns where a message stands that was claimed last or is to be claimed next.
func (c *cursor[M]) slot(number uint64) *M {
	s := c.seg
	if number < s.base {
		s = c.prev
	}

	return &s.slots[number-s.base]
}

// Begin returns the valid lease for a turn. Called once at the start of each run.
func (b *Mailbox[M]) Begin() *Lease[M] {
	l := b.lease.Load()
	for l.claims.And(^parked)&revoked != 0 {
		b.data.mu.Lock() // held while a lease is replaced
		l = b.lease.Load()
		b.data.mu.Unlock()
	}

	return l
}

// Commands takes all pending commands from the system lane.
func (l *Lease[M]) Commands() Command {
	if l.box.commands.Load() == 0 {
		return 0
	}

	// Under the lock that a revocation holds: commands that are not to pass to the next holder are either obeyed by
	// this one or dropped, and those for the next holder are not taken from it.
	l.box.data.mu.Lock()
	defer l.box.data.mu.Unlock()

	if l.claims.Load()&revoked != 0 {
		return 0
	}

	return Command(l.box.commands.Swap(0))
}

// Take returns the next message, from the control lane before the data lane, and puts it in the holder's hands; the
// one that was in its hands counts as processed. It returns false if there is none or the lease was revoked;
// [Lease.Rest] tells which. It does not look at the system lane: call [Lease.Commands] first.
func (l *Lease[M]) Take() (m M, ok bool) {
	if c := l.box.control.Load(); c != nil {
		if m, ok = l.takeControl(c); ok {
			return m, true
		}
	}

	c := &l.data
	if c.next == c.limit {
		if c.limit = l.box.data.tail.Load(); c.next == c.limit {
			return m, false
		}
	}

	if (c.seg == nil || c.next == c.seg.end()) && !l.advance(c, &l.box.data) {
		return m, false
	}

	delta := dataOne

	switch l.hand {
	case Data:
	case Control:
		delta -= controlHand
	default:
		delta -= free
	}

	if l.claims.Add(delta)&revoked != 0 {
		return m, false
	}

	l.step(c, Data)

	if l.box.data.waiting.Load() != 0 {
		l.admit(&l.box.data)
	}

	return *l.slot(), true
}

func (l *Lease[M]) takeControl(c *lane[M]) (m M, ok bool) {
	cur := &l.control
	if cur.next == cur.limit {
		if cur.limit = c.tail.Load(); cur.next == cur.limit {
			return m, false
		}
	}

	if (cur.seg == nil || cur.next == cur.seg.end()) && !l.advance(cur, c) {
		return m, false
	}

	for {
		old := l.claims.Load()
		if old&revoked != 0 {
			return m, false
		}

		count := (old + controlOne) & controlMask
		if l.claims.CompareAndSwap(old, old&^(controlMask|free)|count|controlHand) {
			break
		}
	}

	l.step(cur, Control)

	if c.waiting.Load() != 0 {
		l.admit(c)
	}

	return *l.slot(), true
}

// step settles the message that was in hand and takes the claimed one. Called after a successful claim.
func (l *Lease[M]) step(c *cursor[M], from Lane) {
	if l.hand != 0 {
		l.box.processed.Add(1)
		l.clear()
	}

	l.hand = from
	c.next++
}

// clear forgets the message in hand, so that the queue keeps nothing alive.
func (l *Lease[M]) clear() {
	var zero M

	*l.slot() = zero
	l.hand = 0
}

// slot returns where the message in hand stands. A pointer kept in the lease would cost a write barrier a message.
func (l *Lease[M]) slot() *M {
	if l.hand == Control {
		return l.control.slot(l.control.next - 1)
	}

	return l.data.slot(l.data.next - 1)
}

// advance moves the cursor to the segment that holds its next message. It returns false if the lease was revoked.
func (l *Lease[M]) advance(c *cursor[M], from *lane[M]) bool {
	from.mu.Lock()
	defer from.mu.Unlock()

	if l.claims.Load()&revoked != 0 {
		return false
	}

	if c.seg == nil {
		c.seg, from.first = from.first, nil // a segment in use must not be held by where the queue once began

		return true
	}

	if c.prev != nil && !c.prev.shared {
		from.free.put(c.prev)
	}

	c.prev, c.seg = c.seg, c.seg.next

	return true
}

func (l *Lease[M]) admit(from *lane[M]) {
	from.mu.Lock()
	l.box.admit(from)
	from.mu.Unlock()

	if l.claims.Load()&revoked != 0 {
		l.box.wake() // the next holder may be at rest already
	}
}

// Revoked reports whether the lease is void.
func (l *Lease[M]) Revoked() bool { return l.claims.Load()&revoked != 0 }

// Done settles the message in hand as processed, if there is one. It returns false if the lease was revoked.
func (l *Lease[M]) Done() bool {
	if l.hand == 0 {
		return l.claims.Load()&revoked == 0
	}

	if !l.release() {
		return false
	}

	l.box.processed.Add(1)
	l.clear()

	return true
}

// Fail settles the message in hand as failed, tells its ticket, and returns it. It returns false, and counts nothing,
// if there is none or the lease was revoked.
func (l *Lease[M]) Fail(cause error) (m M, had bool) {
	if l.hand == 0 || !l.release() {
		return m, false
	}

	m = *l.slot()
	l.box.failed.Add(1)
	l.lost(cause)

	return m, true
}

// DeadLetter settles the message in hand as dead-lettered and tells its ticket. It returns false, and counts nothing,
// if there is none or the lease was revoked.
func (l *Lease[M]) DeadLetter(r Reason, cause error) bool {
	if l.hand == 0 || !l.release() {
		return false
	}

	l.box.countDead(r)
	l.lost(cause)

	return true
}

// release marks the hands free; from then on a revocation finds no message in them.
func (l *Lease[M]) release() bool {
	if l.hand == Control {
		for {
			old := l.claims.Load()
			if old&revoked != 0 {
				return false
			}

			if l.claims.CompareAndSwap(old, old&^controlHand|free) {
				return true
			}
		}
	}

	return l.claims.Or(free)&revoked == 0
}

func (l *Lease[M]) lost(cause error) {
	from, seq := &l.box.data, l.data.next-1
	if l.hand == Control {
		from, seq = l.box.control.Load(), l.control.next-1
	}

	from.mu.Lock()
	lost := from.tickets.take(seq)
	from.mu.Unlock()
	l.clear()
	lost.tell(cause)
}

// Orphan tells the tickets of all messages that were taken and not answered: the receiver's state, and any reply port
// in it, is gone. It does nothing if the lease was revoked.
func (l *Lease[M]) Orphan(cause error) { l.box.orphan(l, cause) }

// Rest ends a turn. Again says that the run must begin again, because there is work after all; else the goroutine must
// return. Void says that this is because the lease was revoked; the holder must learn it from here, because after a
// rest the lease may already be in use by the next turn. A suspended receiver is woken by commands only.
//
// No wake-up is lost: the receiver stores status and then looks for work; a sender publishes work and then reads
// status. All four are sequentially consistent, so either the receiver sees the work or the sender sees that nobody is
// at it, and the compare-and-swap lets exactly one of them begin the next turn.
func (l *Lease[M]) Rest(suspend bool) (again, void bool) {
	if !l.Done() || l.claims.Or(parked)&revoked != 0 {
		l.drop()

		return false, true // whoever revoked the lease has taken over
	}

	b := l.box
	to := idle

	if suspend {
		to = suspended
	}

	dataNext, controlNext := l.data.next, l.control.next
	b.status.Store(to)

	work := b.commands.Load() != 0
	if !suspend && !work {
		c := b.control.Load()
		work = b.data.tail.Load() != dataNext || c != nil && c.tail.Load() != controlNext
	}

	return work && b.status.CompareAndSwap(to, busy), false
}

// drop forgets the message in hand of a revoked lease; the revocation has settled it.
func (l *Lease[M]) drop() {
	if l.hand == 0 {
		return
	}

	l.box.data.mu.Lock() // the revocation may still be reading it
	l.clear()
	l.box.data.mu.Unlock()
}
