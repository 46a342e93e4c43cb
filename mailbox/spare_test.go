package mailbox_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// sleeper is the state of a receiver that can do without its lease.
type sleeper struct{ spared int }

func (s *sleeper) Spare() bool { s.spared++; return true }

func TestLeaseIsSparedUntilTheFirstMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			kept    sleeper
			leases  []*mailbox.Lease[int]
			handled []int
		)

		box, err := mailbox.New("/sleeper", &mailbox.Options{Capacity: 4}, func(l *mailbox.Lease[int]) {
			leases = append(leases, l)

			if l.Local == nil {
				l.Local = &kept
			}

			for {
				switch m, got := l.Next(true); got {
				case mailbox.Message:
					handled = append(handled, m)
				case mailbox.Pending:
					assert.Equal(t, wake, l.Commands())
				default:
					return
				}
			}
		}, nil)
		require.NoError(t, err)
		assert.Zero(t, box.Stats())

		for turn := 1; turn <= 3; turn++ {
			box.Signal(wake)
			synctest.Wait()
			assert.Equal(t, turn, kept.spared)
			assert.Zero(t, box.Stats())
			assert.Zero(t, box.Queued())
			load, _ := box.Load()
			assert.Zero(t, load)
			assert.Zero(t, box.Taken())
		}

		assert.NotSame(t, leases[0], leases[1])
		assert.False(t, box.Revoke(0, errTest).Stuck, "nobody has a lease: there is nothing to take")

		box.Signal(wake)
		synctest.Wait()

		for m := range 3 {
			require.NoError(t, box.TrySend(mailbox.Data, m))
			synctest.Wait()
		}

		assert.Equal(t, []int{0, 1, 2}, handled)
		assert.Equal(t, 4, kept.spared, "a receiver that has had a message keeps its lease")
		assert.Same(t, leases[len(leases)-2], leases[len(leases)-1])

		s := box.Stats()
		assert.Equal(t, uint64(3), s.Processed)
		assert.Zero(t, s.Unaccounted())
		box.Close()
	})
}

func TestLeaseIsNotSparedWithWorkLeft(t *testing.T) {
	box, lease := still[int](t, mailbox.Options{Capacity: 4})
	lease.Local = new(sleeper)

	require.NoError(t, box.TrySend(mailbox.Control, 1))
	lease.Take()

	_, got := lease.Next(true)
	require.Equal(t, mailbox.Rested, got)
	assert.Same(t, lease, box.Begin(), "the control lane has had a message")
}

func TestLeaseIsNotSparedAfterAMessageOfTheHolderItself(t *testing.T) {
	box, lease := still[int](t, mailbox.Options{Capacity: 4})
	lease.Local = new(sleeper)

	require.True(t, lease.Accept(1))
	require.NoError(t, lease.Stash(1))

	_, got := lease.Next(true)
	require.Equal(t, mailbox.Rested, got)
	assert.Equal(t, 1, lease.Unstash(), "it is still the valid one")

	s := box.Stats()
	assert.Zero(t, s.Unaccounted())
}
