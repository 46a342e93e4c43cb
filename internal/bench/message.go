package main

// message is what all contenders send: two words, by value.
type message struct{ a, b uint64 }

// nth returns the message number i of a run. Both words depend on the number, so that a lost, doubled or torn message
// shows in the sums.
func nth(i int) message {
	n := uint64(i) //nolint:gosec // never negative

	return message{a: n, b: ^(n << 1)}
}

// tally is what a run has sent, or what was handled of it.
type tally struct {
	count int
	sum   message
}

func (t *tally) add(m message) {
	t.count++
	t.sum.a += m.a
	t.sum.b += m.b
}

// tallyOf returns the tally of the messages from first to before end.
func tallyOf(first, end int) tally {
	var t tally
	for i := first; i < end; i++ {
		t.add(nth(i))
	}

	return t
}
