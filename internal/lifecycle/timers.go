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
	if len(m.timers) == 0 {
		return time.Time{}
	}

	return m.timers[0].at
}

// wait sets the node's timer.
func (m *Machine) wait(n *entry, at time.Time) {
	if n.timer >= 0 {
		m.timers[n.timer].at = at
		heap.Fix(&m.timers, int(n.timer))

		return
	}

	heap.Push(&m.timers, timer{at, n})
}

// stopTimer takes the node's timer away, if it has one.
func (m *Machine) stopTimer(n *entry) {
	if n.timer >= 0 {
		heap.Remove(&m.timers, int(n.timer))
	}
}

// due removes and returns a node whose time has come, or nil.
func (m *Machine) due() *entry {
	if len(m.timers) == 0 || m.timers[0].at.After(m.now) {
		return nil
	}

	t, _ := heap.Pop(&m.timers).(timer)

	return t.of
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

func (t *timers) Push(x any) {
	n, _ := x.(timer)
	n.of.timer = int32(len(*t)) //nolint:gosec // there are fewer nodes
	*t = append(*t, n)
}

func (t *timers) Pop() any {
	old := *t
	n := old[len(old)-1]
	old[len(old)-1] = timer{}
	*t = old[:len(old)-1]
	n.of.timer = -1

	return n
}
