package mailbox_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// thisGoroutine returns the number of the calling goroutine and what the runtime says of it, which may be that it is
// "locked to thread".
func thisGoroutine() (id, state string) {
	buf := make([]byte, 100)
	head, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), ":")
	id, state, _ = strings.Cut(strings.TrimPrefix(head, "goroutine "), " ")

	return id, state
}

// goroutines returns how many goroutines of the calling goroutine's bubble a mailbox has started. Called when all are
// at rest.
func goroutines() (n int) {
	_, state := thisGoroutine()
	bubble := state[strings.LastIndex(state, "synctest"):] // "synctest bubble 7]"

	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		head, frames, _ := strings.Cut(stack, ":\n")
		if strings.HasSuffix(head, bubble) && strings.Contains(frames, "created by github.com/troupe-go/troupe/mailbox.") {
			n++
		}
	}

	return n
}

// turns is a receiver that notes on which goroutine it handles each message and obeys each command.
type turns struct {
	receiver[int]

	ids, states []string
	commands    []string
	handled     []int
}

func newTurns(t driver, o mailbox.Options) *turns {
	t.Helper()

	r := &turns{}
	r.handle = func(_ *mailbox.Lease[int], m int) {
		id, state := thisGoroutine()
		r.ids, r.states, r.handled = append(r.ids, id), append(r.states, state), append(r.handled, m)
	}
	r.obey = func(*mailbox.Lease[int], mailbox.Command) {
		id, _ := thisGoroutine()
		r.commands = append(r.commands, id)
	}
	r.listen(t, o)
	synctest.Wait()

	return r
}

// turn sends a message and waits until the receiver is at rest again.
func (r *turns) turn(t driver, m int) {
	t.Helper()
	require.NoError(t, r.box.TrySend(mailbox.Data, m))
	synctest.Wait()
}

func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTurns(t, mailbox.Options{Capacity: 4})

		for m := range 3 {
			require.Zero(t, goroutines(), "at rest it has none")
			r.turn(t, m)
		}

		require.Zero(t, goroutines())
		assert.Equal(t, []int{0, 1, 2}, r.handled)
	})
}

func TestDedicatedAndPinned(t *testing.T) {
	for _, dispatch := range []mailbox.Dispatch{mailbox.Dedicated, mailbox.Pinned} {
		t.Run(dispatch.String(), func(t *testing.T) { testWorker(t, dispatch) })
	}
}

func testWorker(t *testing.T, dispatch mailbox.Dispatch) {
	bubble := func(name string, test func(t *testing.T, r *turns)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newTurns(t, mailbox.Options{Capacity: 4, Dispatch: dispatch})) })
		})
	}

	bubble("one goroutine runs all turns, and ends when the mailbox is closed", func(t *testing.T, r *turns) {
		for m := range 5 {
			r.turn(t, m)
			require.Equal(t, 1, goroutines())
		}

		for _, id := range append(r.ids, r.commands...) {
			require.Equal(t, r.ids[0], id)
		}

		for _, state := range r.states {
			require.Equal(t, dispatch == mailbox.Pinned, strings.Contains(state, "locked to thread"), state)
		}

		r.box.Close()
		synctest.Wait()
		assert.Zero(t, goroutines())
	})

	bubble("closing it lets the turn that runs go on to its end", func(t *testing.T, r *turns) {
		hold := make(chan struct{})
		handle := r.handle
		r.handle = func(l *mailbox.Lease[int], m int) {
			<-hold
			handle(l, m)
		}

		r.turn(t, 1)
		r.turn(t, 2)
		r.box.Close()
		synctest.Wait()
		require.Equal(t, 1, goroutines())
		close(hold)
		synctest.Wait()
		assert.Equal(t, []int{1, 2}, r.handled)
		assert.Zero(t, goroutines())
	})

	bubble("a command for a closed mailbox still has its turn, and nothing stays", func(t *testing.T, r *turns) {
		r.box.Close()

		for n := range 3 {
			r.box.Signal(wake)
			synctest.Wait()
			require.Len(t, r.commands, n+2)
			require.Zero(t, goroutines())
		}
	})

	bubble("a revocation at rest ends it, and the next lease has a goroutine of its own", func(t *testing.T, r *turns) {
		r.turn(t, 1)
		assert.False(t, r.box.Revoke(0, nil).Stuck)
		synctest.Wait()
		require.Zero(t, goroutines())
		r.turn(t, 2)
		r.turn(t, 3)
		require.Equal(t, 1, goroutines())
		assert.Equal(t, []int{1, 2, 3}, r.handled)
		assert.NotEqual(t, r.ids[0], r.ids[1])
		assert.Equal(t, r.ids[1], r.ids[2])
		r.box.Close()
	})

	bubble("a revocation of a turn that hangs starts another, and the one that hung ends when it returns",
		func(t *testing.T, r *turns) {
			hold := make(chan struct{})
			handle := r.handle
			r.handle = func(l *mailbox.Lease[int], m int) {
				if m == 0 {
					<-hold
				}

				handle(l, m)
			}

			r.turn(t, 0)
			r.turn(t, 1)
			assert.True(t, r.box.Revoke(0, nil).Stuck)
			synctest.Wait()
			require.Equal(t, 2, goroutines())
			assert.Equal(t, []int{1}, r.handled)
			close(hold)
			synctest.Wait()
			require.Equal(t, 1, goroutines())
			r.turn(t, 2)
			assert.Equal(t, []int{1, 0, 2}, r.handled)
			assert.Equal(t, r.ids[0], r.ids[2])
			r.box.Close()
		})

	bubble("a turn that takes its goroutine with it leaves another to the next turn", func(t *testing.T, r *turns) {
		handle := r.handle
		r.handle = func(l *mailbox.Lease[int], m int) {
			handle(l, m)

			if m == 1 {
				defer func() {
					l.Fail(errTest)
					l.Rest(false)
				}()
				runtime.Goexit()
			}
		}

		for m := range 4 {
			r.turn(t, m)
			require.Equal(t, 1, goroutines())
		}

		assert.Equal(t, []int{0, 1, 2, 3}, r.handled)
		assert.Equal(t, r.ids[0], r.ids[1])
		assert.NotEqual(t, r.ids[1], r.ids[2])
		assert.Equal(t, r.ids[2], r.ids[3])
		assert.Equal(t, mailbox.Stats{Accepted: 4, Processed: 3, Failed: 1}, r.box.Stats())
		r.box.Close()
	})
}

