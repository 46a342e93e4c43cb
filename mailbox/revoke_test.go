package mailbox_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestRevoke(t *testing.T) {
	t.Run("the next holder goes on at exactly the following message, and the old one can do nothing", func(t *testing.T) {
		for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
			box, old := still[int](t, mailbox.Options{Capacity: 400, Control: 400})

			want := []int(nil)

			for m := range 400 {
				require.NoError(t, box.TrySend(lane, m))
			}

			// At every position, so that it falls on all edges of whatever the lane is made of.
			for m := range 400 {
				got, ok := old.Take()
				require.True(t, ok)
				require.Equal(t, m, got)

				if m%2 == 0 {
					require.True(t, old.Done())
				}

				found := box.Revoke(0, nil)
				require.Same(t, old, found.Lease)
				require.True(t, found.Stuck)
				require.Equal(t, m%2 != 0, found.Had)

				if found.Had {
					want = append(want, m)
					require.Equal(t, m, found.Message)
				}

				require.True(t, old.Revoked())
				require.False(t, old.Done())
				require.False(t, old.DeadLetter(mailbox.Deadline, nil))

				_, _, had := old.Fail(nil)
				require.False(t, had)

				_, ok = old.Take()
				require.False(t, ok)
				require.Zero(t, old.Commands())

				again, void := old.Rest(m%3 == 0)
				require.False(t, again)
				require.True(t, void)

				old = box.Begin()
				require.False(t, old.Revoked())
			}

			s := box.Stats()
			assert.Equal(t, uint64(len(want)), s.DeadLettered.Of(mailbox.Abandoned))
			assert.Equal(t, uint64(200), s.Processed)
			assert.Zero(t, s.Unaccounted())
			assert.Zero(t, s.Queued)
		}
	})

	t.Run("a receiver at rest is not stuck, and its successor is woken as it was", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			box, err := mailbox.New[int]("/rest", nil, func(*mailbox.Lease[int]) { runs++ }, nil)
			require.NoError(t, err)

			box.Begin().Rest(false)

			found := box.Revoke(0, nil)
			assert.False(t, found.Stuck)
			assert.False(t, found.Had)
			synctest.Wait()
			assert.Zero(t, runs)

			require.NoError(t, box.TrySend(mailbox.Data, 1))
			synctest.Wait()
			assert.Equal(t, 1, runs)
			assert.Equal(t, []int{1}, drain(box.Begin()))
		})
	})

	t.Run("a stuck receiver's successor is given a turn at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			box, err := mailbox.New[int]("/stuck", nil, func(*mailbox.Lease[int]) { runs++ }, nil)
			require.NoError(t, err)
			box.Signal(wake)
			synctest.Wait()
			box.Begin()

			assert.True(t, box.Revoke(0, nil).Stuck)
			synctest.Wait()
			assert.Equal(t, 2, runs)
		})
	})

	t.Run("of the commands pending only those to be kept pass to the next holder", func(t *testing.T) {
		const kept, dropped, later mailbox.Command = 1, 2, 4

		box, old := still[int](t, mailbox.Options{Capacity: 1})
		box.Signal(kept | dropped)
		box.Revoke(kept, nil)
		box.Signal(later)
		assert.Zero(t, old.Commands())
		assert.Equal(t, kept|later, box.Begin().Commands())
	})

	t.Run("a command that is not to be kept never reaches the next holder, however close the race", func(t *testing.T) {
		const halt mailbox.Command = 2

		for range 5000 {
			box, old := still[int](t, mailbox.Options{Capacity: 1})
			box.Signal(halt)

			var (
				wg   sync.WaitGroup
				took mailbox.Command
			)

			wg.Go(func() { took = old.Commands() })
			box.Revoke(0, nil)
			wg.Wait()
			require.Zero(t, box.Begin().Commands(), "the old holder took %b", took)
		}
	})
}

// A holder takes as fast as it can while its lease is revoked: the next one must go on at exactly the following
// message, and one in hand is known to both or to neither.
func TestRevocationAndClaimHaveOneOrder(t *testing.T) {
	const rounds, capacity = 20_000, 1000

	box, lease := still[int](t, mailbox.Options{Capacity: capacity})

	at := newMeeting()
	taken := 0 // what the holder has taken last

	go func() { // holds the lease until it is revoked
		for at.arrive() {
			l := lease
			last := -1

			for m, got := l.Next(false); got != mailbox.Void; m, got = l.Next(false) {
				if got == mailbox.Message {
					last = m
				}
			}

			taken = last
			at.arrive()
		}
	}()
	defer at.leave()

	for n := 0; n < rounds && !at.late(); n++ {
		for m := range capacity {
			if err := box.TrySend(mailbox.Data, m); err != nil {
				require.NoError(t, err)
			}
		}

		before := box.Stats()

		at.arrive()
		linger(rand.IntN(4 * capacity))

		found := box.Revoke(0, nil)

		at.arrive()

		if found.Had {
			require.Equal(t, taken, found.Message)
		}

		s := box.Stats()
		require.Zero(t, s.Unaccounted())
		require.Equal(t, taken+1, int(s.Processed-before.Processed+s.DeadLettered.Total()-before.DeadLettered.Total()))

		lease = box.Begin()
		left := drain(lease)
		require.Len(t, left, capacity-1-taken)

		for i, m := range left {
			if m != taken+1+i {
				require.Equal(t, taken+1+i, m)
			}
		}
	}
}
