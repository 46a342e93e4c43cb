package mailbox_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestLaneOrder(t *testing.T) {
	t.Run("control is taken before data, looked at again before every message", func(t *testing.T) {
		box, lease := still[string](t, mailbox.Options{Capacity: 4})

		for _, m := range []string{"d1", "d2", "d3"} {
			require.NoError(t, box.TrySend(mailbox.Data, m))
		}

		take := func(want string) {
			t.Helper()

			m, ok := lease.Take()
			require.True(t, ok)
			assert.Equal(t, want, m)
		}

		take("d1")
		require.NoError(t, box.TrySend(mailbox.Control, "c1"))
		require.NoError(t, box.TrySend(mailbox.Control, "c2"))
		take("c1")
		require.NoError(t, box.TrySend(mailbox.Control, "c3"))
		take("c2")
		take("c3")
		take("d2")
		require.NoError(t, box.TrySend(mailbox.Control, "c4"))
		take("c4")
		take("d3")
	})

	t.Run("a command posted twice is one, and the set is taken whole", func(t *testing.T) {
		const first, second, third mailbox.Command = 1, 2, 4

		box, lease := still[int](t, mailbox.Options{Capacity: 1})
		require.Zero(t, lease.Commands())

		for range 3 {
			box.Signal(first)
			box.Signal(third)
		}

		assert.Equal(t, first|third, lease.Commands())
		assert.Zero(t, lease.Commands())

		box.Signal(second)
		assert.Equal(t, second, lease.Commands())
	})

	t.Run("commands are neither refused nor counted, whatever state the lanes are in", func(t *testing.T) {
		box, lease := still[int](t, mailbox.Options{Capacity: 1})
		require.NoError(t, box.TrySend(mailbox.Data, 1))

		for _, state := range []func(){func() {}, box.Seal, box.Close} {
			state()
			box.Signal(wake)
			assert.Equal(t, wake, lease.Commands())
			assert.Equal(t, uint64(1), box.Stats().Accepted)
		}
	})
}

// Ten senders keep the data lane full; every command must be obeyed before one more message than was in hand.
func TestCommandsAreSeenBetweenAnyTwoMessages(t *testing.T) {
	for _, policy := range policies {
		for _, piecewise := range []bool{false, true} {
			t.Run(fmt.Sprintf("a flood, %v, piecewise %v", policy, piecewise), func(t *testing.T) {
				testFlood(t, mailbox.Options{Capacity: 20, Overflow: policy}, piecewise)
			})
		}
	}
}

func testFlood(t *testing.T, o mailbox.Options, piecewise bool) {
	const senders, commands, order = 10, 200, mailbox.Command(2)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var (
		handled, sent, done int // the receiver's own
		asked               = make(chan struct{})
		obeyed              = make(chan int)
	)

	r := &receiver[int]{piecewise: piecewise}
	r.handle = func(*mailbox.Lease[int], int) {
		handled++

		if handled%3 == 0 && done < commands {
			sent = handled
			asked <- struct{}{} // somebody else posts a command while this message is in hand
			<-asked
		}
	}
	r.obey = func(_ *mailbox.Lease[int], c mailbox.Command) {
		if c&order != 0 {
			done++
			obeyed <- handled - sent
		}
	}
	r.listen(t, o)

	var wg sync.WaitGroup
	for n := range senders {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = r.box.Send(ctx, mailbox.Data, n) // refused or dropped, if that is the policy
				runtime.Gosched()                    // one that never waits would hold a processor for its time slice
			}
		})
	}

	for range commands {
		await(t, asked, "a message is handled")
		r.box.Signal(order)
		asked <- struct{}{}
		require.Zero(t, await(t, obeyed, "the command is obeyed"), "messages handled before the command")
	}

	cancel()
	wg.Wait()
}

func TestOneSendersMessagesKeepTheirOrder(t *testing.T) {
	type message struct{ sender, n int }

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run("in the "+lane.String()+" lane, with senders that wait and senders that do not", func(t *testing.T) {
			const senders, each = 5, 2000

			got := make([][]int, senders)
			handled := make(chan struct{}, senders*each)
			r := newReceiver(t, mailbox.Options{Capacity: 3, Control: 3}, func(_ *mailbox.Lease[message], m message) {
				got[m.sender] = append(got[m.sender], m.n)
				handled <- struct{}{}
			})

			want := make([][]int, senders)

			var wg sync.WaitGroup
			for s := range senders {
				wg.Go(func() {
					for n := range each {
						err := r.box.TrySend(lane, message{s, n})
						if err != nil && s%2 == 0 {
							err = r.box.Send(t.Context(), lane, message{s, n})
						}

						if err == nil {
							want[s] = append(want[s], n)
						}
					}
				})
			}
			wg.Wait()

			total := 0
			for s := range want {
				total += len(want[s])
			}

			for range total {
				await(t, handled, "all accepted messages are handled")
			}

			assert.Equal(t, want, got)
			assert.Len(t, want[0], each, "a sender that waits is never refused")
		})
	}
}

func TestSuspendedReceiver(t *testing.T) {
	t.Run("messages do not wake it, a command does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			box, err := mailbox.New[int]("/suspended", nil, func(*mailbox.Lease[int]) { runs++ }, nil)
			require.NoError(t, err)

			require.NoError(t, box.TrySend(mailbox.Data, 1)) // a new mailbox is suspended
			require.NoError(t, box.TrySend(mailbox.Control, 1))
			synctest.Wait()
			assert.Zero(t, runs)

			box.Signal(wake)
			box.Signal(wake << 1)
			synctest.Wait()
			assert.Equal(t, 1, runs, "the second command finds a turn begun")

			lease := box.Begin()
			assert.Equal(t, wake|wake<<1, lease.Commands())

			again, void := lease.Rest(true)
			assert.False(t, again, "the two messages do not keep it awake")
			assert.False(t, void)
			require.NoError(t, box.TrySend(mailbox.Data, 1))
			synctest.Wait()
			assert.Equal(t, 1, runs)

			box.Signal(wake)
			synctest.Wait()
			assert.Equal(t, 2, runs)

			again, _ = box.Begin().Rest(true)
			assert.True(t, again, "a command is pending")
			again, _ = box.Begin().Rest(false)
			assert.True(t, again, "a command is pending")
			box.Begin().Commands()
			again, _ = box.Begin().Rest(false)
			assert.True(t, again, "messages are waiting")
		})
	})
}
