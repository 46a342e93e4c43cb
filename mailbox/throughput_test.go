package mailbox_test

import (
	"cmp"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// On one processor, a receiver with a full mailbox lets a goroutine that wants to run do so: it yields after every
// Throughput messages. Go's scheduler may waste a yield: every 61st time it looks first at the queue where the receiver
// itself stands, and it may have stopped the other one just before that yielded. It does neither several times in a
// row.
func TestABusyReceiverLetsOthersRun(t *testing.T) {
	for _, throughput := range []int{1, 5, 100, 0} {
		for _, policy := range []mailbox.Overflow{mailbox.Block, mailbox.DropOldest} { // in batches, and one by one
			for _, piecewise := range []bool{false, true} {
				t.Run(fmt.Sprintf("throughput %d, %v, piecewise %v", throughput, policy, piecewise), func(t *testing.T) {
					testThroughput(t, mailbox.Options{Throughput: throughput, Overflow: policy}, piecewise)
				})
			}
		}
	}
}

func testThroughput(t *testing.T, o mailbox.Options, piecewise bool) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))

	const turns, wasted = 8, 4

	row := cmp.Or(o.Throughput, mailbox.DefaultThroughput)
	o.Capacity, o.Control = row*turns, row*turns

	// The other goroutine yields to the receiver whenever it has run, and so stands before it in the line of those that
	// wait for the processor when the receiver yields.
	var ran, stop atomic.Int64

	ready, over := make(chan struct{}), make(chan struct{})
	other := func() {
		defer close(over)

		ready <- struct{}{}

		for stop.Load() == 0 {
			ran.Add(1)
			runtime.Gosched()
		}
	}

	seen := make([]int64, 0, 2*o.Capacity)
	handled := make(chan struct{})
	r := &receiver[int]{piecewise: piecewise}
	r.handle = func(*mailbox.Lease[int], int) {
		if len(seen) == 0 {
			go other()
			<-ready
		}

		seen = append(seen, ran.Load())

		if len(seen) == cap(seen) {
			stop.Store(1)
			close(handled)
		}
	}
	r.prepare(t, o)

	for n := range o.Capacity {
		require.NoError(t, r.box.TrySend(mailbox.Data, n))
		require.NoError(t, r.box.TrySend(mailbox.Control, n))
	}

	r.box.Signal(wake)
	await(t, handled, "all messages are handled")
	await(t, over, "the other goroutine ends")

	for n := wasted * row; n < len(seen); n++ {
		require.Greater(t, seen[n], seen[n-wasted*row], "messages %d to %d were taken in a row", n-wasted*row, n)
	}
}
