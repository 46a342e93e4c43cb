package httpsource

import (
	"errors"
	"slices"
	"sync"
)

// Why a request is refused.
var (
	errFull    = errors.New("the pipeline is full")
	errNotOpen = errors.New("the pipeline is not running")
)

// room is where requests wait for the pipeline. It is safe for concurrent use. Nil is that of a source that nobody has
// made, which lets nobody in.
type room[T any] struct {
	limit int
	wake  chan struct{} // has room for one: somebody waits

	mu      sync.Mutex // guards the following
	open    bool
	intake  <-chan struct{} // closed when the intake is over; nil before the first Pull
	inside  int             // requests in hand, at most limit
	waiting []*ticket[T]    // those of them that wait, in their order
}

// ticket is an item that waits. Once it has left room.waiting, settled is closed, and taken does not change.
type ticket[T any] struct {
	item    T
	taken   bool
	settled chan struct{}
	intake  <-chan struct{} // as in the room
}

func newRoom[T any](limit int) *room[T] { return &room[T]{limit: limit, wake: make(chan struct{}, 1)} }

// enter admits a request, which has to leave.
func (r *room[T]) enter() error {
	if r == nil {
		return errNotOpen
	}

	r.mu.Lock()
	defer r.mu.Unlock()

	switch {
	case !r.admits():
		return errNotOpen
	case r.inside == r.limit:
		return errFull
	}

	r.inside++

	return nil
}

// admits reports whether items are let in. Called with mu held.
func (r *room[T]) admits() bool {
	select {
	case <-r.intake:
		return false
	default:
		return r.open
	}
}

func (r *room[T]) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.inside--
}

// offer has an item wait.
func (r *room[T]) offer(item T) (*ticket[T], error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if !r.admits() {
		return nil, errNotOpen
	}

	t := &ticket[T]{item: item, settled: make(chan struct{}), intake: r.intake}
	r.waiting = append(r.waiting, t)

	select {
	case r.wake <- struct{}{}:
	default: // whoever takes is to look already
	}

	return t, nil
}

// withdraw takes the item back, unless it was taken, which it reports.
func (r *room[T]) withdraw(t *ticket[T]) (taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if i := slices.Index(r.waiting, t); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
		close(t.settled)
	}

	return t.taken
}

// take takes what waits, in the name of an intake.
func (r *room[T]) take(items []T, intake <-chan struct{}) int {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.intake = intake

	n := min(len(items), len(r.waiting))
	for i, t := range r.waiting[:n] {
		items[i] = t.item
		t.taken = true
		close(t.settled)
	}

	r.waiting = slices.Delete(r.waiting, 0, n)

	return n
}

// set opens the room, or closes it and turns away all that wait.
func (r *room[T]) set(open bool) {
	if r == nil {
		return
	}

	r.mu.Lock()
	defer r.mu.Unlock()

	r.open, r.intake = open, nil
	if open {
		return
	}

	for _, t := range r.waiting {
		close(t.settled)
	}

	r.waiting = nil
}
