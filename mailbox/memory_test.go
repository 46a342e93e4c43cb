package mailbox_test

import (
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
