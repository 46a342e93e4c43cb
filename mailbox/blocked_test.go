package mailbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// queue is a mailbox full of messages 0, 1, … with as many senders again that wait for room, in order.
type queue struct {
	box     *mailbox.Mailbox[int]
	lease   *mailbox.Lease[int]
	senders []*sender
}

// crowded runs a test for both lanes, in virtual time.
func crowded(t *testing.T, capacity, waiting int, test func(t *testing.T, q *queue)) {
	t.Helper()

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &queue{}
				q.box, q.lease = still[int](t, mailbox.Options{Capacity: capacity, Control: capacity})

				for m := range capacity {
					require.NoError(t, q.box.TrySend(lane, m))
				}

				for m := range waiting {
					q.senders = append(q.senders, send(t.Context(), q.box, lane, capacity+m))
				}

				test(t, q)
			})
		})
	}
}

// admitted checks that the first n senders were let in, and the others wait.
func (q *queue) admitted(t *testing.T, n int) {
	t.Helper()
	synctest.Wait()

	for i, s := range q.senders {
		require.Equal(t, i < n, s.returned, "sender %d, of whom %d must be let in", i, n)
		require.NoError(t, s.err)
	}
}

func TestBlockedSenders(t *testing.T) {
	t.Run("wait at rest: time passes while they do", func(t *testing.T) {
		crowded(t, 1, 3, func(t *testing.T, q *queue) {
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()

			<-ctx.Done() // virtual time stands still while any goroutine can run
			q.admitted(t, 0)
			assert.Len(t, drain(q.lease), 4)
		})
	})

	t.Run("are let in one for each message taken, also in the middle of a batch", func(t *testing.T) {
		const capacity, waiting = 10, 30

		for _, next := range []func(l *mailbox.Lease[int]) (int, mailbox.Got){
			func(l *mailbox.Lease[int]) (int, mailbox.Got) { return l.Next(false) },
			func(l *mailbox.Lease[int]) (int, mailbox.Got) {
				m, _ := l.Take()

				return m, mailbox.Message
			},
		} {
			crowded(t, capacity, waiting, func(t *testing.T, q *queue) {
				for n := range capacity + waiting {
					q.admitted(t, min(n, waiting))
					require.Equal(t, min(capacity, capacity+waiting-n), q.box.Queued())

					m, got := next(q.lease)
					require.Equal(t, mailbox.Message, got)
					require.Equal(t, n, m)
				}

				assert.Empty(t, drain(q.lease))
			})
		}
	})

	t.Run("are not let in by a message that is settled, for it made room when it was taken", func(t *testing.T) {
		crowded(t, 2, 4, func(t *testing.T, q *queue) {
			q.lease.Take()
			q.admitted(t, 1)
			q.lease.Fail(nil)
			q.admitted(t, 1)
			q.lease.Take()
			q.admitted(t, 2)
			q.lease.DeadLetter(mailbox.Deadline, nil)
			q.admitted(t, 2)
			q.lease.Done()
			q.admitted(t, 2)
			assert.Equal(t, []int{2, 3, 4, 5}, drain(q.lease))
		})
	})

	t.Run("stay where they are through a revocation, and are let in by the next holder", func(t *testing.T) {
		crowded(t, 3, 6, func(t *testing.T, q *queue) {
			for n := range 6 {
				m, ok := q.lease.Take()
				require.True(t, ok)
				require.Equal(t, n, m)
				q.admitted(t, n+1)
				require.True(t, q.box.Revoke(0, nil).Had)
				q.admitted(t, n+1)

				_, ok = q.lease.Take()
				require.False(t, ok)
				q.admitted(t, n+1)

				q.lease = q.box.Begin()
			}

			assert.Equal(t, []int{6, 7, 8}, drain(q.lease))
			assert.Zero(t, new(q.box.Stats()).Unaccounted())
		})
	})

	t.Run("stay where they are while the receiver is suspended", func(t *testing.T) {
		crowded(t, 2, 2, func(t *testing.T, q *queue) {
			q.lease.Rest(true)
			q.admitted(t, 0)
			q.box.Signal(wake)
			q.lease = q.box.Begin()
			q.lease.Commands()
			assert.Equal(t, []int{0, 1, 2, 3}, drain(q.lease))
			q.admitted(t, 2)
		})
	})

	t.Run("are refused by a close also when the receiver has gone, and nothing of theirs is left", func(t *testing.T) {
		crowded(t, 2, 3, func(t *testing.T, q *queue) {
			q.box.Revoke(0, nil)
			q.box.Close()
			synctest.Wait()

			for _, s := range q.senders {
				require.ErrorIs(t, s.err, mailbox.ErrStopped)
			}

			assert.Equal(t, []int{0, 1}, drain(q.box.Begin()))
		})
	})

	t.Run("whose context ends when room comes up are told the truth, whichever was first", func(t *testing.T) {
		for n := range 200 {
			bubbled(t, mailbox.Block, func(
				t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
			) {
				ctx, cancel := context.WithCancel(t.Context())
				send(t.Context(), box, lane, 1)
				s := send(ctx, box, lane, 2)

				if n%2 == 0 { // neither waits for what the other brings about
					lease.Take()
					cancel()
				} else {
					cancel()
					lease.Take()
				}

				synctest.Wait()
				require.True(t, s.returned)

				if s.err == nil {
					assert.Equal(t, []int{2}, drain(lease))
				} else {
					require.ErrorIs(t, s.err, context.Canceled)
					assert.Empty(t, drain(lease))
				}
			})
		}
	})
}
