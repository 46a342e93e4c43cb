package mailbox_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestSealAndClose(t *testing.T) {
	for _, row := range []struct {
		name   string
		shut   func(*mailbox.Mailbox[int])
		want   error
		reason mailbox.Reason
	}{
		{"a sealed mailbox", (*mailbox.Mailbox[int]).Seal, mailbox.ErrStopping, mailbox.Stopping},
		{"a closed mailbox", (*mailbox.Mailbox[int]).Close, mailbox.ErrStopped, mailbox.Stopped},
		{
			"a mailbox sealed and closed", func(b *mailbox.Mailbox[int]) { b.Seal(); b.Close() },
			mailbox.ErrStopped, mailbox.Stopped,
		},
		{
			"a mailbox closed and then sealed", func(b *mailbox.Mailbox[int]) { b.Close(); b.Seal() },
			mailbox.ErrStopped, mailbox.Stopped,
		},
	} {
		t.Run(row.name+" refuses every way to send and keeps what it has", func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 2})
			require.NoError(t, box.TrySend(mailbox.Data, 1))
			row.shut(box)
			row.shut(box)

			ticket := &mailbox.Ticket{Loser: &loser{}}
			for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} { // the control lane is made late
				for _, err := range []error{
					box.TrySend(lane, 2), box.Send(t.Context(), lane, 2), box.SendTicket(t.Context(), lane, 2, ticket),
				} {
					require.ErrorIs(t, err, row.want)

					var refused *mailbox.SendError
					require.ErrorAs(t, err, &refused)
					assert.Equal(t, "/test/still", refused.Target)
				}
			}

			assert.Equal(t, []int{1}, drain(lease))

			want := mailbox.Stats{Accepted: 1, Processed: 1}
			want.Refused[row.reason] = 6
			assert.Equal(t, want, box.Stats())
		})
	}

	t.Run("sealing answers the senders that wait, but not what the receiver itself brings in", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			var inner sender

			send(t.Context(), box, lane, 1)
			first := send(t.Context(), box, lane, 2)

			go func() {
				inner.err = box.SendInner(t.Context(), lane, 3, nil)
				inner.returned = true
			}()
			synctest.Wait()

			last := send(t.Context(), box, lane, 4)

			box.Seal()
			synctest.Wait()
			require.ErrorIs(t, first.err, mailbox.ErrStopping)
			require.ErrorIs(t, last.err, mailbox.ErrStopping)
			assert.False(t, inner.returned)

			lease.Take()
			synctest.Wait()
			assert.True(t, inner.returned)
			require.NoError(t, inner.err)
			assert.Equal(t, []int{3}, drain(lease))
			require.NoError(t, box.SendInner(t.Context(), lane, 5, nil), "there is room, and the gate lets it through")

			go func() { inner.err = box.SendInner(t.Context(), lane, 6, nil) }()
			synctest.Wait()
			box.Close()
			synctest.Wait()
			require.ErrorIs(t, inner.err, mailbox.ErrStopped)
			require.ErrorIs(t, box.SendInner(t.Context(), lane, 7, nil), mailbox.ErrStopped)
			assert.Equal(t, []int{5}, drain(lease))
			assert.Equal(t, uint64(2), box.Stats().Refused[mailbox.Stopping])
			assert.Equal(t, uint64(2), box.Stats().Refused[mailbox.Stopped])
		})
	})

	t.Run("a seal and a cancel at the same instant leave one answer", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			ctx, cancel := context.WithCancel(t.Context())
			send(ctx, box, lane, 1)
			s := send(ctx, box, lane, 2)

			cancel()
			box.Seal()
			synctest.Wait()
			require.Error(t, s.err)
			assert.Equal(t, []int{1}, drain(lease))
			assert.Equal(t, uint64(1), box.Stats().Accepted)
		})
	})
}