func TestSynchronous(t *testing.T) {
	bubble := func(name string, test func(t *testing.T, r *turns)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, newTurns(t, mailbox.Options{Capacity: 1, Dispatch: mailbox.Synchronous}))
			})
		})
	}

	bubble("a message is handled on its sender's goroutine before the send returns", func(t *testing.T, r *turns) {
		id, _ := thisGoroutine()

		for n, send := range []func() error{
			func() error { return r.box.TrySend(mailbox.Data, 0) },
			func() error { return r.box.Send(t.Context(), mailbox.Control, 1) },
			func() error { return r.box.SendInner(t.Context(), mailbox.Data, 2, nil) },
			func() error {
				return r.box.SendTicket(t.Context(), mailbox.Data, 3, &mailbox.Ticket{Loser: &loser{}})
			},
		} {
			require.NoError(t, send())
			require.Len(t, r.handled, n+1)
			require.Equal(t, id, r.ids[n])
		}

		assert.Zero(t, goroutines())
	})

	bubble("a command has a goroutine of its own", func(t *testing.T, r *turns) {
		r.box.Signal(wake)
		synctest.Wait()

		id, _ := thisGoroutine()
		require.Len(t, r.commands, 2, "the receiver's first wake-up was one, too")
		assert.NotContains(t, r.commands, id)
		assert.Zero(t, goroutines())
	})

	bubble("what the receiver sends to itself is left to the turn that runs", func(t *testing.T, r *turns) {
		handle := r.handle
		depth := 0
		r.handle = func(l *mailbox.Lease[int], m int) {
			depth++
			defer func() { depth-- }()

			handle(l, m)
			assert.Equal(t, 1, depth)

			if m < 5 {
				assert.NoError(t, r.box.TrySend(mailbox.Data, m+1))
				assert.Len(t, r.handled, m+1, "not handled yet")
			}
		}
		require.NoError(t, r.box.TrySend(mailbox.Data, 0))
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, r.handled)
	})

	bubble("a receiver that waits for room in its own mailbox waits until its context ends", func(t *testing.T, r *turns) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		began := time.Now()

		handle := r.handle
		r.handle = func(l *mailbox.Lease[int], m int) {
			handle(l, m)

			if m == 0 {
				assert.NoError(t, r.box.Send(ctx, mailbox.Data, 1))
				assert.ErrorIs(t, r.box.Send(ctx, mailbox.Data, 2), context.DeadlineExceeded)
			}
		}
		require.NoError(t, r.box.TrySend(mailbox.Data, 0))
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, []int{0, 1}, r.handled)
	})
}

func TestDispatchNames(t *testing.T) {
	for want, got := range map[string]mailbox.Dispatch{
		"unset": 0, "on demand": mailbox.OnDemand, "dedicated": mailbox.Dedicated, "pinned": mailbox.Pinned,
		"synchronous": mailbox.Synchronous, "Dispatch(9)": 9,
	} {
		assert.Equal(t, want, got.String())
	}
}
