package mailbox_test

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// model is a mailbox as a child would write it, driven in step with a real one by a single goroutine.
type model struct {
	modelAside

	t        driver
	box      *mailbox.Mailbox[int]
	woken    chan struct{} // a run that was started and has not been noticed
	capacity map[mailbox.Lane]int
	policy   map[mailbox.Lane]mailbox.Overflow
	fairness int

	queues   map[mailbox.Lane][]int
	hand     []int // at most one
	ahead    int   // control messages taken in a row by this lease while data waited
	open     bool  // a turn has begun and not rested
	state    string
	commands mailbox.Command
	gate     error // nil, ErrStopping or ErrStopped
	next     int   // the next message
	stats    mailbox.Stats
	tickets  []*modelTicket
	dropped  []drop

	lease *mailbox.Lease[int]   // of the open turn, or of the last one
	void  []*mailbox.Lease[int] // those that were revoked
	drops []drop                // as the mailbox has reported them
}

// drop is a message that was dropped by the policy of its lane.
type drop struct {
	message int
	cause   mailbox.DroppedError
}

// modelTicket is the ticket of one message.
type modelTicket struct {
	loser
	mailbox.Ticket

	message     int
	taken, over bool  // over: told or taken back
	told        error // nil, or what it was told
}

func newModel(t driver, o mailbox.Options) *model {
	m := &model{
		t: t, woken: make(chan struct{}), state: "suspended",
		capacity: map[mailbox.Lane]int{mailbox.Data: o.Capacity, mailbox.Control: o.Control},
		policy:   map[mailbox.Lane]mailbox.Overflow{mailbox.Data: o.Overflow, mailbox.Control: o.ControlOverflow},
		fairness: cmp.Or(o.Fairness, mailbox.DefaultFairness),
		queues:   map[mailbox.Lane][]int{}, modelAside: newModelAside(),
	}

	box, err := mailbox.New("/model", &o, func(*mailbox.Lease[int]) { m.woken <- struct{}{} }, m.noteDrop)
	require.NoError(t, err)

	m.box = box

	return m
}

func (m *model) noteDrop(n int, cause error) {
	var dropped *mailbox.DroppedError

	require.ErrorAs(m.t, cause, &dropped)
	m.drops = append(m.drops, drop{n, *dropped})
}

// step is something that can be done to a mailbox. It returns false if that is impossible in the model's state.
type step struct {
	name string
	do   func(m *model, arg int) bool
}

func laneOf(arg int) mailbox.Lane { return mailbox.Data + mailbox.Lane(arg%2) }

// seldom is for what changes all that comes after it.
func seldom(arg int) bool { return arg%16 == 0 }

func steps() []step {
	return append([]step{
		{"TrySend", func(m *model, arg int) bool { return m.send(laneOf(arg), "try") }},
		{"Send", func(m *model, arg int) bool { return m.send(laneOf(arg), "send") }},
		{"SendTicket", func(m *model, arg int) bool { return m.send(laneOf(arg), "ticket") }},
		{"SendInner", func(m *model, arg int) bool { return m.send(laneOf(arg), "inner") }},
		{"Signal", func(m *model, arg int) bool { return m.signal(mailbox.Command(1) << (arg % 4)) }},
		{"Begin", func(m *model, _ int) bool { return m.begin() }},
		{"Commands", func(m *model, _ int) bool { return m.open && m.takeCommands() }},
		{"Take", func(m *model, _ int) bool { return m.open && m.do(m.take) }},
		{"Done", func(m *model, _ int) bool { return m.open && m.done() }},
		{"Fail", func(m *model, _ int) bool { return m.open && m.fail() }},
		{"DeadLetter", func(m *model, arg int) bool {
			return m.open && m.deadLetter(mailbox.Reasons()[arg%len(mailbox.Reasons())])
		}},
		{"Rest", func(m *model, arg int) bool { return m.open && m.rest(arg%2 == 0) }},
		{"Orphan", func(m *model, _ int) bool { return m.open && m.orphan() }},
		{"Forget", func(m *model, arg int) bool { return m.forget(arg) }},
		{"Revoke", func(m *model, arg int) bool { return m.revoke(mailbox.Command(arg % 16)) }},
		{"UseVoidLease", func(m *model, arg int) bool { return m.useVoid(arg) }},
		{"Seal", func(m *model, arg int) bool { return seldom(arg) && m.seal() }},
		{"Close", func(m *model, arg int) bool { return seldom(arg) && m.close() }},
		{"Accept", func(m *model, _ int) bool { return m.open && m.own() }},
		{"Next", func(m *model, arg int) bool { return m.open && m.do(func() { m.look(arg%2 == 0) }) }},
	}, asideSteps()...)
}

// do does what is always possible.
func (m *model) do(f func()) bool {
	f()

	return true
}

// wake is what the model expects when the mailbox is to start a run.
func (m *model) wake() {
	m.state = "busy"

	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()

	select {
	case <-m.woken: // one too many is a leaked goroutine at the end
	case <-ctx.Done():
		require.Fail(m.t, "a wake-up was lost")
	}
}

