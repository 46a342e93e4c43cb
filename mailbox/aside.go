package mailbox

// item is a message that has left its lane to be taken once more.
type item[M any] struct {
	place   element[item[M]]
	message M
	ticket  tickets  // the message's own, if it has one that is outstanding
	lane    Lane     // the one it is taken before
	at      Delivery // the next one, or for the message in hand this one
	stashed bool     // it takes up room in the stash, also when it was brought back and not taken yet
}

// items are first in, first out.
type items[M any] struct {
	list[item[M]]

	count uint64
}

func (q *items[M]) add(i *item[M]) {
	q.push(&i.place, i)
	q.count++
}

func (q *items[M]) pop() *item[M] {
	i := q.first.of
	q.remove(&i.place)
	q.count--

	return i
}

// prepend puts all that other has, at least one, before what is there.
func (q *items[M]) prepend(other *items[M]) {
	q.list.prepend(&other.list)
	q.count += other.count
	other.count = 0
}

// tickets takes those of all messages.
func (q *items[M]) tickets() (taken lostTickets) {
	for e := q.first; e != nil; e = e.next {
		taken = append(taken, e.of.ticket.takeAll()...)
	}

	return taken
}

// aside holds what has left the lanes and is neither settled nor on its way through the receiver's hands for the first
// time. It belongs to the mailbox and not to a lease: whoever receives next finds it. Guarded by Mailbox.mu. Most
// mailboxes have none; it is made when it is first needed.
type aside[M any] struct {
	// stash is what the receiver has put aside. With what was brought back from it and was not taken yet, room in all, it
	// is bounded by the capacity that the receiver gives with each message.
	stash items[M]
	room  int
	// again is what is to be taken before what waits in the lane, by lane: what was brought back from the stash, all of
	// it before the data lane, and what is delivered again, at most one message a lane.
	again [Control]items[M]
	// hand is the message in the hands of the valid lease if it was in here before. Its ticket is still with it.
	hand *item[M]
	// retaken is how many messages were taken once more.
	retaken uint64
	// at is how much was claimed of the data lane when the message in hand was put aside; see putAside.
	at uint64
	// taken are the outstanding tickets of messages that were in here and have been settled as processed.
	taken tickets
}

// needAside returns what is aside, making it when it is first needed. Called with mu held.
func (b *Mailbox[M]) needAside() *aside[M] {
	if b.aside == nil {
		b.aside = new(aside[M])
	}

	return b.aside
}

// again reports whether something is to be taken before what waits in the lane. Called with mu held.
func (b *Mailbox[M]) again(l Lane) bool { return b.aside != nil && b.aside.again[l-1].count > 0 }

// counted returns how many messages are in the stash, and how many are to be taken again. Called with mu held.
func (a *aside[M]) counted() (stashed, again uint64) {
	if a == nil {
		return 0, 0
	}

	return a.stash.count, a.again[Data-1].count + a.again[Control-1].count
}

// handling reports whether the holder had a message in hand, and had not put it aside, when claims was read. Called
// with mu held.
func (b *Mailbox[M]) handling(claims uint64) bool {
	return claims&inHand != 0 && (claims&putAside == 0 || b.aside.at != claims>>claimShift)
}

// takeAgain takes what is to be taken before what waits in the lane. Called with mu held, after settle.
func (l *Lease[M]) takeAgain(from Lane) M {
	b, a := l.box, l.box.aside
	i := a.again[from-1].pop()
	a.hand = i
	a.retaken++

	if i.stashed {
		i.stashed = false
		a.room--
	}

	l.taken++
	l.held, l.hand = i.message, inHeld
	l.claims.Or(inHand | held)

	if !b.again(Data) && !b.again(Control) {
		b.lease.urgent.And(^broughtBack)
	}

	return l.held
}

// remove takes the message that was in hand when claims was read, with its ticket, to be put somewhere aside. Called
// with mu held.
func (l *Lease[M]) remove(claims uint64) *item[M] {
	a := l.box.needAside()

	i := a.hand
	if i != nil {
		a.hand = nil

		return i
	}

	m, from, seq := l.inHands(claims)
	i = &item[M]{message: m, lane: Data, at: first}

	if from == nil {
		return i // one that the holder has accepted itself
	}

	i.lane, i.at = from.kind, from.delivery(seq)

	if t := from.tickets().take(seq); t != nil {
		i.ticket.add(t)
	}

	return i
}

// settleTicket keeps the ticket of the message in hand, which is processed, apart from the message: it may still be
// answered. Called with mu held.
func (a *aside[M]) settleTicket() {
	if a == nil || a.hand == nil {
		return
	}

	if t := a.hand.ticket.takeFirst(); t != nil {
		a.taken.add(t)
	}
}

// takenTickets takes the outstanding tickets of messages that were in here and were taken again.
func (a *aside[M]) takenTickets() (taken lostTickets) {
	if a == nil {
		return nil
	}

	taken = a.taken.takeAll()
	if a.hand != nil {
		taken = append(taken, a.hand.ticket.takeAll()...)
	}

	return taken
}

// waitingTickets takes the outstanding tickets of messages that are in here.
func (a *aside[M]) waitingTickets() lostTickets {
	if a == nil {
		return nil
	}

	taken := a.stash.tickets()
	for l := range a.again {
		taken = append(taken, a.again[l].tickets()...)
	}

	return taken
}
