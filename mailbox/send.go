package mailbox

import "context"

// Send puts a message into a lane. It returns nil if the message was accepted; a [*FullError] if the lane is full and
// its policy is [Reject]; a [*SendError] around [ErrStopping] or [ErrStopped]; or the context's error. Under [Block]
// it waits for room, first come first served; whatever ends the wait, the answer is the truth about the message.
func (b *Mailbox[M]) Send(ctx context.Context, to Lane, m M) error {
	return b.send(ctx, to, m, nil, false)
}

// SendTicket is [Mailbox.Send] for a sender that wants to learn of the message's loss. If it returns nil the ticket is
// outstanding until its Loser was told or [Mailbox.Forget].
func (b *Mailbox[M]) SendTicket(ctx context.Context, to Lane, m M, t *Ticket) error {
	return b.send(ctx, to, m, t, false)
}

// SendInner is [Mailbox.Send] for what the receiver itself brings in: it is still accepted after [Mailbox.Seal].
func (b *Mailbox[M]) SendInner(ctx context.Context, to Lane, m M) error {
	return b.send(ctx, to, m, nil, true)
}

func (b *Mailbox[M]) send(ctx context.Context, to Lane, m M, t *Ticket, inner bool) error {
	if ctx == nil {
		return ErrNilContext
	}

	if err := ctx.Err(); err != nil {
		return err
	}

	l := b.lane(to)
	if l == nil {
		return &SendError{Target: b.name, Err: ErrNoLane}
	}

	l.mu.Lock()

	if l.gate != open {
		if err := l.refuse(b.name, inner); err != nil {
			l.mu.Unlock()

			return err
		}
	}

	if !b.room(l) {
		return b.wait(ctx, l, m, t, inner)
	}

	l.append(m, t)
	l.mu.Unlock()
	b.wake()

	return nil
}

// TrySend puts a message into a lane if there is room now. It never blocks, whatever the lane's policy. Its answers
// are those of [Mailbox.Send].
func (b *Mailbox[M]) TrySend(to Lane, m M) error {
	l := b.lane(to)
	if l == nil {
		return &SendError{Target: b.name, Err: ErrNoLane}
	}

	l.mu.Lock()

	err := l.refuse(b.name, false)
	if err == nil && !b.room(l) {
		err = l.full(b.name)
	}

	if err != nil {
		l.mu.Unlock()

		return err
	}

	l.append(m, nil)
	l.mu.Unlock()
	b.wake()

	return nil
}

// room reports whether a message can be appended now. Called with l.mu held. Waiting senders come first, so there is
// none while any waits.
func (b *Mailbox[M]) room(l *lane[M]) bool {
	if l.waiters.first != nil {
		return false
	}

	if l.count-l.claimed < l.capacity {
		return true
	}

	l.claimed = claimedOf(l, b.lease.Load().claims.Load())

	return l.count-l.claimed < l.capacity
}

// wait is the slow path of send: the lane is full. Called with l.mu held; releases it.
func (b *Mailbox[M]) wait(ctx context.Context, l *lane[M], m M, t *Ticket, inner bool) error {
	if l.overflow == Reject {
		err := l.full(b.name)
		l.mu.Unlock()

		return err
	}

	w := l.waiters.join(m, t, inner)
	l.waiting.Add(1)
	b.admit(l) // room may have come up before waiting was set
	l.mu.Unlock()
	b.wake()

	select {
	case <-w.ready:
		l.mu.Lock()
	case <-ctx.Done():
		l.mu.Lock()

		if w.place.linked {
			l.waiters.remove(&w.place)
			l.waiting.Add(-1)

			w.err = ctx.Err()
		} else {
			<-w.ready // answered already: that answer stands
		}
	}

	err := w.err
	l.waiters.recycle(w)
	l.mu.Unlock()

	return err
}

// admit lets waiting senders in as far as there is room. Called with l.mu held, by senders and by the receiver.
func (b *Mailbox[M]) admit(l *lane[M]) {
	for e := l.waiters.first; e != nil; e = l.waiters.first {
		if l.count-l.claimed >= l.capacity {
			l.claimed = claimedOf(l, b.lease.Load().claims.Load())

			if l.count-l.claimed >= l.capacity {
				return
			}
		}

		w := e.of
		l.waiters.remove(e)
		l.waiting.Add(-1)
		l.append(w.message, w.ticket)
		w.ready <- struct{}{}
	}
}

// wake starts a turn if nobody is at it. A message is published before status is read; see [Lease.Rest].
func (b *Mailbox[M]) wake() {
	if b.status.Load() == idle && b.status.CompareAndSwap(idle, busy) {
		go b.run()
	}
}
