package mailbox

// Revocation is what [Mailbox.Revoke] found.
type Revocation[M any] struct {
	// Lease is the one that was revoked.
	Lease *Lease[M]
	// Message was in the old holder's hands, if Had is set.
	Message M
	Had     bool
	// Delivery of the message that it was.
	Delivery Delivery
	// Stuck says that a turn of the old holder was still running, or about to.
	Stuck bool
}

// Revoke voids the lease of a receiver that does not come back. Of the commands pending only those in keep pass to the
// next holder. If the old holder had a message in hand, it is settled as dead-lettered with reason [Abandoned]. The
// tickets of all messages that were taken and not answered are told the cause. What was put aside stays there.
func (b *Mailbox[M]) Revoke(keep Command, cause error) Revocation[M] {
	b.mu.Lock()

	old := b.valid()
	claims := old.claims.Or(revoked) // from here on the old holder claims nothing
	found := Revocation[M]{Lease: old, Had: b.handling(claims), Stuck: b.status == busy}

	if found.Stuck {
		// What the holder took before the message in hand it has settled as processed, though it may not have said so.
		b.settled.processed = b.processed(claims)
	}

	if found.Had {
		// Read only: the old holder may be reading it too, about to enter user code. It will drop it.
		found.Message, _, _ = old.inHands(claims)
		found.Delivery = b.delivery(claims)
		b.settled.lost(Abandoned)
	}

	if b.data.first != nil {
		b.data.first.shared = true // the old holder may still read and clear what it has claimed there
	}

	next := newLease(b)
	next.claims.Store(claims &^ (revoked | inHand | held | putAside))
	next.urgent.Store(old.urgent.Load() & (^commandBits | uint64(keep)))
	b.lease = next
	b.retire(old)

	lost := b.takenTickets()
	if b.aside != nil {
		b.aside.hand = nil
	}

	b.mu.Unlock()
	lost.tell(cause)

	if found.Stuck {
		// The old turn will not make the status idle any more; the next one takes its place.
		b.start(next, false)
	}

	return found
}
