package mailbox

import "sync/atomic"

// waiter is a sender that waits for room. It belongs to the lane while it is linked, and to its sender afterwards.
type waiter[M any] struct {
	place   element[waiter[M]]
	message M
	ticket  *Ticket
	// accepted is not nil for what the receiver itself brings in, see [Mailbox.SendInner].
	accepted *atomic.Int32
	// err is the answer, valid after ready has fired; nil means accepted.
	err error
	// ready has room for the one answer, so that whoever gives it never blocks.
	ready chan struct{}
}

// answer lets the sender go. Called once it is no longer linked.
func (w *waiter[M]) answer(err error) {
	w.err = err
	w.ready <- struct{}{}
}

// waiters are the senders that wait for room in a lane, first come first served. Guarded by Mailbox.mu. Their number is
// bounded by that of the blocked sender goroutines, each of which is in it once.
type waiters[M any] struct {
	list[waiter[M]]

	// free are waiters kept for reuse, so that senders that block again and again allocate nothing; at most maxWaiters.
	free []*waiter[M]
}

// maxWaiters bounds the waiters a lane keeps for reuse.
const maxWaiters = 16

// join makes a waiter and puts it at the end.
func (q *waiters[M]) join(m M, t *Ticket, accepted *atomic.Int32) *waiter[M] {
	var w *waiter[M]

	if n := len(q.free); n > 0 {
		w = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		w = &waiter[M]{ready: make(chan struct{}, 1)}
	}

	w.message, w.ticket, w.accepted, w.err = m, t, accepted, nil
	q.push(&w.place, w)

	return w
}

// recycle takes back a waiter whose sender is done with it.
func (q *waiters[M]) recycle(w *waiter[M]) {
	var zero M

	w.message, w.ticket, w.accepted = zero, nil, nil

	if len(q.free) < maxWaiters {
		q.free = append(q.free, w)
	}
}