func (m *model) send(lane mailbox.Lane, how string) bool {
	n := m.next
	m.next++

	var (
		want error
		t    *modelTicket
	)

	switch {
	case m.gate == mailbox.ErrStopped: //nolint:errorlint // the model's own
		want = mailbox.ErrStopped
		m.stats.Refused[mailbox.Stopped]++
	case m.gate != nil && how != "inner":
		want = mailbox.ErrStopping
		m.stats.Refused[mailbox.Stopping]++
	case len(m.queues[lane]) < m.capacity[lane]:
	case m.policy[lane] == mailbox.Block && how != "try":
		return false // it would wait
	case m.policy[lane] == mailbox.Block, m.policy[lane] == mailbox.Reject:
		want = mailbox.ErrFull
		m.stats.Refused[mailbox.Full]++
	}

	var err error

	switch ctx := m.t.Context(); how {
	case "try":
		err = m.box.TrySend(lane, n)
	case "send":
		err = m.box.Send(ctx, lane, n)
	case "inner":
		var accepted atomic.Int32

		err = m.box.SendInner(ctx, lane, n, &accepted)
		require.Equal(m.t, err == nil, accepted.Load() == 1)
	case "ticket":
		t = &modelTicket{message: n}
		t.Loser = &t.loser
		err = m.box.SendTicket(ctx, lane, n, &t.Ticket)
	}

	require.ErrorIs(m.t, err, want)

	if want != nil {
		return true
	}

	m.stats.Accepted++

	if t != nil {
		m.tickets = append(m.tickets, t)
	}

	m.accept(lane, n)

	if m.state == "idle" {
		m.wake()
	}

	return true
}

// accept puts a message that was accepted into its lane, of whose messages one is dropped if it is full.
func (m *model) accept(lane mailbox.Lane, n int) {
	q := m.queues[lane]
	victim := -1

	switch {
	case len(q) < m.capacity[lane]:
		m.queues[lane] = append(q, n)

		return
	case m.policy[lane] == mailbox.DropNewest:
		victim = n
	case m.policy[lane] == mailbox.DropOldest:
		victim = q[0]
		m.queues[lane] = append(q[1:], n)
	}

	m.stats.Dropped++
	m.dropped = append(m.dropped, drop{
		victim, mailbox.DroppedError{Target: "/model", Lane: lane, Policy: m.policy[lane]},
	})
	m.tell(mailbox.ErrDropped, func(t *modelTicket) bool { return t.message == victim })
}

func (m *model) signal(c mailbox.Command) bool {
	m.box.Signal(c)
	m.commands |= c

	if m.state != "busy" {
		m.wake()
	}

	return true
}

// tell expects the outstanding tickets that which chooses to be told.
func (m *model) tell(cause error, which func(t *modelTicket) bool) {
	for _, t := range m.tickets {
		if !t.over && which(t) {
			t.told, t.over = cause, true
		}
	}
}

func (m *model) forget(arg int) bool {
	if len(m.tickets) == 0 {
		return false
	}

	t := m.tickets[arg%len(m.tickets)]
	require.Equal(m.t, !t.over, m.box.Forget(&t.Ticket))
	t.over = true

	return true
}

func (m *model) revoke(keep mailbox.Command) bool {
	found := m.box.Revoke(keep, errTest)
	require.Equal(m.t, m.state == "busy", found.Stuck)
	require.Equal(m.t, len(m.hand) == 1, found.Had)

	if found.Had {
		require.Equal(m.t, m.hand[0], found.Message)
	}

	require.Equal(m.t, m.attempts(), found.Delivery.Attempt)

	if m.open {
		require.Same(m.t, m.lease, found.Lease)
	}

	if m.open = false; found.Stuck {
		m.wake()
	}

	m.tell(errTest, func(t *modelTicket) bool { return t.taken })
	m.settle(&m.stats.DeadLettered[mailbox.Abandoned])

	m.commands &= keep
	m.ahead = 0
	m.void = append(m.void, found.Lease)

	return true
}

func (m *model) seal() bool {
	m.box.Seal()

	if m.gate == nil {
		m.gate = mailbox.ErrStopping
	}

	return true
}

func (m *model) close() bool {
	m.box.Close()
	m.gate = mailbox.ErrStopped
	m.tell(mailbox.ErrStopped, func(*modelTicket) bool { return true })

	return true
}

// check compares the mailbox with the model.
func (m *model) check() {
	want := m.stats
	want.Queued = uint64(m.waiting(mailbox.Data) + m.waiting(mailbox.Control))
	want.Stashed = uint64(len(m.stash))
	want.Handling = uint64(len(m.hand))

	got := m.box.Stats()
	require.Equal(m.t, want, got)
	require.Zero(m.t, got.Unaccounted())
	require.Equal(m.t, int(want.Queued), m.box.Queued())

	require.Equal(m.t, m.dropped, m.drops)
	require.Equal(m.t, m.attempts(), m.box.Begin().Attempt())

	for _, t := range m.tickets {
		calls := 0
		if t.told != nil {
			calls = 1
		}

		if t.calls != calls || !errors.Is(t.cause, t.told) {
			require.Failf(m.t, "a ticket was not told as it must", "message %d: wants %v, was told %d times: %v",
				t.message, t.told, t.calls, t.cause)
		}
	}
}
