package mailbox_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestCapacityIsExact(t *testing.T) {
	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		for _, capacity := range []int{1, 2, 7, 8, 9, 100, 127, 128, 129, 1024} {
			t.Run(fmt.Sprintf("a %v lane of %d takes %d messages and no more", lane, capacity, capacity),
				func(t *testing.T) { testCapacity(t, lane, capacity) })
		}
	}
}

func testCapacity(t *testing.T, lane mailbox.Lane, capacity int) {
	// The other lane is smaller by one, so that a mix-up shows.
	o := mailbox.Options{Capacity: capacity, Control: max(capacity-1, 1)}
	if lane == mailbox.Control {
		o = mailbox.Options{Capacity: max(capacity-1, 1), Control: capacity}
	}

	box, lease := still[int](t, o)
	next, taken := 0, 0

	fill := func(room int) {
		for range room {
			require.NoError(t, box.TrySend(lane, next))
			next++
		}

		err := box.TrySend(lane, -1)
		require.ErrorIs(t, err, mailbox.ErrFull)

		var full *mailbox.FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, mailbox.FullError{Target: "/test/still", Lane: lane, Capacity: capacity}, *full)
		assert.Equal(t, capacity, box.Queued())
	}

	fill(capacity)

	// The message in hand does not count: taking n makes room for exactly n.
	for _, n := range []int{1, capacity/2 + 1, capacity, 1, capacity} {
		for range n {
			m, ok := lease.Take()
			require.True(t, ok)
			require.Equal(t, taken, m)
			taken++
		}

		fill(n)
	}

	for range capacity {
		m, ok := lease.Take()
		require.True(t, ok)
		require.Equal(t, taken, m)
		taken++
	}

	_, ok := lease.Take()
	assert.False(t, ok)
	require.True(t, lease.Done())

	s := box.Stats()
	want := mailbox.Stats{Accepted: uint64(next), Processed: uint64(next)}
	want.Refused[mailbox.Full] = 6
	assert.Equal(t, want, s)
}

func TestLanesHaveCapacitiesOfTheirOwn(t *testing.T) {
	box, lease := still[string](t, mailbox.Options{Capacity: 1, Control: 1})

	require.NoError(t, box.TrySend(mailbox.Data, "data"))
	require.NoError(t, box.TrySend(mailbox.Control, "control"))
	require.ErrorIs(t, box.TrySend(mailbox.Data, "more"), mailbox.ErrFull)
	require.ErrorIs(t, box.TrySend(mailbox.Control, "more"), mailbox.ErrFull)
	assert.Equal(t, []string{"control", "data"}, drain(lease))
}
