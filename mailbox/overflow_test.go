package mailbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// bubbled runs a test for both lanes, each of capacity 1, in virtual time.
func bubbled(t *testing.T, policy mailbox.Overflow, test func(
	t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
),
) {
	t.Helper()

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box, lease := still[int](t, mailbox.Options{
					Capacity: 1, Control: 1, Overflow: policy, ControlOverflow: policy,
				})
				test(t, lane, box, lease)
			})
		})
	}
}

// sender sends a message on a goroutine of its own and keeps the answer.
type sender struct {
	returned bool
	err      error
	at       time.Time
}

func send(ctx context.Context, box *mailbox.Mailbox[int], lane mailbox.Lane, m int) *sender {
	s := &sender{}

	go func() {
		s.err = box.Send(ctx, lane, m)
		s.at = time.Now()
		s.returned = true
	}()
	synctest.Wait()

	return s
}

func TestBlock(t *testing.T) {
	t.Run("a sender waits for room and is let in by the next Take", func(t *testing.T) {
		bubbled(t, 0, func(t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int]) {
			require.True(t, send(t.Context(), box, lane, 1).returned)

			s := send(t.Context(), box, lane, 2)
			require.False(t, s.returned)
			assert.Equal(t, 1, box.Queued(), "what waits for room is not queued")

			m, ok := lease.Take()
			require.True(t, ok)
			assert.Equal(t, 1, m)
			synctest.Wait()
			assert.True(t, s.returned)
			require.NoError(t, s.err)
			assert.Equal(t, []int{2}, drain(lease))
		})
	})

	t.Run("senders are let in first come, first served, one for one", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			const waiting = 40 // more than are kept for reuse

			var senders []*sender
			for n := range waiting {
				senders = append(senders, send(t.Context(), box, lane, n))
			}

			for n := range waiting {
				for i, s := range senders {
					require.Equal(t, i <= n, s.returned, "sender %d after %d messages were taken", i, n)
				}

				m, ok := lease.Take()
				require.True(t, ok)
				require.Equal(t, n, m)
				synctest.Wait()
			}

			assert.Empty(t, drain(lease))
		})
	})

	t.Run("one that does not wait is refused while others do, also once there is room for one", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			send(t.Context(), box, lane, 1)
			send(t.Context(), box, lane, 2)
			require.ErrorIs(t, box.TrySend(lane, 3), mailbox.ErrFull)
			lease.Take()
			require.ErrorIs(t, box.TrySend(lane, 3), mailbox.ErrFull)
			lease.Take()
			require.NoError(t, box.TrySend(lane, 3))
			lease.Take()
		})
	})

	t.Run("a context that ends wakes its sender at that instant, and the others keep their places", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			began := time.Now()

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			send(t.Context(), box, lane, 1)
			first := send(t.Context(), box, lane, 2)
			second := send(ctx, box, lane, 3)
			third := send(t.Context(), box, lane, 4)

			<-ctx.Done()
			synctest.Wait()
			require.ErrorIs(t, second.err, context.DeadlineExceeded)
			assert.Equal(t, began.Add(time.Second), second.at)
			assert.False(t, first.returned || third.returned)

			for range 3 {
				lease.Take()
			}

			synctest.Wait()
			assert.True(t, first.returned && third.returned)
			lease.Done()
			assert.Equal(t, mailbox.Stats{Accepted: 3, Processed: 3}, box.Stats())
		})
	})

	t.Run("a context that has ended already is told without a look at the lane", func(t *testing.T) {
		bubbled(t, mailbox.Block, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], _ *mailbox.Lease[int],
		) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, box.Send(ctx, lane, 1), context.Canceled)
			err := box.Send(nil, lane, 1) //nolint:staticcheck // the case in hand
			require.ErrorIs(t, err, mailbox.ErrNilContext)
			require.ErrorContains(t, err, ": Send: ")
			assert.Zero(t, box.Stats())
		})
	})
}

func TestReject(t *testing.T) {
	t.Run("a message that finds no room is refused at once, naming lane and capacity", func(t *testing.T) {
		bubbled(t, mailbox.Reject, func(
			t *testing.T, lane mailbox.Lane, box *mailbox.Mailbox[int], lease *mailbox.Lease[int],
		) {
			require.NoError(t, box.Send(t.Context(), lane, 1))

			err := box.Send(t.Context(), lane, 2)

			var full *mailbox.FullError
			require.ErrorAs(t, err, &full)
			require.ErrorIs(t, err, mailbox.ErrFull)
			assert.Equal(t, lane, full.Lane)
			require.EqualError(t, err, "/test/still: "+lane.String()+" lane is full, its capacity is 1")
			assert.Equal(t, []int{1}, drain(lease))
			assert.Equal(t, uint64(1), box.Stats().Refused[mailbox.Full])
		})
	})
}

// Contexts end at any instant, while the receiver takes as fast as it can: what senders were told must be what came.
func TestAnswersAreTheTruthUnderCancellation(t *testing.T) {
	const senders, each = 6, 3000

	type message struct{ sender, n int }

	got := make([][]int, senders)
	handled := make(chan struct{}, senders*each)
	r := newReceiver(t, mailbox.Options{Capacity: 2}, func(_ *mailbox.Lease[message], m message) {
		got[m.sender] = append(got[m.sender], m.n)
		handled <- struct{}{}
	})

	var (
		wg   sync.WaitGroup
		want = make([][]int, senders)
		bad  = make([]error, senders)
	)

	for s := range senders {
		wg.Go(func() {
			for n := range each {
				ctx, cancel := context.WithCancel(t.Context())

				var partner sync.WaitGroup
				partner.Go(cancel)

				switch err := r.box.Send(ctx, mailbox.Data, message{s, n}); {
				case err == nil:
					want[s] = append(want[s], n)
				case !errors.Is(err, context.Canceled):
					bad[s] = err
				}

				partner.Wait()
			}
		})
	}
	wg.Wait()

	accepted := 0

	for s := range senders {
		require.NoError(t, bad[s])
		accepted += len(want[s])
	}

	for range accepted {
		await(t, handled, "every accepted message is handled")
	}

	assert.Equal(t, want, got)
	assert.Equal(t, uint64(accepted), r.box.Stats().Accepted)
}
