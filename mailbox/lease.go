package mailbox

import (
	"context"
	"runtime"
	"sync/atomic"
)

// Lease is the right to take messages from a mailbox. One is valid at a time; [Mailbox.Revoke] makes a new one and the
// old one worthless, whatever its holder does. Its methods are called by the holder only, from one goroutine at a
// time.
type Lease[M any] struct {
	// Local is for the holder to keep its own state between turns.
	Local any

	box  *Mailbox[M]
	turn func() // runs a turn

	// What the receiver reads or writes for every message is from here on, so that neighbours in memory, which are other
	// leases, have what is read only between their lines and these.

	claims atomic.Uint64
	// urgent is what the holder looks at before every message; written under mu, and passed on to the next lease. It is
	// not the mailbox's, whose lines belong to the senders.
	urgent atomic.Uint64
	// batch is the stretch of a segment that was handed over, in which the holder claims one message after the other;
	// at is the next one. Written under mu, at by the holder without it.
	batch []M
	at    int32
	taken int32 // messages taken since the holder last let others run
	ahead int32 // control messages taken in a row while data waited
	hand  hand
	// processed counts the messages settled in the batch; the holder's own, added to Mailbox.settled under mu.
	processed uint64
	// held is the message in hand if it was moved out of its lane, from is that lane and seq its number there; from is
	// nil if it never was in one. Guarded by Mailbox.mu.
	held   M
	from   *lane[M]
	seq    uint64
	worker *worker // of a dispatch that keeps a goroutine; guarded by Mailbox.mu
	// sender is the context of the send that runs the turn, with the dispatch [Synchronous]. Written before the turn by
	// whoever starts it.
	sender context.Context
}

// hand says where the message in hand is. It mirrors the bits of claims, which a revocation can see.
type hand uint8

const (
	empty  hand = iota
	inSlot      // still in its slot, batch[at-1], where a revocation finds it
	inHeld      // in Lease.held
)

// Got says what [Lease.Next] has found.
type Got uint8

const (
	// Message: there is a message, and it is in the holder's hands.
	Message Got = iota + 1
	// Pending: commands are pending; see [Lease.Commands].
	Pending
	// Nothing: the lanes are empty.
	Nothing
	// Rested: the lanes are empty and the turn is over: the run must return and touch nothing, since the next turn may
	// already be running.
	Rested
	// Void: the lease was revoked; the run must return.
	Void
)

func newLease[M any](b *Mailbox[M]) *Lease[M] {
	l := &Lease[M]{box: b}
	l.turn = named(l)

	return l
}

// Commands takes all pending commands from the system lane, after settling the message in hand as processed. Commands
// that are not to pass to the next holder are either obeyed by this one or dropped by the revocation.
func (l *Lease[M]) Commands() Command {
	b := l.box
	if l.urgent.Load()&commandBits == 0 {
		return 0
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		return 0
	}

	l.settle()

	return Command(l.urgent.And(^commandBits) & commandBits)
}

// Next looks at the lanes in their order. Pending commands come first, and are left to [Lease.Commands]. Then it takes
// the next message, as [Lease.Take] does. If there is none and rest is set it ends the turn, in the same step, which
// spares [Lease.Rest] and looking once more.
func (l *Lease[M]) Next(rest bool) (m M, got Got) {
	if at := int(l.at); at < len(l.batch) && l.hand != inHeld && l.urgent.Load()&(commandBits|aheadOfData) == 0 {
		return l.claim(at)
	}

	return l.next(true, rest)
}

// Take takes the next message and puts it in the holder's hands; the one that was in its hands counts as processed.
// Messages of the control lane come first, but after [Options.Fairness] of them in a row one of the data lane. It
// returns false if there is none or the lease was revoked. It does not look at the system lane.
func (l *Lease[M]) Take() (m M, ok bool) {
	var got Got

	if at := int(l.at); at < len(l.batch) && l.hand != inHeld && l.urgent.Load()&aheadOfData == 0 {
		m, got = l.claim(at)
	} else {
		m, got = l.next(false, false)
	}

	return m, got == Message
}

// claim takes message at of the batch: the path of nearly every message.
func (l *Lease[M]) claim(at int) (m M, got Got) {
	delta := claimOne
	if l.hand == empty {
		delta += inHand
	}

	if n := l.claims.Add(delta); n&(revoked|putAside) != 0 {
		return l.claimSlow(at, n)
	}

	if l.hand == inSlot {
		l.processed++
		l.batch[at-1] = m // the zero value: the queue keeps nothing alive
	}

	l.hand, l.at = inSlot, int32(at+1) //nolint:gosec // within a segment

	if l.urgent.Load()&sendersWait != 0 {
		l.admit()
	}

	return l.batch[at], Message
}

