package mailbox

// Loser is told of the loss of a message.
type Loser interface {
	// Lost is called at most once per ticket, with the cause, from the receiver's or the runtime's goroutine. It must
	// not block.
	Lost(cause error)
}

// Ticket lets a sender learn that the message it sent is lost: that it failed, was dead-lettered, or that its
// receiver ended. It is how an asker need not sit out its deadline. The zero value with Loser set is ready for use with
// one message; a ticket must not be copied.
type Ticket struct {
	// Loser is whom to tell.
	Loser Loser

	lane  Lane
	seq   uint64
	place element[Ticket]
}

// tickets are the outstanding tickets of a lane in the order of their messages. Guarded by lane.mu. Their number is
// bounded by that of the sender goroutines that wait for an outcome, each of which holds one.
type tickets struct{ list[Ticket] }

// take removes and returns the ticket of message seq, alone, or none.
func (l *tickets) take(seq uint64) lostTickets {
	for e := l.first; e != nil && e.of.seq <= seq; e = e.next {
		if e.of.seq == seq {
			l.remove(e)

			return lostTickets{e.of}
		}
	}

	return nil
}

// takeBelow removes and returns the tickets of all messages numbered below end.
func (l *tickets) takeBelow(end uint64) (taken lostTickets) {
	for e := l.first; e != nil && e.of.seq < end; e = l.first {
		l.remove(e)
		taken = append(taken, e.of)
	}

	return taken
}

// lostTickets are no longer in their list.
type lostTickets []*Ticket

// tell tells them all. Called without any lock.
func (l lostTickets) tell(cause error) {
	for _, t := range l {
		t.Loser.Lost(cause)
	}
}

// Forget takes back a ticket whose sender no longer waits. It reports whether the ticket was still outstanding; if
// not, its Loser has been or is being told.
func (b *Mailbox[M]) Forget(t *Ticket) bool {
	l := b.lane(t.lane) // written before SendTicket returned
	if l == nil {
		return false // it was never sent
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	if !t.place.linked {
		return false
	}

	l.tickets.remove(&t.place)

	return true
}

// orphan tells every outstanding ticket of messages that left the queue, or of all once the mailbox is closed. On
// behalf of a lease it does nothing once that was revoked.
func (b *Mailbox[M]) orphan(by *Lease[M], cause error) {
	b.orphanLane(&b.data, by, cause)

	if c := b.control.Load(); c != nil {
		b.orphanLane(c, by, cause)
	}
}

func (b *Mailbox[M]) orphanLane(l *lane[M], by *Lease[M], cause error) {
	l.mu.Lock()

	lease := b.lease.Load() // does not change while a lane is locked
	if by != nil && by != lease {
		l.mu.Unlock()

		return
	}

	end := claimedOf(l, lease.claims.Load())
	if l.gate == closed {
		end = l.count
	}

	lost := l.tickets.takeBelow(end)
	l.mu.Unlock()
	lost.tell(cause)
}
