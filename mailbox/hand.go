package mailbox

// hand says where the message in hand is. It mirrors the bits of claims, which a revocation can see.
type hand uint8

const (
	empty  hand = iota
	inSlot      // still in its slot, batch[at-1], where a revocation finds it
	inHeld      // in Lease.held
)

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

// Fail settles the message in hand as failed, tells its ticket, and returns it with its [Lease.Delivery]. It returns
// false, and counts nothing, if there is none, it was put aside, or the lease was revoked.
func (l *Lease[M]) Fail(cause error) (m M, at Delivery, had bool) {
	return l.lose(cause, func(c *counts) { c.rare().failed++ })
}

// Quarantine settles the message in hand as dead-lettered with reason [Quarantined], as Fail settles it as failed.
func (l *Lease[M]) Quarantine(cause error) (m M, at Delivery, had bool) {
	return l.lose(cause, func(c *counts) { c.lost(Quarantined) })
}

// DeadLetter settles the message in hand as dead-lettered and tells its ticket. It returns false, and counts nothing,
// if there is none or the lease was revoked.
func (l *Lease[M]) DeadLetter(r Reason, cause error) bool {
	_, _, had := l.lose(cause, func(c *counts) { c.lost(r) })

	return had
}

func (l *Lease[M]) lose(cause error, count func(c *counts)) (m M, at Delivery, had bool) {
	b := l.box
	if b == nil {
		return m, at, false
	}

	b.mu.Lock()

	claims := l.claims.Load()
	if b.lease != l || !b.handling(claims) {
		b.mu.Unlock()

		return m, at, false
	}

	at = b.delivery(claims)
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

	return m, at, true
}

// Orphan tells the tickets of all messages that were taken, not answered, and are not to be taken again: the receiver's
// state, and any reply port in it, is gone. It does nothing if the lease was revoked.
func (l *Lease[M]) Orphan(cause error) {
	b := l.box
	if b == nil {
		return
	}

	b.mu.Lock()

	if b.lease != l {
		b.mu.Unlock()

		return
	}

	lost := b.takenTickets()
	b.mu.Unlock()
	lost.tell(cause)
}

// drop forgets the message in hand of a revoked lease; the revocation has settled it.
func (l *Lease[M]) drop() {
	l.box.mu.Lock() // the revocation may still be reading it
	defer l.box.mu.Unlock()

	l.forget()
}
