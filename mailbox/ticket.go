package mailbox

// Loser is told of the loss of a message.
type Loser interface {
	// Lost is called at most once per ticket, with the cause, from whatever goroutine the message was lost on. It must
	// not block.
	Lost(cause error)
}

// Ticket lets a sender learn that the message it sent is lost: that it failed, was dead-lettered, or that its
// receiver ended. It is how an asker need not sit out its deadline. The zero value with Loser set is ready for use with
// one message at a time; a ticket must not be copied.
type Ticket struct {
	// Loser is whom to tell.
	Loser Loser

	in    *tickets // where it is listed while it is outstanding; guarded by Mailbox.mu
	seq   uint64   // the number of its message in a lane
	place element[Ticket]
}

// tickets are the outstanding tickets of a lane in the order of their messages. Guarded by Mailbox.mu. Their number is
// bounded by that of the sender goroutines that wait for an outcome, each of which holds one.
type tickets struct {
	list[Ticket]

	// near is where take goes on to look: it comes with ever later messages, so that it walks past each ticket once. The
	// ticket there, if any, is of a message before the one that take last came with.
	near *element[Ticket]
}

func (l *tickets) add(t *Ticket) {
	t.in = l
	l.push(&t.place, t)
}

func (l *tickets) remove(e *element[Ticket]) {
	if l.near == e {
		l.near = e.prev
	}

	l.list.remove(e)
}

// take removes and returns the ticket of message seq, or nil if it has none.
func (l *tickets) take(seq uint64) *Ticket {
	if l == nil {
		return nil
	}

	e := l.near
	if e == nil || e.of.seq >= seq {
		e = l.first
	}

	for ; e != nil && e.of.seq < seq; e = e.next {
		l.near = e
	}

	if e == nil || e.of.seq != seq {
		return nil
	}

	l.remove(e)

	return e.of
}

// any reports whether there is an outstanding ticket.
func (l *tickets) any() bool { return l != nil && l.first != nil }

// takeBelow removes and returns the tickets of all messages numbered below end.
func (l *tickets) takeBelow(end uint64) (taken lostTickets) {
	if l == nil {
		return nil
	}

	for e := l.first; e != nil && e.of.seq < end; e = l.first {
		l.remove(e)
		taken = append(taken, e.of)
	}

	return taken
}

// takeFirst removes and returns the first ticket, or nil if there is none.
func (l *tickets) takeFirst() *Ticket {
	if l.first == nil {
		return nil
	}

	t := l.first.of
	l.remove(l.first)

	return t
}

// takeAll removes and returns all tickets.
func (l *tickets) takeAll() (taken lostTickets) {
	for t := l.takeFirst(); t != nil; t = l.takeFirst() {
		taken = append(taken, t)
	}

	return taken
}

// lostTickets are no longer in their list.
type lostTickets []*Ticket

// tell tells them all. Called without any lock.
func (l lostTickets) tell(cause error) {
	for _, t := range l {
		t.tell(cause)
	}
}

// tell tells the sender, if there is one who wants to know. Called without any lock, when the ticket is not in its
// list.
func (t *Ticket) tell(cause error) {
	if t != nil && t.Loser != nil {
		t.Loser.Lost(cause)
	}
}

// Forget takes back a ticket whose sender no longer waits. It reports whether the ticket was still outstanding; if
// not, its Loser has been or is being told.
func (b *Mailbox[M]) Forget(t *Ticket) bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	if t == nil || !t.place.linked {
		return false
	}

	t.in.remove(&t.place)

	return true
}

// Outstanding reports whether a ticket is outstanding, and whether its message then waits in a lane, where the receiver
// has not seen it yet.
func (b *Mailbox[M]) Outstanding(t *Ticket) (outstanding, queued bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	switch {
	case t == nil || !t.place.linked:
		return false, false
	case t.in == b.data.tickets():
		return true, t.seq >= b.left(&b.data)
	case b.control != nil && t.in == b.control.tickets():
		return true, t.seq >= b.left(b.control)
	default: // set aside
		return true, false
	}
}

// takenTickets takes the outstanding tickets of messages that left the queue and are not to be taken again. Called with
// mu held.
func (b *Mailbox[M]) takenTickets() lostTickets {
	lost := b.data.tickets().takeBelow(b.left(&b.data))
	if b.control != nil {
		lost = append(lost, b.control.tickets().takeBelow(b.control.gone)...)
	}

	return append(lost, b.aside.takenTickets()...)
}
