package mailbox_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// takeAll takes what there is, n messages at most.
func takeAll[M any](lease *mailbox.Lease[M], n int) (taken []M) {
	for m, ok := lease.Take(); ok; m, ok = lease.Take() {
		if taken = append(taken, m); len(taken) == n {
			break
		}
	}

	return taken
}

func fill(t *testing.T, box *mailbox.Mailbox[int], lane mailbox.Lane, messages ...int) {
	t.Helper()

	for _, m := range messages {
		require.NoError(t, box.TrySend(lane, m))
	}
}

func TestStash(t *testing.T) {
	t.Run("what is brought back comes first in, first out, before what waits and what was brought back before",
		func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 10})
			fill(t, box, mailbox.Data, 1, 2, 3, 4, 5)

			for range 3 {
				takeAll(lease, 1)
				require.NoError(t, lease.Stash(3))
			}

			assert.Equal(t, 3, lease.Unstash())
			takeAll(lease, 1)
			require.NoError(t, lease.Stash(3)) // 1 again, with 2 and 3 still to be taken
			assert.Equal(t, 1, lease.Unstash())
			assert.Zero(t, lease.Unstash())
			assert.Equal(t, []int{1, 2, 3, 4, 5}, takeAll(lease, 10))
		})

	t.Run("control messages that are brought back keep their place in it", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 10})

		for m := range 6 {
			fill(t, box, mailbox.Data+mailbox.Lane(m%2), m)
			takeAll(lease, 1)
			require.NoError(t, lease.Stash(6))
		}

		fill(t, box, mailbox.Data, 6)
		fill(t, box, mailbox.Control, 7)
		lease.Unstash()
		assert.Equal(t, []int{7, 0, 1, 2, 3, 4, 5, 6}, takeAll(lease, 10))
	})

	t.Run("what was brought back takes up room until it is taken", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 10})
		fill(t, box, mailbox.Data, 1)
		takeAll(lease, 1)
		require.NoError(t, lease.Stash(1))
		lease.Unstash()
		fill(t, box, mailbox.Control, 2)
		assert.Equal(t, []int{2}, takeAll(lease, 1))

		var full *mailbox.StashFullError

		require.ErrorAs(t, lease.Stash(1), &full)
		require.EqualError(t, full, "/test/still: stash is full, its capacity is 1")
		assert.Equal(t, uint64(1), box.Stats().Handling, "it is in hand as before")
		assert.Equal(t, []int{1}, takeAll(lease, 1))
		require.NoError(t, lease.Stash(1))
	})

	t.Run("a message delivered again takes up no room in the stash and keeps its lane", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 10})
		fill(t, box, mailbox.Data, 1)
		takeAll(lease, 1)
		require.True(t, lease.Redeliver())
		fill(t, box, mailbox.Control, 2, 3)
		assert.Equal(t, []int{2}, takeAll(lease, 1))
		require.True(t, lease.Redeliver())
		assert.Equal(t, []int{2}, takeAll(lease, 1))
		assert.Equal(t, 2, lease.Attempt())
		require.NoError(t, lease.Stash(1))
		assert.Equal(t, []int{3, 1}, takeAll(lease, 5))
		lease.Unstash()
		assert.Equal(t, []int{2}, takeAll(lease, 1))
		assert.Equal(t, 2, lease.Attempt(), "putting it aside was no attempt")

		require.True(t, lease.Redeliver())
		fill(t, box, mailbox.Control, 4)
		assert.Equal(t, []int{4, 2}, takeAll(lease, 5), "having been brought back it is one of the data lane's")
	})

	t.Run("the ticket of a message that was brought back is told of an end while it is in hand", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 10})
		sent := ticketed(t, box, mailbox.Data, 1)
		takeAll(lease, 1)
		require.NoError(t, lease.Stash(1))
		lease.Orphan(errTest)
		assert.Empty(t, sent.told(t))
		lease.Unstash()
		takeAll(lease, 1)
		lease.Orphan(errTest)
		assert.Equal(t, []int{0}, sent.told(t))
	})

	t.Run("it wakes a receiver at rest", func(t *testing.T) {
		woken := make(chan struct{})

		box, err := mailbox.New("/test", nil, func(*mailbox.Lease[int]) { woken <- struct{}{} }, nil)
		require.NoError(t, err)
		box.Signal(wake)
		await(t, woken, "the first turn")

		lease := box.Begin()
		lease.Commands()
		fill(t, box, mailbox.Data, 1)
		takeAll(lease, 1)
		require.NoError(t, lease.Stash(1))

		again, _ := lease.Rest(false)
		require.False(t, again)
		assert.Equal(t, 1, lease.Unstash())
		await(t, woken, "the turn for what was brought back")
		assert.Equal(t, []int{1}, takeAll(lease, 2))
	})
}

// The holder goes on while others put what is in its hands aside, bring it back and take its lease: whoever does it,
// and whenever, no message is lost, and no snapshot shows one that is not accounted for.
func TestStashFromAnywhere(t *testing.T) {
	const (
		messages = 20_000
		capacity = 100
	)

	box, err := mailbox.New("/test", &mailbox.Options{Capacity: messages}, func(*mailbox.Lease[int]) {}, nil)
	require.NoError(t, err)

	for m := range messages {
		fill(t, box, mailbox.Data, m)
	}

	box.Signal(wake)
	box.Begin().Commands()

	var (
		others    sync.WaitGroup
		over      = make(chan struct{})
		stashed   atomic.Int64
		abandoned []int
		wrong     atomic.Int64
	)

	for _, f := range []func(){
		func() {
			if box.Begin().Stash(capacity) == nil {
				stashed.Add(1)
			}
		},
		func() { box.Begin().Unstash() },
		func() {
			if s := box.Stats(); s.Unaccounted() != 0 || s.Handling > 1 || s.Stashed > capacity {
				wrong.Add(1)
			}
		},
		func() {
			if found := box.Revoke(0, nil); found.Had {
				abandoned = append(abandoned, found.Message)
			}
		},
	} {
		others.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					f()
					runtime.Gosched()
				}
			}
		})
	}

	seen := make([]int, messages)
	lease := box.Begin()

	for left := uint64(1); left > 0; {
		m, got := lease.Next(false)

		switch got { //nolint:exhaustive // there are no commands and no rest
		case mailbox.Message:
			seen[m]++
		case mailbox.Void:
			lease = box.Begin()
		case mailbox.Nothing:
			lease.Unstash()

			s := box.Stats()
			left = s.Queued + s.Stashed
		}
	}

	close(over)
	others.Wait()

	s := box.Stats()
	assert.Zero(t, wrong.Load(), "snapshots with a message too many or too few")
	assert.Zero(t, s.Unaccounted())
	assert.Zero(t, s.Stashed)
	assert.Equal(t, uint64(len(abandoned)), s.DeadLettered.Of(mailbox.Abandoned))
	assert.Equal(t, uint64(messages-len(abandoned)), s.Processed)

	total := 0
	for _, times := range seen {
		total += times
	}

	most := messages + int(stashed.Load())
	assert.LessOrEqual(t, total, most, "each once, and once more each time it was put aside")
	assert.GreaterOrEqual(t, total, most-len(abandoned), "but what is taken away may not have been seen yet")

	for _, m := range abandoned {
		seen[m]++
	}

	assert.NotContains(t, seen, 0, "a message was lost")
}
