package mailbox_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestSealSpared(t *testing.T) {
	// spared is a mailbox whose receiver has given up its lease.
	spared := func(t *testing.T) *mailbox.Mailbox[int] {
		t.Helper()

		box, lease := still[int](t, mailbox.Options{Capacity: 2})
		lease.Local = new(sleeper)
		_, got := lease.Next(true)
		require.Equal(t, mailbox.Rested, got)

		return box
	}

	fresh := func(t *testing.T) *mailbox.Mailbox[int] {
		t.Helper()

		box, err := mailbox.New("/test/still", nil, func(*mailbox.Lease[int]) {}, nil)
		require.NoError(t, err)

		return box
	}

	for name, row := range map[string]struct {
		made   func(t *testing.T) *mailbox.Mailbox[int]
		before func(t *testing.T, box *mailbox.Mailbox[int])
		want   bool
	}{
		"whose lease is spared": {spared, func(*testing.T, *mailbox.Mailbox[int]) {}, true},
		"then with a command": {spared, func(_ *testing.T, box *mailbox.Mailbox[int]) {
			box.Signal(wake)
		}, false},
		"then with a message": {spared, func(t *testing.T, box *mailbox.Mailbox[int]) {
			t.Helper()
			fill(t, box, mailbox.Data, 1)
		}, false},
		"then with a control message": {spared, func(t *testing.T, box *mailbox.Mailbox[int]) {
			t.Helper()
			fill(t, box, mailbox.Control, 1)
		}, false},
		"whose holder has had a message": {spared, func(t *testing.T, box *mailbox.Mailbox[int]) {
			t.Helper()
			fill(t, box, mailbox.Data, 1)

			lease := box.Begin()
			lease.Take()
			_, got := lease.Next(true)
			require.Equal(t, mailbox.Rested, got)
		}, false},
		"that was never run, for whom messages may wait": {fresh, func(t *testing.T, box *mailbox.Mailbox[int]) {
			t.Helper()
			fill(t, box, mailbox.Data, 1)
		}, false},
	} {
		t.Run("a mailbox "+name, func(t *testing.T) {
			box := row.made(t)
			row.before(t, box)
			assert.Equal(t, row.want, box.SealSpared())
			require.ErrorIs(t, box.TrySend(mailbox.Data, 2), mailbox.ErrStopping, "it is sealed either way")
		})
	}

	t.Run("a message that comes meanwhile is accepted and seen, or refused", func(t *testing.T) {
		for range 1000 {
			var (
				box = spared(t)
				yes bool
				err error
				all sync.WaitGroup
			)

			all.Go(func() { yes = box.SealSpared() })
			all.Go(func() { err = box.TrySend(mailbox.Data, 1) })
			all.Wait()

			if yes {
				require.ErrorIs(t, err, mailbox.ErrStopping)
			} else {
				require.NoError(t, err)
			}
		}
	})
}

func TestCloseEmpty(t *testing.T) {
	type state struct {
		box    *mailbox.Mailbox[int]
		lease  *mailbox.Lease[int]
		ticket *mailbox.Ticket
	}

	send := func(lane mailbox.Lane) func(t *testing.T, s state) {
		return func(t *testing.T, s state) {
			t.Helper()
			require.NoError(t, s.box.TrySend(lane, 1))
		}
	}

	// asked leaves a message that was handled and not answered.
	asked := func(lane mailbox.Lane) func(t *testing.T, s state) {
		return func(t *testing.T, s state) {
			t.Helper()
			require.NoError(t, s.box.SendTicket(t.Context(), lane, 1, s.ticket))
			s.lease.Take()
			require.True(t, s.lease.Done())
		}
	}

	for name, row := range map[string]struct {
		before func(t *testing.T, s state)
		closed bool
	}{
		"without a message": {func(*testing.T, state) {}, true},
		"whose message was handled": {func(t *testing.T, s state) {
			t.Helper()
			send(mailbox.Data)(t, s)
			s.lease.Take()
			require.True(t, s.lease.Done())
		}, true},
		"whose lease was revoked": {func(t *testing.T, s state) {
			t.Helper()
			send(mailbox.Data)(t, s)
			s.lease.Take()
			require.True(t, s.box.Revoke(0, errTest).Had)
		}, true},
		"whose question nobody waits for": {func(t *testing.T, s state) {
			t.Helper()
			asked(mailbox.Data)(t, s)
			require.True(t, s.box.Forget(s.ticket))
		}, true},
		"with a message":         {send(mailbox.Data), false},
		"with a control message": {send(mailbox.Control), false},
		"with a message in hand": {func(t *testing.T, s state) {
			t.Helper()
			send(mailbox.Data)(t, s)
			s.lease.Take()
		}, false},
		"with a message in the stash": {func(t *testing.T, s state) {
			t.Helper()
			send(mailbox.Data)(t, s)
			s.lease.Take()
			require.NoError(t, s.lease.Stash(1))
		}, false},
		"with a message that is delivered again": {func(t *testing.T, s state) {
			t.Helper()
			send(mailbox.Data)(t, s)
			s.lease.Take()
			require.True(t, s.lease.Redeliver())
		}, false},
		"with an open question":                     {asked(mailbox.Data), false},
		"with an open question in the control lane": {asked(mailbox.Control), false},
	} {
		t.Run("a mailbox "+name, func(t *testing.T) {
			s := state{ticket: &mailbox.Ticket{Loser: &loser{}}}
			s.box, s.lease = still[int](t, mailbox.Options{Capacity: 2})
			row.before(t, s)
			before := s.box.Stats()

			assert.Equal(t, row.closed, s.box.CloseEmpty())
			assert.Equal(t, row.closed, s.box.Closed())
			assert.Equal(t, before, s.box.Stats())

			if !row.closed {
				require.NoError(t, s.box.TrySend(mailbox.Data, 2), "nothing has happened")

				return
			}

			require.ErrorIs(t, s.box.TrySend(mailbox.Data, 2), mailbox.ErrStopped)
			assert.True(t, s.box.CloseEmpty(), "again")
		})
	}
}
