package mailbox_test

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// own does Lease.Accept.
func (m *model) own() bool {
	n := m.next
	m.next++

	before := m.box.Taken()
	require.True(m.t, m.lease.Accept(n))
	require.Equal(m.t, before+1, m.box.Taken())
	m.settle(&m.stats.Processed)

	m.stats.Accepted++
	m.hand = []int{n}

	return true
}

func (m *model) begin() bool {
	if m.open || m.state != "busy" {
		return false
	}

	m.lease, m.open = m.box.Begin(), true
	require.NotContains(m.t, m.void, m.lease)
	require.False(m.t, m.lease.Revoked())

	return true
}

func (m *model) takeCommands() bool {
	require.Equal(m.t, m.commands, m.lease.Commands())

	if m.commands != 0 {
		m.settle(&m.stats.Processed)
		m.commands = 0
	}

	return true
}

func (m *model) take() {
	got, ok := m.lease.Take()

	m.settle(&m.stats.Processed)

	lane := m.choose()
	require.Equal(m.t, lane != 0, ok)
	m.receive(lane, got)
}

// look does Lease.Next.
func (m *model) look(rest bool) {
	message, got := m.lease.Next(rest)

	m.settle(&m.stats.Processed)

	if m.commands != 0 {
		require.Equal(m.t, mailbox.Pending, got)
		require.Zero(m.t, message)

		return
	}

	lane := m.choose()

	switch {
	case lane != 0:
		require.Equal(m.t, mailbox.Message, got)
	case rest:
		require.Equal(m.t, mailbox.Rested, got)

		m.open, m.state = false, "idle"
	default:
		require.Equal(m.t, mailbox.Nothing, got)
	}

	m.receive(lane, message)
}

// choose says from which lane the next message must come, or 0.
func (m *model) choose() mailbox.Lane {
	waits := m.waiting(mailbox.Data) > 0
	turn := m.fairness != mailbox.Strict && m.ahead >= m.fairness // it is the data lane's

	switch {
	case !waits && m.waiting(mailbox.Control) == 0:
		return 0
	case !waits:
		m.ahead = 0 // nothing is kept waiting

		return mailbox.Control
	case turn, m.waiting(mailbox.Control) == 0:
		m.ahead = 0

		return mailbox.Data
	default:
		m.ahead++

		return mailbox.Control
	}
}

// receive puts the first message of a lane into the hands; got is what the mailbox gave.
func (m *model) receive(lane mailbox.Lane, got int) {
	if lane == 0 {
		require.Zero(m.t, got)

		return
	}

	require.Equal(m.t, m.pop(lane), got)

	m.hand = []int{got}

	for _, t := range m.tickets {
		t.taken = t.taken || t.message == got
	}
}

func (m *model) done() bool {
	m.settle(&m.stats.Processed)
	require.True(m.t, m.lease.Done())

	return true
}

// settle takes the message from the hands, counting it.
func (m *model) settle(count *uint64) {
	*count += uint64(len(m.hand))
	m.hand = nil
}

func (m *model) inHand(t *modelTicket) bool { return slices.Contains(m.hand, t.message) }

func (m *model) fail() bool {
	got, _, had := m.lease.Fail(errTest)
	require.Equal(m.t, len(m.hand) == 1, had)

	if had {
		require.Equal(m.t, m.hand[0], got)
	}

	m.tell(errTest, m.inHand)
	m.settle(&m.stats.Failed)

	return true
}

func (m *model) deadLetter(r mailbox.Reason) bool {
	require.Equal(m.t, len(m.hand) == 1, m.lease.DeadLetter(r, errTest))
	m.tell(errTest, m.inHand)
	m.settle(&m.stats.DeadLettered[r])

	return true
}

func (m *model) rest(suspend bool) bool {
	m.settle(&m.stats.Processed)

	work := m.commands != 0 || !suspend && m.waiting(mailbox.Data)+m.waiting(mailbox.Control) > 0
	again, void := m.lease.Rest(suspend)
	require.Equal(m.t, work, again)
	require.False(m.t, void)

	m.open = false

	switch {
	case work:
	case suspend:
		m.state = "suspended"
	default:
		m.state = "idle"
	}

	return true
}

func (m *model) orphan() bool {
	m.lease.Orphan(errTest)
	m.tell(errTest, func(t *modelTicket) bool { return t.taken })

	return true
}

// useVoid tries everything with a lease that was revoked.
func (m *model) useVoid(arg int) bool {
	if len(m.void) == 0 {
		return false
	}

	l := m.void[arg%len(m.void)]
	require.True(m.t, l.Revoked())
	require.Zero(m.t, l.Commands())

	got, ok := l.Take()
	require.False(m.t, ok)
	require.Zero(m.t, got)
	require.False(m.t, l.Done())
	require.False(m.t, l.Accept(arg))

	got, answer := l.Next(arg%2 == 0)
	require.Equal(m.t, mailbox.Void, answer)
	require.Zero(m.t, got)

	_, _, had := l.Fail(errTest)
	require.False(m.t, had)
	require.False(m.t, l.DeadLetter(mailbox.Deadline, errTest))
	l.Orphan(errTest)
	require.ErrorIs(m.t, l.Stash(1), mailbox.ErrNotInHand)
	require.Zero(m.t, l.Unstash())
	require.False(m.t, l.Redeliver())
	require.Zero(m.t, l.Attempt())

	again, void := l.Rest(arg%2 == 0)
	require.False(m.t, again)
	require.True(m.t, void)

	return true
}
