package mailbox_test

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// modelAside is what the model has put aside, and what of it is to be taken again.
type modelAside struct {
	stash   []int
	again   map[mailbox.Lane][]int // before the queue of that lane
	lane    map[int]mailbox.Lane   // from which a message was last taken
	attempt map[int]int            // beyond the first
	room    map[int]bool           // messages that take up room in the stash
}

func newModelAside() modelAside {
	return modelAside{
		again: map[mailbox.Lane][]int{}, lane: map[int]mailbox.Lane{}, attempt: map[int]int{}, room: map[int]bool{},
	}
}

func asideSteps() []step {
	return []step{
		{"Stash", func(m *model, arg int) bool { return m.open && m.putAside(arg%6) }},
		{"Unstash", func(m *model, _ int) bool { return m.unstash() }},
		{"Redeliver", func(m *model, _ int) bool { return m.open && m.redeliver() }},
		{"Quarantine", func(m *model, _ int) bool { return m.open && m.quarantine() }},
	}
}

// waiting returns how many messages wait in a lane, with those to be taken before them.
func (m *model) waiting(lane mailbox.Lane) int { return len(m.again[lane]) + len(m.queues[lane]) }

// pop takes the first message of a lane.
func (m *model) pop(lane mailbox.Lane) int {
	from := m.queues
	if len(m.again[lane]) > 0 {
		from = m.again
	}

	n := from[lane][0]
	from[lane] = from[lane][1:]
	m.lane[n] = lane
	delete(m.room, n)

	return n
}

// leave takes the message from the hands, to be taken again.
func (m *model) leave() int {
	n := m.hand[0]
	m.hand = nil

	for _, t := range m.tickets {
		t.taken = t.taken && t.message != n
	}

	return n
}

func (m *model) putAside(capacity int) bool {
	err := m.lease.Stash(capacity)

	switch {
	case len(m.hand) == 0:
		require.ErrorIs(m.t, err, mailbox.ErrNotInHand)
	case len(m.room) >= capacity:
		require.Equal(m.t, &mailbox.StashFullError{Target: "/model", Capacity: capacity}, err)
	default:
		require.NoError(m.t, err)

		n := m.leave()
		m.stash = append(m.stash, n)
		m.room[n] = true
	}

	return true
}

func (m *model) unstash() bool {
	n := m.box.Begin().Unstash()
	require.Equal(m.t, len(m.stash), n)

	m.again[mailbox.Data] = append(slices.Clone(m.stash), m.again[mailbox.Data]...)
	m.stash = nil

	if n > 0 && m.state == "idle" {
		m.wake()
	}

	return true
}

func (m *model) redeliver() bool {
	can := len(m.hand) == 1 && m.lane[m.hand[0]] != 0 // one that never was in a lane the holder has accepted itself
	require.Equal(m.t, can, m.lease.Redeliver())

	if can {
		n := m.leave()
		m.attempt[n]++
		m.again[m.lane[n]] = append([]int{n}, m.again[m.lane[n]]...)
	}

	return true
}

func (m *model) quarantine() bool {
	got, _, had := m.lease.Quarantine(errTest)
	require.Equal(m.t, len(m.hand) == 1, had)

	if had {
		require.Equal(m.t, m.hand[0], got)
	}

	m.tell(errTest, m.inHand)
	m.settle(&m.stats.DeadLettered[mailbox.Quarantined])

	return true
}

// attempts returns which delivery of the message in hand this is.
func (m *model) attempts() int {
	if len(m.hand) == 0 {
		return 0
	}

	return m.attempt[m.hand[0]] + 1
}