// claimSlow is the rest of a claim that found something else than the message before in hand: the lease was revoked, or
// that message was put aside and is not this lease's to settle.
func (l *Lease[M]) claimSlow(at int, claims uint64) (m M, got Got) {
	if claims&revoked != 0 {
		l.drop()

		return m, Void
	}

	b := l.box
	b.mu.Lock()

	l.batch[at-1] = m
	l.at = int32(at + 1) //nolint:gosec // within a segment

	if b.lease != l { // revoked after the claim: the revocation has found it in hand
		l.forget()
		b.mu.Unlock()

		return m, Void
	}

	l.claims.And(^putAside)

	m = l.batch[at]
	turn := b.admit(&b.data)
	b.mu.Unlock()
	b.start(turn, false)

	return m, Message
}

// next is where the lanes are looked at under mu: at the end of a batch, and while a lane before data has something.
func (l *Lease[M]) next(commands, rest bool) (m M, got Got) {
	b := l.box
	b.mu.Lock()

	if b.lease != l {
		b.mu.Unlock()
		l.drop()

		return m, Void
	}

	l.settle()
	l.handBack()

	if l.taken >= b.options.Throughput {
		l.taken = 0
		b.mu.Unlock()
		runtime.Gosched()

		return l.next(commands, rest)
	}

	if commands && l.urgent.Load()&commandBits != 0 {
		got = Pending
	} else if from := l.choose(); from != nil {
		m, got = l.take(from), Message
	} else if got = Nothing; rest {
		l.rest(idle)

		got = Rested
	}

	b.mu.Unlock()

	return m, got
}

// handBack gives up what is left of the batch. Called with mu held, after settle.
func (l *Lease[M]) handBack() {
	l.taken -= int32(len(l.batch)) - l.at //nolint:gosec // within a segment
	l.batch, l.at = nil, 0
}

// choose returns the lane to take the next message from, or nil if both are empty. Called with mu held.
func (l *Lease[M]) choose() *lane[M] {
	b := l.box
	waiting := b.queued(&b.data) > 0 || b.again(Data)

	if c := b.control; c != nil && (c.gone < c.count || b.again(Control)) &&
		(l.ahead < b.options.Fairness || b.options.Fairness == Strict) {
		if waiting {
			l.ahead++
		}

		return c
	}

	if !waiting {
		return nil
	}

	l.ahead = 0

	return &b.data
}

// take claims the next message of a lane that has one. Called with mu held, after settle.
func (l *Lease[M]) take(from *lane[M]) M {
	b := l.box

	if b.again(from.kind) {
		return l.takeAgain(from.kind)
	}

	if from.batched {
		l.refill(from)

		l.hand, l.at = inSlot, 1
		l.claims.Add(claimOne + inHand)
		b.admit(from)

		return l.batch[0]
	}

	l.taken++
	l.from, l.seq = from, from.gone
	l.held = b.pop(from)
	l.hand = inHeld
	l.claims.Or(inHand | held)

	if from.kind == Control && from.gone == from.count {
		l.urgent.And(^controlQueued)
	}

	b.admit(from)

	return l.held
}

// refill hands the next batch over: what the segment has, as far as the holder may go before it lets others run. Called
// with mu held, when there is no batch.
func (l *Lease[M]) refill(from *lane[M]) {
	n := l.claims.Load() >> claimShift
	s := l.box.at(from, n)
	size := min(from.count, s.end()) - n
	size = min(size, uint64(l.box.options.Throughput-l.taken)) //nolint:gosec // positive; see next
	l.batch = s.slots[n-s.base:][:size]
	l.taken += int32(size) //nolint:gosec // within a segment
}

// first hands over the only message of a lane. Called with mu held, while the receiver is at rest.
func (l *Lease[M]) first(from *lane[M]) {
	s := from.last
	n := from.count - s.base
	l.batch, l.at, l.taken = s.slots[n-1:n], 0, 1
}

// admit lets waiting senders in after a claim made room. Another lease may be valid by now: it is that one's room, and
// its holder may be at rest.
func (l *Lease[M]) admit() {
	b := l.box
	b.mu.Lock()
	turn := b.admit(&b.data)
	b.mu.Unlock()
	b.start(turn, false)
}

// settle counts the message in hand as processed, if there is one. Called with mu held, on a valid lease.
func (l *Lease[M]) settle() {
	if l.hand != empty {
		if l.claims.Load()&putAside == 0 {
			l.processed++
			l.box.aside.settleTicket()
		}

		l.clear()
	}

	l.box.settled.processed += l.processed
	l.processed = 0
}

// clear empties the hands. Called with mu held, on a valid lease.
func (l *Lease[M]) clear() {
	l.forget()
	l.claims.And(^(inHand | held | putAside))

	if a := l.box.aside; a != nil {
		a.hand = nil
	}
}

// forget drops the message in hand, so that nothing keeps it alive. Called with mu held.
func (l *Lease[M]) forget() {
	var zero M

	switch l.hand {
	case inSlot:
		l.batch[l.at-1] = zero
	case inHeld:
		l.held, l.from = zero, nil
	case empty:
	}

	l.hand = empty
}

