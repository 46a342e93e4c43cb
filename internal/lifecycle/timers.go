package lifecycle

import (
	"container/heap"
	"slices"
	"time"
)

// timers are the times that nodes wait for, in a heap. Most of them never come: a step is over before its deadline. A
// timer that is stopped or set anew is therefore left where it is, void, until it comes up or the void ones are more
// than half; so stopping costs next to nothing, also of hundreds of thousands that were set for the same time. A node
// waits for one time at most, so the heap is bounded by the tree.
type timers struct {
	heap heapOfTimers
	void int // how many in the heap are
}

type timer struct {
	at    time.Time
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

	if t := m.timers.first(); t != nil && (next.IsZero() || t.at.Before(next)) {
		next = t.at
	}

	return next
}

// wait sets the node's timer.
func (m *Machine) wait(n *entry, at time.Time) {
	m.stopTimer(n)

	n.timer = -n.timer%maxTimerCount + 1
	m.timers.heap = append(m.timers.heap, timer{at, n, n.timer}) // heap.Push would allocate a box
	heap.Fix(&m.timers.heap, len(m.timers.heap)-1)
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

// sweep throws the void timers out if they are more than half.
func (t *timers) sweep() {
	const few = 64

	if t.void <= few || 2*t.void <= len(t.heap) {
		return
	}

	t.heap = slices.DeleteFunc(t.heap, func(t timer) bool { return t.void() })
	t.void = 0

	heap.Init(&t.heap)
}

// first returns the timer that comes first, or nil.
func (t *timers) first() *timer {
	for len(t.heap) > 0 {
		if first := &t.heap[0]; !first.void() {
			return first
		}

		t.drop()
		t.void--
	}

	return nil
}

// drop takes the first of the heap away; heap.Pop would allocate a box.
func (t *timers) drop() {
	last := len(t.heap) - 1
	t.heap[0] = t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]

	if last > 0 {
		heap.Fix(&t.heap, 0)
	}
}

// due removes and returns a node whose time has come, or nil.
func (m *Machine) due() *entry {
	first := m.timers.first()
	if first == nil || first.at.After(m.now) {
		return nil
	}

	n := first.of
	n.timer = -n.timer
	m.timers.drop()
	m.timers.sweep()

	return n
}

// heapOfTimers is a [heap.Interface].
type heapOfTimers []timer

func (h *heapOfTimers) Len() int { return len(*h) }

// Less orders by time, and by place in the tree where times are equal, so that histories repeat.
func (h *heapOfTimers) Less(i, j int) bool {
	a, b := &(*h)[i], &(*h)[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}

	return a.of.id < b.of.id
}

func (h *heapOfTimers) Swap(i, j int) {
	all := *h
	all[i], all[j] = all[j], all[i]
}

// Push is there for heap.Interface; see wait.
func (h *heapOfTimers) Push(any) {}

// Pop is there for heap.Interface; see drop.
func (h *heapOfTimers) Pop() any { return nil }
