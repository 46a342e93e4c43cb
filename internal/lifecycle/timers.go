package lifecycle

import (
	"container/heap"
	"time"
)

// timers is a heap of the nodes that wait for a time. A node is in it once at most, so it is bounded by the tree.
type timers []*entry

// Next returns when Step should be called again though nothing happened, or the zero time.
func (m *Machine) Next() time.Time {
	if len(m.timers) == 0 {
		return time.Time{}
	}

	return m.timers[0].at
}

// wait sets the node's timer.
func (m *Machine) wait(n *entry, at time.Time) {
	n.at = at

	if n.timer >= 0 {
		heap.Fix(&m.timers, n.timer)

		return
	}

	heap.Push(&m.timers, n)
}

// stopTimer takes the node's timer away, if it has one.
func (m *Machine) stopTimer(n *entry) {
	if n.timer >= 0 {
		heap.Remove(&m.timers, n.timer)
	}
}

// due removes and returns a node whose time has come, or nil.
func (m *Machine) due() *entry {
	if len(m.timers) == 0 || m.timers[0].at.After(m.now) {
		return nil
	}

	n, _ := heap.Pop(&m.timers).(*entry)

	return n
}

func (t *timers) Len() int { return len(*t) }

// Less orders by time, and by place in the tree where times are equal, so that histories repeat.
func (t *timers) Less(i, j int) bool {
	a, b := (*t)[i], (*t)[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}

	return a.id < b.id
}

func (t *timers) Swap(i, j int) {
	all := *t
	all[i], all[j] = all[j], all[i]
	all[i].timer, all[j].timer = i, j
}

func (t *timers) Push(x any) {
	n, _ := x.(*entry)
	n.timer = len(*t)
	*t = append(*t, n)
}

func (t *timers) Pop() any {
	old := *t
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	n.timer = -1

	return n
}
