package pipeline

import (
	"slices"
	"sync"

	"github.com/troupe-go/troupe/mailbox"
)

// parker is what a goroutine waits on for a queue. It holds one token, and one may be there for nothing.
type parker chan struct{}

func newParker() parker { return make(parker, 1) }

// queue is the bounded queue of a stage: a ring that grows to its capacity, with many who put and many who take. It
// never blocks: who finds no room or nothing leaves its parker to be woken.
type queue[T any] struct {
	mu        sync.Mutex
	ring      []item[T]
	head, n   int
	capacity  int
	producers int  // that may still put; at 0 the queue has ended
	dropped   bool // the stage has ended for good: nothing is taken in
	accepted  uint64
	takers    []parker // at most the stage's workers
	putters   []parker // at most the workers of those before it
	// lose makes letters of items that the stage has accepted and does not get; set before anything starts.
	lose func(items []item[T], reason mailbox.Reason, cause error)
}

func newQueue[T any](capacity, producers int) *queue[T] {
	return &queue[T]{capacity: capacity, producers: producers}
}

// put puts as many of the items as there is room for, and returns how many, or -1 if nothing is taken in any more. If
// not all, p is woken when there is more room.
func (q *queue[T]) put(p parker, items []item[T]) int {
	q.mu.Lock()
	defer q.mu.Unlock()

	if q.dropped {
		return -1
	}

	n := min(len(items), q.capacity-q.n)
	if n > 0 {
		q.reserve(q.n + n)

		tail := (q.head + q.n) % len(q.ring)
		k := copy(q.ring[tail:], items[:n])
		copy(q.ring, items[k:n])

		q.n += n
		q.accepted += uint64(n)
		q.wakeTaker()
	}

	q.putters = without(q.putters, p)
	if n < len(items) {
		q.putters = append(q.putters, p)
	}

	return n
}

// reserve makes room for n items in the ring. Called with mu held.
func (q *queue[T]) reserve(n int) {
	if n <= len(q.ring) {
		return
	}

	size := max(16, 2*len(q.ring))
	for size < n {
		size *= 2
	}

	ring := make([]item[T], min(size, q.capacity))
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}

// take moves items into the beginning of dst, as many as there are, and returns how many. If there are none and more
// may come, p is woken when some do; it may be nil.
func (q *queue[T]) take(p parker, dst []item[T]) (n int, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()

	n = min(len(dst), q.n)
	ended = n == 0 && q.producers <= 0
	q.takers = without(q.takers, p)

	if n == 0 {
		if !ended && p != nil {
			q.takers = append(q.takers, p)
		}

		return n, ended
	}

	k := min(n, len(q.ring)-q.head)
	copy(dst, q.ring[q.head:q.head+k])
	clear(q.ring[q.head : q.head+k])
	copy(dst[k:], q.ring[:n-k])
	clear(q.ring[:n-k])

	q.head = (q.head + n) % len(q.ring)
	q.n -= n

	if q.n > 0 {
		q.wakeTaker()
	}

	q.wakePutters()

	return n, false
}

func (q *queue[T]) wakeTaker() {
	if len(q.takers) > 0 {
		signal(q.takers[0])
		q.takers = slices.Delete(q.takers, 0, 1)
	}
}

func (q *queue[T]) wakePutters() {
	for _, p := range q.putters {
		signal(p)
	}

	q.putters = q.putters[:0]
}

// done notes that one of the producers puts nothing any more.
func (q *queue[T]) done() {
	q.mu.Lock()
	defer q.mu.Unlock()

	q.producers--
	q.wakeEnded()
}

// end notes that nobody puts anything any more.
func (q *queue[T]) end() {
	q.mu.Lock()
	defer q.mu.Unlock()

	q.producers = 0
	q.wakeEnded()
}

func (q *queue[T]) wakeEnded() {
	if q.producers > 0 {
		return
	}

	for _, p := range q.takers {
		signal(p)
	}

	q.takers = q.takers[:0]
}

// look returns how many items there are. If there are none and more may come, p is woken when some do.
func (q *queue[T]) look(p parker) (n int, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()

	q.takers = without(q.takers, p)

	if q.n == 0 && q.producers > 0 {
		q.takers = append(q.takers, p)
	}

	return q.n, q.n == 0 && q.producers <= 0
}

// drop takes in nothing any more and returns what is there.
func (q *queue[T]) drop(mailbox.Reason, error) []item[T] {
	q.mu.Lock()
	defer q.mu.Unlock()

	q.dropped = true

	left := make([]item[T], q.n)
	for i := range left {
		left[i] = q.ring[(q.head+i)%len(q.ring)]
	}

	q.ring, q.head, q.n = nil, 0, 0
	q.producers = 0
	q.wakeEnded()
	q.wakePutters()

	return left
}

// refuse makes dead letters of the stage's of items that will not be put, because the stage before has no time left.
// They are counted as accepted: somebody waits for each of them.
func (q *queue[T]) refuse(items []item[T], reason mailbox.Reason, cause error) {
	q.mu.Lock()
	q.accepted += uint64(len(items))
	q.mu.Unlock()

	q.lose(items, reason, cause)
}

// counts returns how many items wait, and how many were ever taken in.
func (q *queue[T]) counts() (waiting int, accepted uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()

	return q.n, q.accepted
}

// room returns how many items there is room for.
func (q *queue[T]) room() int {
	q.mu.Lock()
	defer q.mu.Unlock()

	return q.capacity - q.n
}

// await wakes p when there is more room; at once if there is some.
func (q *queue[T]) await(p parker) {
	q.mu.Lock()
	defer q.mu.Unlock()

	if q.n < q.capacity || q.dropped {
		signal(p)
	} else {
		q.putters = append(without(q.putters, p), p)
	}
}

// forget wakes p no more: who has gone must not get what is meant for those who wait.
func (q *queue[T]) forget(p parker) {
	q.mu.Lock()
	defer q.mu.Unlock()

	q.takers, q.putters = without(q.takers, p), without(q.putters, p)
}

func without(all []parker, p parker) []parker {
	if i := slices.Index(all, p); i >= 0 {
		return slices.Delete(all, i, i+1)
	}

	return all
}
