package mailbox_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// loser counts what it is told. Its methods are called by one goroutine at a time.
type loser struct {
	calls int
	cause error
}

func (l *loser) Lost(cause error) {
	l.calls++
	l.cause = cause
}

var errTest = errors.New("test cause")

// tickets are messages 0, 1, 2, … of one lane with a loser each.
type tickets struct {
	losers  []*loser
	tickets []*mailbox.Ticket
}

func ticketed(t *testing.T, box *mailbox.Mailbox[int], lane mailbox.Lane, n int) *tickets {
	t.Helper()

	all := &tickets{}

	for m := range n {
		l := &loser{}
		ticket := &mailbox.Ticket{Loser: l}
		require.NoError(t, box.SendTicket(t.Context(), lane, m, ticket))

		all.losers, all.tickets = append(all.losers, l), append(all.tickets, ticket)
	}

	return all
}

// told returns the messages whose loser was told, and checks that it was so once.
func (a *tickets) told(t *testing.T) []int {
	t.Helper()

	told := []int{}

	for m, l := range a.losers {
		if l.calls > 0 {
			require.Equal(t, 1, l.calls, "message %d", m)
			told = append(told, m)
		}
	}

	return told
}

func TestTicket(t *testing.T) {
	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) { testTicket(t, lane) })
	}
}

func testTicket(t *testing.T, lane mailbox.Lane) {
	make3 := func(t *testing.T) (*mailbox.Mailbox[int], *mailbox.Lease[int], *tickets) {
		t.Helper()

		box, lease := still[int](t, mailbox.Options{Capacity: 4, Control: 4})

		return box, lease, ticketed(t, box, lane, 3)
	}

	t.Run("a failed message tells its ticket, and no other", func(t *testing.T) {
		_, lease, all := make3(t)
		lease.Take()
		lease.Take()

		m, _, had := lease.Fail(errTest)
		assert.True(t, had)
		assert.Equal(t, 1, m)
		assert.Equal(t, []int{1}, all.told(t))
		require.ErrorIs(t, all.losers[1].cause, errTest)
	})

	t.Run("a dead letter tells its ticket", func(t *testing.T) {
		_, lease, all := make3(t)
		lease.Take()
		assert.True(t, lease.DeadLetter(mailbox.Deadline, errTest))
		assert.Equal(t, []int{0}, all.told(t))
	})

	t.Run("a processed message does not tell: it may still be answered", func(t *testing.T) {
		box, lease, all := make3(t)
		drain(lease)
		box.Seal()
		assert.Empty(t, all.told(t))
	})

	t.Run("the loss of the receiver's state tells what was taken and not answered", func(t *testing.T) {
		box, lease, all := make3(t)
		lease.Take()
		lease.Take()
		lease.Done()
		assert.True(t, box.Forget(all.tickets[0]))
		lease.Orphan(errTest)
		assert.Equal(t, []int{1}, all.told(t))
		require.ErrorIs(t, all.losers[1].cause, errTest)
	})

	t.Run("a revocation tells what was taken and not answered, the message in hand included", func(t *testing.T) {
		box, lease, all := make3(t)
		lease.Take()
		lease.Take()

		found := box.Revoke(0, errTest)
		assert.True(t, found.Had)
		assert.Equal(t, []int{0, 1}, all.told(t))
		require.ErrorIs(t, all.losers[0].cause, errTest)
	})

	t.Run("a revoked holder cannot orphan what the next one has taken", func(t *testing.T) {
		box, old, all := make3(t)
		box.Revoke(0, errTest)
		box.Begin().Take()
		old.Orphan(errTest)
		assert.Empty(t, all.told(t))
	})

	t.Run("closing tells all, queued or not, and what is left later tells nobody twice", func(t *testing.T) {
		box, lease, all := make3(t)
		lease.Take()
		box.Close()
		assert.Equal(t, []int{0, 1, 2}, all.told(t))
		require.ErrorIs(t, all.losers[2].cause, mailbox.ErrStopped)

		for ok := true; ok; _, ok = lease.Take() {
			lease.DeadLetter(mailbox.Stopped, errTest)
		}

		lease.Orphan(errTest)
		all.told(t)
	})

	t.Run("a ticket taken back is told nothing, and can be taken back once", func(t *testing.T) {
		box, lease, all := make3(t)
		assert.True(t, box.Forget(all.tickets[1]))
		assert.False(t, box.Forget(all.tickets[1]))

		for range 3 {
			lease.Take()
			lease.Fail(errTest)
		}

		assert.Equal(t, []int{0, 2}, all.told(t))
		assert.False(t, box.Forget(all.tickets[0]), "its loser has been told")
	})

	t.Run("a ticket of nobody is told to nobody", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 2, Control: 2})
		require.NoError(t, box.SendTicket(t.Context(), lane, 1, nil))
		require.NoError(t, box.SendTicket(t.Context(), lane, 2, new(mailbox.Ticket)))
		assert.False(t, box.Forget(nil))

		outstanding, queued := box.Outstanding(nil)
		assert.False(t, outstanding || queued)
		assert.NotPanics(t, func() {
			for range 2 {
				lease.Take()
				lease.Fail(errTest)
			}
		})
	})

	t.Run("a ticketed sender that waits has its ticket from when it is let in", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 1, Control: 1})
			require.NoError(t, box.TrySend(lane, 1))

			l := &loser{}

			var err error

			go func() { err = box.SendTicket(t.Context(), lane, 2, &mailbox.Ticket{Loser: l}) }()
			synctest.Wait()
			lease.Take()
			synctest.Wait()
			require.NoError(t, err)
			lease.Fail(nil)
			assert.Zero(t, l.calls)
			lease.Take()
			lease.Fail(errTest)
			assert.Equal(t, 1, l.calls)
		})
	})
}
