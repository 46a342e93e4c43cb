package mailbox

import (
	"cmp"
	"context"
	"slices"
)

// Delivery says how often a message was delivered, and how it came to be delivered again.
type Delivery struct {
	// Attempt is 1 for the first delivery, and one more for each that follows: redeliveries and replays.
	Attempt int
	// Redelivered is how many deliveries there were before this one since the message was accepted last.
	Redelivered int
	// Replays is how often the message was brought back from the dead letters.
	Replays int
	// Origin is the number of the dead letter it was before it was last brought back; 0 if it never was one.
	Origin uint64
}

// first is the delivery of a message that was sent once.
var first = Delivery{Attempt: 1} //nolint:gochecknoglobals // a constant in all but name

// resent is a message that was sent with [Mailbox.TryResend].
type resent struct {
	seq uint64
	at  Delivery
}

// resents are those of a lane, by number: what waits in it, and what has left it since the last one came. So there are
// at most as many as the lane has ever held at a time, and the one in hand. Guarded by Mailbox.mu.
type resents []resent

func (r resents) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(r, seq, func(e resent, seq uint64) int { return cmp.Compare(e.seq, seq) })
}

// delivery returns which delivery message seq of the lane is at.
func (l *lane[M]) delivery(seq uint64) Delivery {
	if l.seldom != nil {
		if i, found := l.seldom.resents.find(seq); found {
			return l.seldom.resents[i].at
		}
	}

	return first
}

// takeDelivery is delivery for a message that is dropped.
func (l *lane[M]) takeDelivery(seq uint64) Delivery {
	if l.seldom == nil {
		return first
	}

	r := &l.seldom.resents

	i, found := r.find(seq)
	if !found {
		return first
	}

	at := (*r)[i].at
	*r = slices.Delete(*r, i, i+1)

	return at
}

// TryResend is [Mailbox.TrySend] for a message that was a dead letter; at is what its next delivery is.
func (b *Mailbox[M]) TryResend(to Lane, m M, at Delivery) error {
	b.mu.Lock()

	l, err := b.enter(to, false)
	if err != nil {
		b.mu.Unlock()

		return err
	}

	if !b.room(l) {
		return b.overflow(l, m, nil, at)
	}

	b.note(l, at)
	b.append(l, m, nil)
	turn := b.rouse(l)
	b.mu.Unlock()

	if turn != nil {
		b.startFor(context.Background(), turn)
	}

	return nil
}

// note remembers the delivery of the message that is appended next, and forgets those of messages that have been dealt
// with. Called with mu held.
func (b *Mailbox[M]) note(l *lane[M], at Delivery) {
	if at == first {
		return
	}

	r := &l.needs().resents
	settled := b.left(l)

	if claims := b.claims(); b.handling(claims) && (b.aside == nil || b.aside.hand == nil) {
		if from, seq := b.lease.whose(claims); from == l {
			settled = min(settled, seq) // it has left its lane, and is still to be settled
		}
	}

	if i, _ := r.find(settled); i == len(*r) {
		*r = nil
	} else {
		*r = (*r)[i:]
	}

	*r = append(*r, resent{l.count, at})
}
