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

	lane       Lane
	seq        uint64
	prev, next *Ticket
	linked     bool
}

// tickets is the list of outstanding tickets of a lane in the order of their messages. Guarded by lane.mu. Its length
// is bounded by the number of sender goroutines that wait for an outcome, each of which holds one.
type tickets struct{ first, last *Ticket }

func (l *tickets) push(t *Ticket) {
	t.linked, t.prev, t.next = true, l.last, nil
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}

	l.last = t
}

func (l *tickets) remove(t *Ticket) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}

	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}

	t.linked, t.prev, t.next = false, nil, nil
}

// take removes and returns the ticket of message seq, or nil.
func (l *tickets) take(seq uint64) *Ticket {
	for t := l.first; t != nil && t.seq <= seq; t = t.next {
		if t.seq == seq {
			l.remove(t)

			return t
		}
	}

	return nil
}

// takeBelow removes and returns the tickets of all messages numbered below end, linked through next.
func (l *tickets) takeBelow(end uint64) *Ticket {
	first := l.first
	last := first

	if first == nil || first.seq >= end {
		return nil
	}

	for last.next != nil && last.next.seq < end {
		last = last.next
	}

	l.first = last.next
	if l.first == nil {
		l.last = nil
	} else {
		l.first.prev = nil
	}

	last.next = nil
	for t := first; t != nil; t = t.next {
		t.linked = false
	}

	return first
}

// lose tells every ticket of a list that takeBelow returned. Called without any lock.
func lose(t *Ticket, cause error) {
	for t != nil {
		next := t.next
		t.prev, t.next = nil, nil
		t.Loser.Lost(cause)
		t = next
	}
}
