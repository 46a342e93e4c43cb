package mailbox

import (
	"context"
	"runtime"
	"sync/atomic"
)

// Lease is the right to take messages from a mailbox. One is valid at a time; [Mailbox.Revoke] makes a new one and the
// old one worthless, whatever its holder does. Its methods are called by the holder only, from one goroutine at a
// time. The zero Lease is of no mailbox: it is void and has nothing in hand.
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

	if b.lease == l {
		l.claims.And(^putAside)

		m, got = l.batch[at], Message
	} else { // revoked after the claim: the revocation has found it in hand
		l.forget()

		got = Void
	}

	turn := b.admit(&b.data) // as in Lease.admit
	b.mu.Unlock()
	b.start(turn, false)

	return m, got
}

// next is where the lanes are looked at under mu: at the end of a batch, and while a lane before data has something.
func (l *Lease[M]) next(commands, rest bool) (m M, got Got) {
	b := l.box
	if b == nil {
		return m, Void
	}

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

// Revoked reports whether the lease is void.
func (l *Lease[M]) Revoked() bool { return l.claims.Load()&revoked != 0 }
