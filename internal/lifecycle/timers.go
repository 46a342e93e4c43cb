package lifecycle

import (
	"container/heap"
	"time"
)

// timers is a heap of the nodes that wait for a time. A node is in it once at most, so it is bounded by the tree.
type timers []timer

type timer struct {
	at time.Time
	of *entry
}

// Next returns when Step should be called again though nothing happened, or the zero time.
func (m *Machine) Next() time.Time {
	next := m.nextTask()

	if len(m.timers) > 0 && (next.IsZero() || m.timers[0].at.Before(next)) {
		next = m.timers[0].at
	}

	return next
}

// wait sets the node's timer.
func (m *Machine) wait(n *entry, at time.Time) {
	if n.timer >= 0 {
		m.timers[n.timer].at = at
		heap.Fix(&m.timers, int(n.timer))

		return
	}

	// heap.Push would allocate a box, and so would heap.Remove in stopTimer.
	n.timer = int32(len(m.timers)) //nolint:gosec // there are fewer nodes
	m.timers = append(m.timers, timer{at, n})
	heap.Fix(&m.timers, int(n.timer))
}

// stopTimer takes the node's timer away, if it has one.
func (m *Machine) stopTimer(n *entry) {
	if n.timer < 0 {
		return
	}

	i, last := int(n.timer), len(m.timers)-1
	m.timers.Swap(i, last)
	m.timers[last] = timer{}
	m.timers = m.timers[:last]
	n.timer = -1

	if i < last {
		heap.Fix(&m.timers, i)
	}
}

// due removes and returns a node whose time has come, or nil.
func (m *Machine) due() *entry {
	if len(m.timers) == 0 || m.timers[0].at.After(m.now) {
		return nil
	}

	n := m.timers[0].of
	m.stopTimer(n)

	return n
}

func (t *timers) Len() int { return len(*t) }

// Less orders by time, and by place in the tree where times are equal, so that histories repeat.
func (t *timers) Less(i, j int) bool {
	a, b := (*t)[i], (*t)[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}

	return a.of.id < b.of.id
}

func (t *timers) Swap(i, j int) {
	all := *t
	all[i], all[j] = all[j], all[i]
	all[i].of.timer, all[j].of.timer = int32(i), int32(j) //nolint:gosec // there are fewer nodes
}

// Push is there for heap.Interface; see wait.
func (t *timers) Push(any) {}

// Pop is there for heap.Interface; see stopTimer.
func (t *timers) Pop() any { return nil }
