package mailbox_test

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

const idleBoxes = 200

// idle makes mailboxes of a capacity, sends one message through each, and returns the bytes allocated per mailbox.
func idle(t *testing.T, capacity int) uint64 {
	t.Helper()

	var before, after runtime.MemStats

	boxes := make([]*mailbox.Mailbox[int], idleBoxes)
	o := &mailbox.Options{Capacity: capacity, Control: capacity}

	runtime.ReadMemStats(&before)

	for i := range boxes {
		box, err := mailbox.New[int]("/idle", o, func(*mailbox.Lease[int]) {}, nil)
		if err != nil || box.TrySend(mailbox.Data, 1) != nil || box.TrySend(mailbox.Control, 1) != nil {
			t.Fatal("the mailbox could not be made and used")
		}

		boxes[i] = box
	}

	runtime.ReadMemStats(&after)
	runtime.KeepAlive(boxes)

	return (after.TotalAlloc - before.TotalAlloc) / idleBoxes
}

func TestMemoryFollowsUse(t *testing.T) {
	t.Run("an idle mailbox of 65536 costs what one of 16 costs", func(t *testing.T) {
		idle(t, 16) // whatever is allocated once

		small, large := idle(t, 16), idle(t, 65536)
		assert.InDelta(t, small, large, 64, "bytes per mailbox, of which the runtime's own may be a few")
		assert.Less(t, large, uint64(4096))
	})

	t.Run("making one allocates as often whatever the capacity", func(t *testing.T) {
		allocs := func(capacity int) float64 {
			o := &mailbox.Options{Capacity: capacity}

			return testing.AllocsPerRun(100, func() {
				box, err := mailbox.New[int]("/idle", o, func(*mailbox.Lease[int]) {}, nil)
				if err != nil || box.TrySend(mailbox.Data, 1) != nil {
					panic("the mailbox could not be made and used")
				}
			})
		}
		assert.InDelta(t, allocs(16), allocs(65536), 0)
	})

	t.Run("a message that was settled is not kept alive", func(t *testing.T) {
		type message [64]byte

		box, lease := still[*message](t, mailbox.Options{Capacity: 300})

		for _, settle := range []func(){
			func() { lease.Done() },
			func() { lease.Fail(nil) },
			func() { lease.DeadLetter(mailbox.Deadline, nil) },
			func() { lease.Take() }, // the next one
		} {
			seen := func() weak.Pointer[message] {
				m := new(message)

				require.NoError(t, box.TrySend(mailbox.Data, m))
				require.NoError(t, box.TrySend(mailbox.Data, new(message)))

				got, ok := lease.Take()
				require.True(t, ok)
				require.Same(t, m, got)

				return weak.Make(m)
			}()

			settle()
			runtime.GC()
			assert.Nil(t, seen.Value())
			drain(lease)
		}

		runtime.KeepAlive(box)
	})
}

// heap returns the bytes that are alive, all pools having been given back.
func heap() int64 {
	for range 3 { // what a pool holds is let go by the second collection
		runtime.GC()
	}

	var m runtime.MemStats

	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc)
}

// A burst that fills a lane of the largest usual capacity costs memory while it lasts, and none once it was worked off.
func TestMemoryShrinksAfterABurst(t *testing.T) {
	type message struct{ a, b int }

	const capacity, size, least = 65_536, 16, 16 << 10

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		for _, policy := range policies {
			t.Run(fmt.Sprintf("%v lane, %v", lane, policy), func(t *testing.T) {
				box, lease := dropping(t, mailbox.Options{
					Capacity: capacity, Control: capacity, Overflow: policy, ControlOverflow: policy,
				}, func(message, error) {})

				everyday := func() {
					for n := range 3 {
						if box.TrySend(lane, message{n, n}) != nil {
							t.Fatal("there is room")
						}
					}

					for range 3 {
						lease.Take()
					}

					_, got := lease.Next(true)
					require.Equal(t, mailbox.Rested, got)
					box.Begin()
				}
				everyday()

				before := heap()

				for burst := range 2 {
					for n := range capacity {
						if box.TrySend(lane, message{n, n}) != nil {
							t.Fatal("there is room")
						}
					}

					full := heap() - before
					assert.GreaterOrEqual(t, full, int64(capacity*size), "burst %d", burst)
					assert.Less(t, full, int64(capacity*size)*5/4, "what a message takes is its size and little more")

					for n := range capacity {
						if m, ok := lease.Take(); !ok || m.a != n {
							t.Fatal("there is a message")
						}
					}

					everyday()
					everyday()
					assert.Less(t, heap()-before, int64(least), "burst %d has left something", burst)
				}

				runtime.KeepAlive(box)
				runtime.KeepAlive(lease)
			})
		}
	}
}

// After a burst and a few quiet turns, a mailbox costs what one costs that never had a burst.
func TestMemoryIsGivenBackByEveryMailbox(t *testing.T) {
	type message [2]int

	const boxes, slack = 200, 64 // bytes per mailbox, for what the runtime itself allocates meanwhile

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) {
			var all [boxes]*mailbox.Mailbox[message]

			turn := func(box *mailbox.Mailbox[message], messages int) {
				for range messages {
					if box.TrySend(lane, message{}) != nil {
						t.Fatal("there is room")
					}
				}

				lease := box.Begin()
				got := mailbox.Message
				for got == mailbox.Message {
					_, got = lease.Next(true)
				}
			}

			bursts := func(messages int) {
				for _, box := range all {
					turn(box, messages)
					turn(box, 3)
					turn(box, 3)
				}
			}

			var left int64

			for range 2 { // the first time for whatever is allocated once
				for n := range all {
					all[n], _ = still[message](t, mailbox.Options{Capacity: 65_536, Control: 65_536})
				}

				bursts(1)

				before := heap()

				bursts(1000)

				left = (heap() - before) / boxes
				runtime.KeepAlive(&all)
			}

			assert.Less(t, left, int64(slack))
		})
	}
}
