package mailbox_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/mailbox"
)

// allocations returns the allocations of sending and taking a burst of messages.
func allocations[M any](t *testing.T, lane mailbox.Lane, policy mailbox.Overflow, burst int, m M) float64 {
	t.Helper()

	if raceEnabled {
		t.Skip("the race detector allocates, so allocations are counted without it only")
	}

	box, lease := still[M](t, mailbox.Options{
		Capacity: 128, Control: 128, Overflow: policy, ControlOverflow: policy,
	})
	ctx := t.Context()

	round := func() {
		for n := range burst {
			if n%2 == 0 && box.TrySend(lane, m) != nil || n%2 != 0 && box.Send(ctx, lane, m) != nil {
				panic("there is room")
			}
		}

		for range burst {
			if _, ok := lease.Take(); !ok {
				panic("there is a message")
			}
		}
	}

	for range 1000 { // until the lane is as large as it gets
		round()
	}

	return testing.AllocsPerRun(1000, round)
}

type pointer struct{}

func (*pointer) String() string { return "" }

func TestMessagesDoNotAllocate(t *testing.T) {
	type value struct {
		a, b int
		s    string
	}

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		for _, policy := range policies {
			for _, burst := range []int{1, 2, 9, 100} {
				name := fmt.Sprintf(" in the %v lane, %v, %d at a time", lane, policy, burst)

				t.Run("a value"+name, func(t *testing.T) {
					assert.Zero(t, allocations(t, lane, policy, burst, value{1, 2, "three"}))
				})
				t.Run("a pointer"+name, func(t *testing.T) {
					assert.Zero(t, allocations(t, lane, policy, burst, &value{}))
				})
				t.Run("an interface"+name, func(t *testing.T) {
					assert.Zero(t, allocations[fmt.Stringer](t, lane, policy, burst, new(pointer)))
				})
			}
		}
	}
}

// A sender that waits for room, and the receiver's turn that it starts, cost no allocation either. On the one processor
// that testing.AllocsPerRun leaves, the receiver runs only when its sender waits.
func TestWaitingDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, so allocations are counted without it only")
	}

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		t.Run(lane.String(), func(t *testing.T) {
			r := newReceiver[int](t, mailbox.Options{Capacity: 1, Control: 1}, nil)
			ctx := t.Context()

			assert.Zero(t, testing.AllocsPerRun(100, func() {
				for n := range 1000 {
					if r.box.Send(ctx, lane, n) != nil {
						panic("it waits for room")
					}
				}
			}))
		})
	}
}
