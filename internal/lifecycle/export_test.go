package lifecycle

// Waiting returns the ids of the nodes in the timer heap, in the heap's order.
func (m *Machine) Waiting() []int {
	ids := make([]int, len(m.timers))
	for i, n := range m.timers {
		ids[i] = n.of.id
	}

	return ids
}
