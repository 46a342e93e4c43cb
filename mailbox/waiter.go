package mailbox

// waiter is a sender that waits for room. It belongs to the lane while it is linked, and to its sender afterwards.
type waiter[M any] struct {
	prev, next *waiter[M]
	linked     bool
	message    M
	ticket     *Ticket
	inner      bool
	// err is the answer, valid after ready has fired; nil means accepted.
	err error
	// ready has room for the one answer, so that whoever gives it never blocks.
	ready chan struct{}
}

// waiters is the first-in-first-out list of senders that wait for room in a lane. Guarded by lane.mu. Its length is
// bounded by the number of blocked sender goroutines, each of which is in it once.
type waiters[M any] struct {
	first, last *waiter[M]
	// free are waiters kept for reuse, linked through next, so that senders that block again and again allocate
	// nothing. At most maxFree of them.
	free  *waiter[M]
	nfree int
}

// maxFree bounds the waiters a lane keeps for reuse.
const maxFree = 16

func (q *waiters[M]) make(m M, t *Ticket, inner bool) *waiter[M] {
	w := q.free
	if w == nil {
		w = &waiter[M]{ready: make(chan struct{}, 1)}
	} else {
		q.free, w.next = w.next, nil
		q.nfree--
	}

	w.message, w.ticket, w.inner, w.err = m, t, inner, nil

	return w
}

func (q *waiters[M]) push(w *waiter[M]) {
	w.linked, w.prev, w.next = true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}

	q.last = w
}

func (q *waiters[M]) remove(w *waiter[M]) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}

	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}

	w.linked, w.prev, w.next = false, nil, nil
}

// recycle takes back a waiter whose sender is done with it.
func (q *waiters[M]) recycle(w *waiter[M]) {
	if q.nfree == maxFree {
		return
	}

	var zero M

	w.message, w.ticket = zero, nil
	w.next, q.free = q.free, w
	q.nfree++
}
