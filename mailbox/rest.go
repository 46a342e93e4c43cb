package mailbox

// Rest ends a turn. Again says that the run must go on, because there is work after all; else it must return. Void says
// that this is because the lease was revoked; the holder must learn it from here, because after a rest the lease may
// already be in use by the next turn. A suspended receiver is woken by commands only.
func (l *Lease[M]) Rest(suspend bool) (again, void bool) {
	b := l.box
	if b == nil {
		return false, true
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if b.lease != l {
		l.forget()

		return false, true // whoever revoked the lease has taken over
	}

	l.settle()

	work := l.urgent.Load()&commandBits != 0
	if !suspend && !work {
		work = b.waiting() > 0
	}

	switch {
	case work:
	case suspend:
		l.rest(suspended)
	default:
		l.rest(idle)
	}

	return work, false
}

// Spare is implemented by a holder's Lease.Local that can do without the lease while its receiver has nothing to do.
type Spare interface {
	// Spare is called when a turn ends that leaves nobody anything to do, if the receiver has not had a message yet. If
	// it returns true, the lease is given up, and the next turn has another one, without Local. The mailbox is locked
	// meanwhile: it must not block, nor wait for a lock with which anybody calls a method of the mailbox or the lease.
	Spare() bool
}

// rest ends the turn. Called with mu held, after settle.
func (l *Lease[M]) rest(to status) {
	b := l.box
	b.status = to
	l.handBack()

	l.taken = 0

	fresh := b.data.count == 0 && b.control == nil && b.settled.rest == nil // it has not had a message
	if fresh && to == idle && l.worker == nil && l.urgent.Load() == 0 {
		if s, ok := l.Local.(Spare); ok && s.Spare() {
			b.lease = nil

			return
		}
	}

	if b.queued(&b.data) == 0 {
		b.rewind(&b.data)
	}
}
