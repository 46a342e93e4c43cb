package mailbox

// Revocation is what [Mailbox.Revoke] found.
type Revocation[M any] struct {
	// Lease is the one that was revoked.
	Lease *Lease[M]
	// Message was in the old holder's hands, if Had is set.
	Message M
	Had     bool
	// Stuck says that a turn of the old holder was still running.
	Stuck bool
}

// Revoke voids the lease of a receiver that does not come back. Of the commands pending only those in keep pass to the
// next holder. If the old holder had a message in hand, it is settled as dead-lettered with reason [Abandoned]. The
// tickets of all messages that were taken and not answered are told the cause. Calls must not overlap each other.
func (b *Mailbox[M]) Revoke(keep Command, cause error) Revocation[M] {
	b.data.mu.Lock()
	control := b.control.Load()

	if control != nil {
		control.mu.Lock()
	}

	old := b.lease.Load()
	claims := old.claims.Or(revoked)
	found := Revocation[M]{Lease: old, Had: claims&free == 0, Stuck: claims&parked == 0}

	b.commands.And(uint32(keep))

	next := &Lease[M]{box: b}
	next.claims.Store(claims&^controlHand | free | parked)
	next.data.next, next.data.seg = claimedOf(&b.data, claims), old.data.seg
	next.data.limit = next.data.next
	old.data.share()

	lost := b.data.tickets.takeBelow(next.data.next)

	if control != nil {
		next.control.next, next.control.seg = claimedOf(control, claims), old.control.seg
		next.control.limit = next.control.next
		old.control.share()

		lost = append(lost, control.tickets.takeBelow(next.control.next)...)
	}

	if found.Had {
		at, cur := next.data.next-1, &old.data
		if claims&controlHand != 0 {
			at, cur = next.control.next-1, &old.control
		}

		// Read only: the old holder may be reading it too, about to enter user code. It will drop it.
		found.Message = *cur.slot(at)

		if b.dead == nil {
			b.dead = new(Counts)
		}

		b.dead[Abandoned]++
	}

	b.lease.Store(next)

	if control != nil {
		control.mu.Unlock()
	}

	b.data.mu.Unlock()

	lost.tell(cause)

	if found.Stuck {
		// The old turn owned busy and will not give it back: the next turn inherits it.
		go b.run()
	}

	return found
}

// share marks the segments that the holder may still touch once its lease is revoked: they are not used again. Called
// with lane.mu held.
func (c *cursor[M]) share() {
	for _, s := range []*segment[M]{c.prev, c.seg} {
		if s != nil {
			s.shared = true
		}
	}
}
