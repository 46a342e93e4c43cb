package mailbox_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/mailbox"
)

// allocations returns the allocations of sending and taking a burst of messages.
func allocations[M any](t *testing.T, lane mailbox.Lane, burst int, m M) float64 {
	t.Helper()

	if raceEnabled {
		t.Skip("the race detector allocates, so allocations are counted without it only")
	}

	box, lease := still[M](t, mailbox.Options{Capacity: 128, Control: 128})
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
		for _, burst := range []int{1, 2, 100} {
			t.Run("a value in the "+lane.String()+" lane", func(t *testing.T) {
				assert.Zero(t, allocations(t, lane, burst, value{1, 2, "three"}))
			})
			t.Run("a pointer in the "+lane.String()+" lane", func(t *testing.T) {
				assert.Zero(t, allocations(t, lane, burst, &value{}))
			})
			t.Run("an interface in the "+lane.String()+" lane", func(t *testing.T) {
				assert.Zero(t, allocations[fmt.Stringer](t, lane, burst, new(pointer)))
			})
		}
	}
}
