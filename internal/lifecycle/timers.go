package lifecycle

import (
	"container/heap"
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/doubling"
)

// timers are the times that nodes wait for. Most are set in the order in which they are to come up, as nodes begin
// steps of the same length one after the other: those stand in a queue, the others in a heap. Most never come up,
// because a step is over before its deadline. A timer that is stopped or set anew is therefore left where it is, void,
// until it is the first or the void ones are more than half. So neither setting nor stopping costs much, also of
// hundreds of thousands. A node waits for one time at most, so both are bounded by the tree.
type timers struct {
	queue []timer
	gone  int // how many of the queue, from its front, have been dropped
	heap  heapOfTimers
	void  int // how many of both are, of those that have not been dropped
}

type timer struct {
	at    moment
	of    *entry
	count timerCount
}

// timerCount tells a node's timers apart: it grows by one with each that is set, and is negative while none is.
type timerCount int32

// waits reports whether a node waits for a time.
func (n *entry) waits() bool { return n.timer > 0 }

// void reports whether its node does not wait for it any more.
func (t *timer) void() bool { return t.of.timer != t.count }

// Next returns when Step should be called again though nothing happened, or the zero time.
func (m *Machine) Next() time.Time {
	next := m.nextTask()

	if at := m.nextSweep(); next.IsZero() || !at.IsZero() && at.Before(next) {
		next = at
	}

	if t := m.timers.first(); t != nil {
		if at := m.time(t.at); next.IsZero() || at.Before(next) {
			next = at
		}
	}

	return next
}

// wait sets the node's timer.
func (m *Machine) wait(n *entry, at moment) {
	m.stopTimer(n)

	n.timer = -n.timer%maxTimerCount + 1
	m.timers.add(timer{at, n, n.timer})
}

// maxTimerCount is where a node's count begins again: no void timer is left from so long ago.
const maxTimerCount = 1 << 30

// stopTimer takes the node's timer away, if it has one.
func (m *Machine) stopTimer(n *entry) {
	if !n.waits() {
		return
	}

	n.timer = -n.timer
	m.timers.void++
	m.timers.sweep()
}

// add adds a timer.
func (t *timers) add(a timer) {
	if !t.follows(&a) {
		t.heap.add(a)

		return
	}

	if len(t.queue) == cap(t.queue) && 2*t.gone > len(t.queue) { // room at the front is as good
		t.closeUp()
	}

	t.queue = doubling.Append(t.queue, a)
}

// follows reports whether a timer is one for the end of the queue. A few late ones must not keep all that follow out of
// it: they make room.
func (t *timers) follows(a *timer) bool {
	const few = 8

	last := len(t.queue) - 1
	if last < t.gone || t.queue[last].before(a) {
		return true
	}

	for ; t.queue[t.gone].void() && t.gone < last; t.gone++ {
		t.queue[t.gone] = timer{}
		t.void--
	}

	if last-t.gone >= few {
		return false
	}

	for _, late := range t.queue[t.gone:] {
		t.heap.add(late)
	}

	t.gone = len(t.queue)
	t.closeUp()

	return true
}

// closeUp takes what has been dropped out of the queue.
//
//go:noinline
func (t *timers) closeUp() { t.queue, t.gone = slices.Delete(t.queue, 0, t.gone), 0 }

// sweep throws the void timers out if they are more than half.
func (t *timers) sweep() {
	const few = 64

	if t.void <= few || 2*t.void <= t.count() {
		return
	}

	t.closeUp()

	void := func(t timer) bool { return t.void() }
	t.queue, t.heap, t.void = slices.DeleteFunc(t.queue, void), slices.DeleteFunc(t.heap, void), 0

	heap.Init(&t.heap)
}

// count returns how many timers there are, also void ones.
func (t *timers) count() int { return len(t.queue) - t.gone + len(t.heap) }

// first returns the timer that comes first, or nil.
func (t *timers) first() *timer {
	for {
		first := t.front()
		if first == nil || !first.void() {
			return first
		}

		t.drop()
		t.void--
	}
}

// front returns the first of all timers, which may be void, or nil.
func (t *timers) front() *timer {
	switch queued := t.gone < len(t.queue); {
	case queued && (len(t.heap) == 0 || t.queue[t.gone].before(&t.heap[0])):
		return &t.queue[t.gone]
	case len(t.heap) > 0:
		return &t.heap[0]
	default:
		return nil
	}
}

// drop takes the first of all timers away.
func (t *timers) drop() {
	if len(t.heap) > 0 && t.front() == &t.heap[0] {
		t.heap.drop()

		return
	}

	t.queue[t.gone] = timer{}
	t.gone++

	if t.gone == len(t.queue) {
		t.queue, t.gone = t.queue[:0], 0
	}
}

// due removes and returns a node whose time has come, or nil.
func (m *Machine) due() *entry {
	first := m.timers.first()
	if first == nil || first.at > m.at {
		return nil
	}

	n := first.of
	n.timer = -n.timer
	m.timers.drop()
	m.timers.sweep()

	return n
}

// before orders by time, and by place in the tree where times are equal, so that histories repeat.
func (t *timer) before(other *timer) bool {
	return t.at < other.at || t.at == other.at && t.of.id < other.of.id
}

// heapOfTimers is a [heap.Interface].
type heapOfTimers []timer

// add adds one; heap.Push would allocate a box.
func (h *heapOfTimers) add(t timer) {
	*h = append(*h, t)
	heap.Fix(h, len(*h)-1)
}

// drop takes the first away; heap.Pop would allocate a box.
func (h *heapOfTimers) drop() {
	all := *h
	last := len(all) - 1
	all[0], all[last] = all[last], timer{}
	*h = all[:last]

	if last > 0 {
		heap.Fix(h, 0)
	}
}

func (h *heapOfTimers) Len() int { return len(*h) }

// Less implements [heap.Interface].
func (h *heapOfTimers) Less(i, j int) bool { return (*h)[i].before(&(*h)[j]) }

func (h *heapOfTimers) Swap(i, j int) {
	all := *h
	all[i], all[j] = all[j], all[i]
}

// Push is there for heap.Interface; see add.
func (h *heapOfTimers) Push(any) {}

// Pop is there for heap.Interface; see drop.
func (h *heapOfTimers) Pop() any { return nil }
