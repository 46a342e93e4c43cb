package main

import (
	"context"
	"fmt"
	"io"
)

// smokeCount is -count of a smoke run: enough that what a run allocates once disappears among the operations.
const smokeCount = 200_000

// slack is how far allocations per operation may be above none: a run's goroutines and the segments its queues grow by,
// shared out. One allocation in a hundred operations is too much already.
const slack = 0.01

// smoke runs every workload once with every contender. It fails if a message was lost or changed, or if ours allocates
// or holds more than it may. It looks at no clock, so that it holds on a busy machine.
func smoke(ctx context.Context, o options, w io.Writer) error {
	for _, wl := range o.workloads {
		for i, c := range wl.contenders() {
			s, err := measure(ctx, wl, c, smokeCount)
			if err != nil {
				return err
			}

			if ours := i == 0; ours && !wl.allocates && s.allocations() > slack {
				return fmt.Errorf("%s: %.3f allocations per operation, must be none", wl.name, s.allocations())
			}

			fmt.Fprintf(w, "ok  %s  %s  handled %d of %d, %.2f allocs/op\n",
				wl.name, c.name(), s.ops, s.ops, s.allocations())
		}
	}

	if o.flood {
		return smokeFlood(ctx, w)
	}

	return nil
}

func smokeFlood(ctx context.Context, w io.Writer) error {
	f, err := measureFlood(ctx, floodOps(smokeCount), 0)
	if err != nil {
		return err
	}

	if f.heap >= floodHeap {
		return fmt.Errorf("%s: live heap is %d bytes above rest, must be under %d", floodName, f.heap, floodHeap)
	}

	fmt.Fprintf(w, "ok  %s  %s  handled %d of %d, %d senders parked, heap %.1f kB above rest\n",
		floodName, troupe{}.name(), f.handled, f.sent, f.parked, f.kilobytes())

	return nil
}
