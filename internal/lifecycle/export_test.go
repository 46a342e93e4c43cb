package lifecycle

import (
	"slices"
	"time"
)

// Waiting returns the ids of the nodes that wait for a time, by themselves or in a sweep, and how many timers there are
// besides.
func (m *Machine) Waiting() (ids []int, void int) {
	for _, t := range slices.Concat(m.timers.queue[m.timers.gone:], m.timers.heap) {
		if t.void() {
			void++
		} else {
			ids = append(ids, t.of.id)
		}
	}

	for _, w := range m.sweeps {
		for _, id := range w.IDs {
			if w.has(m.node(id)) {
				ids = append(ids, id)
			}
		}
	}

	return ids, void
}

// NewAlarm returns a machine of which nothing but the timers of so many nodes can be used.
func NewAlarm(nodes int) *Machine {
	m := &Machine{epoch: time.Unix(0, 0)}
	for id := range nodes {
		m.nodes = append(m.nodes, &entry{id: id})
	}

	return m
}

func (m *Machine) SetTimer(id int, at time.Time) { m.wait(m.nodes[id], m.momentOf(at)) }

func (m *Machine) StopTimer(id int) { m.stopTimer(m.nodes[id]) }

// Due returns the node whose timer is taken away because its time has come; -1 if there is none.
func (m *Machine) Due(now time.Time) int {
	m.at = m.momentOf(now)

	if n := m.due(); n != nil {
		return n.id
	}

	return -1
}

// Room is how many timers there is room in use for.
func (m *Machine) Room() int { return len(m.timers.queue) + len(m.timers.heap) }

func (m *Machine) momentOf(at time.Time) moment { return moment(at.Sub(m.epoch)) }

// NineTenths is what a task has of its deadline.
func NineTenths(d time.Duration) time.Duration { return nineTenths(d) }
