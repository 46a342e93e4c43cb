package mailbox

import "errors"

// ErrNotInHand is returned where there is no message in hand: it was put aside already, or there was none.
var ErrNotInHand = errors.New("no message in hand")

// Stash puts the message in hand aside, behind those that are there already. It is not in hand any more: settling it
// does nothing. The stash is the mailbox's own, so that it survives the lease. Its capacity is the caller's to say;
// what [Lease.Unstash] has brought back takes up room until it is taken.
//
// The error is a [*StashFullError], and then the message stays in hand; or [ErrNotInHand], also if the lease was
// revoked. Unlike other methods of a lease, Stash, [Lease.Unstash] and [Lease.Delivery] are safe for concurrent use.
// What is in hand while another goroutine calls them is a matter of chance.
func (l *Lease[M]) Stash(capacity int) error {
	b := l.box
	if b == nil {
		return ErrNotInHand
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		return ErrNotInHand
	}

	var claims uint64

	for put := false; !put; put = l.claims.CompareAndSwap(claims, claims|putAside) {
		claims = l.claims.Load()
		if claims&(inHand|putAside) != inHand {
			return ErrNotInHand
		}

		if b.needAside().room >= capacity {
			return &StashFullError{Target: b.receiver.Name(), Capacity: capacity}
		}
	}

	i := l.remove(claims)
	i.lane, i.stashed = Data, true
	b.aside.at = claims >> claimShift
	b.aside.room++
	b.aside.stash.add(i)

	return nil
}

// Unstash brings back everything in the stash, to be taken before what waits in the data lane, and before what was
// brought back earlier and not taken yet, in the order in which it was put aside. It returns how many messages those
// are; 0 if the lease was revoked.
func (l *Lease[M]) Unstash() int {
	b := l.box
	if b == nil {
		return 0
	}

	b.mu.Lock()

	stashed, _ := b.aside.counted()
	if b.lease != l || stashed == 0 {
		b.mu.Unlock()

		return 0
	}

	b.aside.again[Data-1].prepend(&b.aside.stash)
	b.lease.urgent.Or(broughtBack)

	var turn *Lease[M]
	if b.status == idle {
		b.status, turn = busy, l
	}

	b.mu.Unlock()
	b.start(turn, false)

	return int(stashed) //nolint:gosec // at most the capacity, an int
}

// Redeliver puts the message in hand back, to be taken again before everything else of its lane, as its next attempt.
// It returns false, and does nothing, if there is none, if the holder has accepted it itself, which was for this holder
// only, or if the lease was revoked.
func (l *Lease[M]) Redeliver() bool {
	b := l.box
	if b == nil {
		return false
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	claims := l.claims.Load()
	if b.lease != l || !b.handling(claims) || b.accepted(claims) {
		return false
	}

	i := l.remove(claims)
	i.at.Attempt++
	i.at.Redelivered++

	var first items[M]

	first.add(i)
	b.aside.again[i.lane-1].prepend(&first)
	b.lease.urgent.Or(broughtBack)
	l.clear()

	return true
}

// Delivery returns which delivery of the message in hand this is. It is the zero value if there is none or the lease
// was revoked.
func (l *Lease[M]) Delivery() Delivery {
	b := l.box
	if b == nil {
		return Delivery{}
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		return Delivery{}
	}

	return b.delivery(l.claims.Load())
}

// Attempt is the number of the [Lease.Delivery], or 0.
func (l *Lease[M]) Attempt() int { return l.Delivery().Attempt }

// delivery is Delivery when claims was read, of the valid lease. Called with mu held.
func (b *Mailbox[M]) delivery(claims uint64) Delivery {
	switch {
	case !b.handling(claims):
		return Delivery{}
	case b.aside != nil && b.aside.hand != nil:
		return b.aside.hand.at
	}

	from, seq := b.lease.whose(claims)
	if from == nil {
		return first // one that the holder has accepted itself
	}

	return from.delivery(seq)
}
