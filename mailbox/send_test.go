package mailbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// sends are the ways to send one message.
func sends[M any](box *mailbox.Mailbox[M]) map[string]func(ctx context.Context, to mailbox.Lane, m M) error {
	return map[string]func(ctx context.Context, to mailbox.Lane, m M) error{
		"Send": box.Send,
		"SendInner": func(ctx context.Context, to mailbox.Lane, m M) error {
			var accepted atomic.Int32

			err := box.SendInner(ctx, to, m, &accepted)
			if (err == nil) != (accepted.Load() == 1) {
				return fmt.Errorf("accepted %d times: %w", accepted.Load(), err)
			}

			return err
		},
		"SendTicket": func(ctx context.Context, to mailbox.Lane, m M) error {
			return box.SendTicket(ctx, to, m, &mailbox.Ticket{Loser: &loser{}})
		},
		"TrySend": func(_ context.Context, to mailbox.Lane, m M) error { return box.TrySend(to, m) },
	}
}

func TestBadSends(t *testing.T) {
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)

	for _, policy := range policies {
		box, lease := still[int](t, mailbox.Options{Capacity: 9, Overflow: policy, ControlOverflow: policy})

		for name, send := range sends(box) {
			t.Run(fmt.Sprintf("%s, %v, accepts nothing that it answers with an error", name, policy), func(t *testing.T) {
				for _, lane := range []mailbox.Lane{0, 3, 255} {
					err := send(t.Context(), lane, 1)
					require.ErrorIs(t, err, mailbox.ErrNoLane)

					var refused *mailbox.SendError
					require.ErrorAs(t, err, &refused)
					assert.Equal(t, mailbox.SendError{Target: "/test/still", Err: mailbox.ErrNoLane}, *refused)
				}

				if name != "TrySend" {
					for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
						err := send(nil, lane, 1)
						require.ErrorIs(t, err, mailbox.ErrNilContext)
						require.EqualError(t, err, "/test/still: Send: nil context")
						require.Equal(t, context.Canceled, send(ended, lane, 1))
					}
				}

				assert.Zero(t, box.Stats())
				assert.Empty(t, drain(lease))
			})
		}
	}
}

// nilMessages sends nil by every way to both lanes and checks that it comes like any other message.
func nilMessages[M any](t *testing.T, isNil func(M) bool) {
	t.Helper()

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		box, lease := still[M](t, mailbox.Options{Capacity: 9})

		var none M

		for _, send := range sends(box) {
			require.NoError(t, send(t.Context(), lane, none))
		}

		assert.Equal(t, mailbox.Stats{Accepted: 4, Queued: 4}, box.Stats())

		got, ok := lease.Take()
		assert.True(t, ok)
		assert.True(t, isNil(got))

		got, answer := lease.Next(true)
		assert.Equal(t, mailbox.Message, answer)
		assert.True(t, isNil(got))

		got, _, had := lease.Fail(nil)
		assert.True(t, had)
		assert.True(t, isNil(got))
		assert.Len(t, drain(lease), 2)
		assert.Equal(t, mailbox.Stats{Accepted: 4, Processed: 3, Failed: 1}, box.Stats())
	}
}

func TestANilMessageIsAMessage(t *testing.T) {
	t.Run("an interface", func(t *testing.T) { nilMessages(t, func(m fmt.Stringer) bool { return m == nil }) })
	t.Run("a pointer", func(t *testing.T) { nilMessages(t, func(m *int) bool { return m == nil }) })
	t.Run("a slice", func(t *testing.T) { nilMessages(t, func(m []int) bool { return m == nil }) })
	t.Run("an empty struct", func(t *testing.T) { nilMessages(t, func(struct{}) bool { return true }) })
}