// inHands returns the message that was in hand when claims was read, its lane, which may be nil, and its number there.
// Called with mu held.
func (l *Lease[M]) inHands(claims uint64) (m M, from *lane[M], seq uint64) {
	if claims&held != 0 {
		return l.held, l.from, l.seq
	}

	from, seq = l.whose(claims)
	s := from.first // the segment of the batch

	return s.slots[seq-s.base], from, seq
}

// whose returns the lane, which may be nil, of the message that was in hand when claims was read, and its number there.
// It does not look at the message, which the holder may be done with by now. Called with mu held.
func (l *Lease[M]) whose(claims uint64) (from *lane[M], seq uint64) {
	if claims&held != 0 {
		return l.from, l.seq
	}

	return &l.box.data, claims>>claimShift - 1
}

// Revoked reports whether the lease is void.
func (l *Lease[M]) Revoked() bool { return l.claims.Load()&revoked != 0 }

// Fail settles the message in hand as failed, tells its ticket, and returns it. It returns false, and counts nothing,
// if there is none, it was put aside, or the lease was revoked.
func (l *Lease[M]) Fail(cause error) (m M, had bool) {
	return l.lose(cause, func(c *counts) { c.rare().failed++ })
}

// Quarantine settles the message in hand as dead-lettered with reason [Quarantined], as Fail settles it as failed.
func (l *Lease[M]) Quarantine(cause error) (m M, had bool) {
	return l.lose(cause, func(c *counts) { c.lost(Quarantined) })
}

// DeadLetter settles the message in hand as dead-lettered and tells its ticket. It returns false, and counts nothing,
// if there is none or the lease was revoked.
func (l *Lease[M]) DeadLetter(r Reason, cause error) bool {
	_, had := l.lose(cause, func(c *counts) { c.lost(r) })

	return had
}

func (l *Lease[M]) lose(cause error, count func(c *counts)) (m M, had bool) {
	b := l.box
	b.mu.Lock()

	claims := l.claims.Load()
	if b.lease != l || !b.handling(claims) {
		b.mu.Unlock()

		return m, false
	}

	m, from, seq := l.inHands(claims)
	count(&b.settled)

	var lost *Ticket
	switch a := b.aside; {
	case a != nil && a.hand != nil:
		lost = a.hand.ticket.takeFirst()
	case from != nil:
		lost = from.tickets().take(seq)
	}

	l.clear()
	b.mu.Unlock()
	lost.tell(cause)

	return m, true
}

// Orphan tells the tickets of all messages that were taken, not answered, and are not to be taken again: the receiver's
// state, and any reply port in it, is gone. It does nothing if the lease was revoked.
func (l *Lease[M]) Orphan(cause error) {
	b := l.box
	b.mu.Lock()

	if b.lease != l {
		b.mu.Unlock()

		return
	}

	lost := b.takenTickets()
	b.mu.Unlock()
	lost.tell(cause)
}

// Rest ends a turn. Again says that the run must go on, because there is work after all; else it must return. Void says
// that this is because the lease was revoked; the holder must learn it from here, because after a rest the lease may
// already be in use by the next turn. A suspended receiver is woken by commands only.
func (l *Lease[M]) Rest(suspend bool) (again, void bool) {
	b := l.box
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		l.forget()

		return false, true // whoever revoked the lease has taken over
	}

	l.settle()

	work := l.urgent.Load()&commandBits != 0
	if !suspend && !work {
		work = b.waiting() > 0
	}

	switch {
	case work:
	case suspend:
		l.rest(suspended)
	default:
		l.rest(idle)
	}

	return work, false
}

// Spare is implemented by a holder's Lease.Local that can do without the lease while its receiver has nothing to do.
type Spare interface {
	// Spare is called when a turn ends that leaves nobody anything to do, if the receiver has not had a message yet. If
	// it returns true, the lease is given up, and the next turn has another one, without Local. It must not block.
	Spare() bool
}

// rest ends the turn. Called with mu held, after settle.
func (l *Lease[M]) rest(to status) {
	b := l.box
	b.status = to
	l.handBack()

	l.taken = 0

	fresh := b.data.count == 0 && b.control == nil && b.settled.rest == nil // it has not had a message
	if fresh && to == idle && l.worker == nil && l.urgent.Load() == 0 {
		if s, ok := l.Local.(Spare); ok && s.Spare() {
			b.lease = nil

			return
		}
	}

	if b.queued(&b.data) == 0 {
		b.rewind(&b.data)
	}
}

// drop forgets the message in hand of a revoked lease; the revocation has settled it.
func (l *Lease[M]) drop() {
	l.box.mu.Lock() // the revocation may still be reading it
	defer l.box.mu.Unlock()

	l.forget()
}
