package mailbox

// Accept accepts a message from the holder itself, beside the lanes and whatever their gate, and puts it in the
// holder's hands at once; the one that was in its hands counts as processed. It returns false, and does nothing, if the
// lease was revoked.
func (l *Lease[M]) Accept(m M) bool {
	b := l.box
	if b == nil {
		return false
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		return false
	}

	l.settle()

	b.settled.rare().own++
	l.taken++
	l.from, l.seq = nil, 0
	l.held = m
	l.hand = inHeld
	l.claims.Or(inHand | held)

	return true
}

// accepted reports whether the message that was in hand when claims was read came with [Lease.Accept], and was not put
// aside since. Called with mu held.
func (b *Mailbox[M]) accepted(claims uint64) bool {
	return claims&held != 0 && b.lease.from == nil && (b.aside == nil || b.aside.hand == nil)
}
