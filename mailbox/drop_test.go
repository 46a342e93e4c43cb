package mailbox_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// bin is a mailbox of three messages per lane whose dropped messages are kept.
type bin struct {
	box    *mailbox.Mailbox[int]
	lease  *mailbox.Lease[int]
	thrown []int
	causes []error
}

// dropped runs a test for both lanes.
func dropped(t *testing.T, policy mailbox.Overflow, test func(t *testing.T, lane mailbox.Lane, b *bin)) {
	t.Helper()

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) {
			o := mailbox.Options{Capacity: 3, Control: 3, Overflow: policy}
			if lane == mailbox.Control {
				o.Overflow, o.ControlOverflow = mailbox.Reject, policy // each lane has a policy of its own
			}

			b := &bin{}
			b.box, b.lease = dropping(t, o, func(m int, cause error) {
				b.thrown, b.causes = append(b.thrown, m), append(b.causes, cause)
			})
			test(t, lane, b)
		})
	}
}

func (b *bin) send(t *testing.T, lane mailbox.Lane, from, to int) {
	t.Helper()

	for m := from; m <= to; m++ {
		if m%2 == 0 {
			require.NoError(t, b.box.TrySend(lane, m))
		} else {
			require.NoError(t, b.box.Send(t.Context(), lane, m))
		}
	}
}

func TestDropNewest(t *testing.T) {
	t.Run("what finds no room is accepted, dropped and reported", func(t *testing.T) {
		dropped(t, mailbox.DropNewest, func(t *testing.T, lane mailbox.Lane, b *bin) {
			b.send(t, lane, 1, 5)
			assert.Equal(t, []int{4, 5}, b.thrown)
			assert.Equal(t, mailbox.Stats{Accepted: 5, Dropped: 2, Queued: 3}, b.box.Stats())
			assert.Equal(t, []int{1, 2, 3}, drain(b.lease))
		})
	})

	t.Run("its ticket is told, and not outstanding any more", func(t *testing.T) {
		dropped(t, mailbox.DropNewest, func(t *testing.T, lane mailbox.Lane, b *bin) {
			b.send(t, lane, 1, 3)

			l := &loser{}
			ticket := &mailbox.Ticket{Loser: l}
			require.NoError(t, b.box.SendTicket(t.Context(), lane, 4, ticket))
			assert.Equal(t, 1, l.calls)
			require.ErrorIs(t, l.cause, mailbox.ErrDropped)
			assert.False(t, b.box.Forget(ticket))
			b.box.Close()
			assert.Equal(t, 1, l.calls)
		})
	})
}

func TestDropOldest(t *testing.T) {
	t.Run("the one that has waited longest makes room, never the one in hand", func(t *testing.T) {
		dropped(t, mailbox.DropOldest, func(t *testing.T, lane mailbox.Lane, b *bin) {
			b.send(t, lane, 1, 3)

			m, ok := b.lease.Take()
			require.True(t, ok)
			require.Equal(t, 1, m)
			b.send(t, lane, 4, 6)
			assert.Equal(t, []int{2, 3}, b.thrown)
			assert.Equal(t, mailbox.Stats{Accepted: 6, Dropped: 2, Queued: 3, Handling: 1}, b.box.Stats())

			got, _, had := b.lease.Fail(nil)
			assert.True(t, had)
			assert.Equal(t, 1, got, "the message in hand is still that")
			assert.Equal(t, []int{4, 5, 6}, drain(b.lease))
		})
	})

	t.Run("its ticket is told, and no other", func(t *testing.T) {
		dropped(t, mailbox.DropOldest, func(t *testing.T, lane mailbox.Lane, b *bin) {
			all := ticketed(t, b.box, lane, 5)
			assert.Equal(t, []int{0, 1}, all.told(t))
			require.ErrorIs(t, all.losers[1].cause, mailbox.ErrDropped)
			assert.False(t, b.box.Forget(all.tickets[0]))
			b.lease.Take()
			b.lease.Fail(errTest)
			assert.Equal(t, []int{0, 1, 2}, all.told(t))
			b.box.Close()
			assert.Equal(t, []int{0, 1, 2, 3, 4}, all.told(t))
		})
	})

	t.Run("a long run through a full lane keeps the last ones", func(t *testing.T) {
		dropped(t, mailbox.DropOldest, func(t *testing.T, lane mailbox.Lane, b *bin) {
			const last = 1000 // more than a segment holds

			b.send(t, lane, 1, last)
			require.Len(t, b.thrown, last-3)

			for n, m := range b.thrown {
				require.Equal(t, n+1, m)
			}

			assert.Equal(t, []int{last - 2, last - 1, last}, drain(b.lease))
		})
	})
}

func TestDropping(t *testing.T) {
	for _, policy := range []mailbox.Overflow{mailbox.DropNewest, mailbox.DropOldest} {
		t.Run(policy.String()+": the cause names target, lane and policy", func(t *testing.T) {
			dropped(t, policy, func(t *testing.T, lane mailbox.Lane, b *bin) {
				b.send(t, lane, 1, 4)
				require.Len(t, b.causes, 1)

				var cause *mailbox.DroppedError
				require.ErrorAs(t, b.causes[0], &cause)
				require.ErrorIs(t, cause, mailbox.ErrDropped)
				require.NotErrorIs(t, cause, mailbox.ErrFull)
				assert.Equal(t, mailbox.DroppedError{Target: "/test/still", Lane: lane, Policy: policy}, *cause)
				assert.EqualError(t, cause,
					"/test/still: "+lane.String()+" lane is full, its policy is to "+policy.String())
			})
		})

		t.Run(policy.String()+": commands are never dropped", func(t *testing.T) {
			dropped(t, policy, func(t *testing.T, lane mailbox.Lane, b *bin) {
				b.box.Signal(wake | finish)
				b.send(t, lane, 1, 50)
				assert.Equal(t, wake|finish, b.lease.Commands())
			})
		})

		t.Run(policy.String()+": a mailbox that is shut refuses and drops nothing", func(t *testing.T) {
			dropped(t, policy, func(t *testing.T, lane mailbox.Lane, b *bin) {
				b.send(t, lane, 1, 3)
				b.box.Seal()
				require.ErrorIs(t, b.box.TrySend(lane, 4), mailbox.ErrStopping)
				require.NoError(t, b.box.SendInner(t.Context(), lane, 5, nil), "what the receiver brings in is let in, and drops")
				require.Len(t, b.thrown, 1)
				b.box.Close()
				require.ErrorIs(t, b.box.Send(t.Context(), lane, 6), mailbox.ErrStopped)
				require.ErrorIs(t, b.box.SendInner(t.Context(), lane, 7, nil), mailbox.ErrStopped)
				assert.Len(t, b.thrown, 1)
				assert.Len(t, drain(b.lease), 3)
			})
		})
	}
}
