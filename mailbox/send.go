package mailbox

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
)

// Send puts a message into a lane. It returns nil if the message was accepted; a [*FullError] if the lane is full and
// its policy is [Reject]; a [*SendError] around [ErrStopping] or [ErrStopped]; or the context's error. Under [Block]
// it waits for room, first come first served; whatever ends the wait, the answer is the truth about the message. A lane
// that drops accepts every message, and then drops it or another one.
func (b *Mailbox[M]) Send(ctx context.Context, to Lane, m M) error {
	return b.send(ctx, to, m, nil, nil)
}

// SendTicket is [Mailbox.Send] for a sender that wants to learn of the message's loss. If it returns nil the ticket is
// outstanding until its Loser was told or [Mailbox.Forget].
func (b *Mailbox[M]) SendTicket(ctx context.Context, to Lane, m M, t *Ticket) error {
	return b.send(ctx, to, m, t, nil)
}

// SendInner is [Mailbox.Send] for what the receiver itself brings in: it is still accepted after [Mailbox.Seal]. If it
// returns nil, accepted has been increased by one, unless it is nil, and that before anybody could take the message.
func (b *Mailbox[M]) SendInner(ctx context.Context, to Lane, m M, accepted *atomic.Int32) error {
	if accepted == nil {
		accepted = new(atomic.Int32)
	}

	return b.send(ctx, to, m, nil, accepted)
}

// send is [Mailbox.SendInner] if accepted is not nil.
func (b *Mailbox[M]) send(ctx context.Context, to Lane, m M, t *Ticket, accepted *atomic.Int32) error {
	if ctx == nil {
		return b.nilContext()
	}

	if err := ctx.Err(); err != nil {
		return err
	}

	b.mu.Lock()

	l := &b.data
	if to != Data || b.gate != open {
		var err error
		if l, err = b.enter(to, accepted != nil); err != nil {
			b.mu.Unlock()

			return err
		}
	}

	if !b.room(l) {
		if l.overflow == Block {
			return b.wait(ctx, l, m, t, accepted)
		}

		if l.overflow.drops() {
			count(accepted)
		}

		return b.overflow(l, m, t, first)
	}

	count(accepted)
	b.append(l, m, t)
	turn := b.rouse(l)
	b.mu.Unlock()

	if turn != nil {
		b.startFor(ctx, turn)
	}

	return nil
}

// count counts a message that is accepted where somebody wants to know.
func count(accepted *atomic.Int32) {
	if accepted != nil {
		accepted.Add(1)
	}
}

// nilContext is the error of a send under a nil context.
func (b *Mailbox[M]) nilContext() error {
	b.mu.Lock()
	defer b.mu.Unlock()

	return fmt.Errorf("%s: Send: %w", b.name(), ErrNilContext)
}

// TrySend puts a message into a lane if there is room now. It never blocks, whatever the lane's policy. Its answers
// are those of [Mailbox.Send].
func (b *Mailbox[M]) TrySend(to Lane, m M) error {
	b.mu.Lock()

	l, err := b.enter(to, false)
	if err != nil {
		b.mu.Unlock()

		return err
	}

	if !b.room(l) {
		return b.overflow(l, m, nil, first)
	}

	b.append(l, m, nil)
	turn := b.rouse(l)
	b.mu.Unlock()

	if turn != nil {
		b.startFor(context.Background(), turn)
	}

	return nil
}

// enter returns the lane of that kind if the gate lets a sender in. Called with mu held.
func (b *Mailbox[M]) enter(to Lane, inner bool) (*lane[M], error) {
	l := b.lane(to)
	switch {
	case l != nil:
	case b.common == nil:
		return nil, &SendError{Target: b.name(), Err: ErrNoMailbox}
	default:
		return nil, &SendError{Target: b.name(), Err: ErrNoLane}
	}

	return l, b.refuse(l, inner)
}

// overflow is what becomes of a message that finds no room and does not wait; at is what its delivery would be. Called
// with mu held; releases it.
func (b *Mailbox[M]) overflow(l *lane[M], m M, t *Ticket, at Delivery) error {
	if !l.overflow.drops() {
		err := b.full(l)
		b.mu.Unlock()

		return err
	}

	l.needs().dropped++

	lost, victim := t, m

	if l.overflow == DropOldest {
		lost = l.tickets().take(l.gone)

		old := l.takeDelivery(l.gone)
		victim = b.pop(l)
		b.note(l, at)
		b.append(l, m, t)

		at = old
	}

	name := b.receiver.Name()
	b.mu.Unlock()

	cause := &DroppedError{Target: name, Lane: l.kind, Policy: l.overflow}
	if at != first {
		cause.Delivery = at
	}

	lost.tell(cause)
	b.receiver.Dropped(victim, cause)

	return nil
}

// wait is the slow path of send: the lane is full. Called with mu held; releases it.
func (b *Mailbox[M]) wait(ctx context.Context, l *lane[M], m M, t *Ticket, accepted *atomic.Int32) error {
	w := l.needs().waiters.join(m, t, accepted)
	if l.batched {
		b.valid().urgent.Or(sendersWait)
	}

	turn := b.admit(l) // room may have come up before sendersWait was set
	b.mu.Unlock()
	b.startFor(ctx, turn)

	over, end := b.observe(ctx, l, w)
	if end == nil {
		select {
		case <-w.ready:
		case <-ctx.Done():
			end = ctx.Err()
		}
	}

	if over != nil {
		over() // before w is another sender's
	}

	b.mu.Lock()

	switch {
	case end == nil:
	case w.place.linked:
		b.leave(l, w)
		w.err = end
	default:
		<-w.ready // answered already: that answer stands
	}

	err := w.err
	l.seldom.waiters.recycle(w)
	b.mu.Unlock()

	return err
}

// admit lets waiting senders in as far as there is room. It returns the lease whose turn the caller must start, once it
// has released mu, or nil. Called with mu held.
func (b *Mailbox[M]) admit(l *lane[M]) (turn *Lease[M]) {
	for e := l.blocked(); e != nil && b.queued(l) < uint64(l.capacity); e = l.blocked() {
		w := e.of
		b.leave(l, w)
		count(w.accepted)
		b.append(l, w.message, w.ticket)
		w.answer(nil)

		turn = cmp.Or(turn, b.rouse(l))
	}

	return turn
}

// leave takes a sender out of those that wait. Called with mu held.
func (b *Mailbox[M]) leave(l *lane[M], w *waiter[M]) {
	l.seldom.waiters.remove(&w.place)

	if l.batched && l.blocked() == nil {
		b.lease.urgent.And(^sendersWait)
	}
}
