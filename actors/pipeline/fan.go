package pipeline

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// fan declares a stage with several outputs.
func fan[T any](
	f Flow[T], name string, k kind, n int, s Stage, op func(st *stage[T, T]) operation[T, T],
) []Flow[T] {
	ports := n
	if n < 1 || n > MaxPorts {
		ports = 1
	}

	v := after(f, name, k, s, ports)
	if ports != n {
		v.wrongf("Outputs", "%d is out of range, must be from 1 to %d", n, MaxPorts)
	}

	stageOf(v, fixed(op))

	all := make([]Flow[T], ports)
	for i := range all {
		all[i] = Flow[T]{v, i}
	}

	return all
}

// MaxPorts is the most outputs of a stage.
const MaxPorts = 1024

// Broadcast passes every item on to each of n flows. The source item is done when all are. The slowest of the flows
// holds the others back.
func Broadcast[T any](f Flow[T], name string, n int, s Stage) []Flow[T] {
	return fan(f, name, spreadKind, n, s, func(*stage[T, T]) operation[T, T] {
		return func(_ context.Context, it *item[T], res *results[T, T]) error {
			for p := range res.outs {
				if p > 0 {
					res.forks = append(res.forks, it.mark)
				}

				res.outs[p] = append(res.outs[p], *it)
			}

			return nil
		}
	})
}

// Balance passes each item on to one of n flows, the one with most room. Nothing is promised about the order among
// them.
func Balance[T any](f Flow[T], name string, n int, s Stage) []Flow[T] {
	flows := fan(f, name, divideKind, n, s, func(st *stage[T, T]) operation[T, T] {
		st.balance = true

		return pass[T]
	})

	return flows
}

// Partition passes each item on to the one of n flows that its key chooses: the order of those with one key is kept. A
// flow that is full holds the others back.
func Partition[T any](f Flow[T], name string, n int, key func(v T) uint64, s Stage) []Flow[T] {
	flows := fan(f, name, divideKind, n, s, func(*stage[T, T]) operation[T, T] {
		return func(_ context.Context, it *item[T], res *results[T, T]) error {
			p := int(key(it.value) % uint64(len(res.outs))) //nolint:gosec // less than the number of ports
			res.outs[p] = append(res.outs[p], *it)

			return nil
		}
	})

	v := flows[0].from
	v.checkFunc(key == nil)

	if s.Order == AsCompleted {
		v.wrongf("Order", "is as completed, a partition keeps the order of each key; a balance does not and has no key")
	}

	return flows
}

// Merge makes one flow of several, in the order that items come. The order of each of them is kept.
func Merge[T any](name string, s Stage, flows ...Flow[T]) Flow[T] {
	if len(flows) == 0 {
		flows = []Flow[T]{{}}
	}

	v := after(flows[0], name, mergeKind, s, 1)
	for _, f := range flows[1:] {
		connect(f, v, 0)
	}

	return stageOf(v, fixed(func(*stage[T, T]) operation[T, T] { return pass[T] }))
}

// Limits of a [Batch].
const (
	// MaxBatch is the most items of a batch.
	MaxBatch = 1 << 16
)

// BatchSize says when a batch is complete.
type BatchSize[T any] struct {
	// Items it has at most, from 1 to [MaxBatch]. It must be set.
	Items int
	// Every is how long after its first item a batch is passed on that is not complete; 0 waits until it is, or the flow
	// ends.
	Every time.Duration
	// Bytes it has at most, if that is above 0, by Size, which must be set then. An item that has more stands alone.
	Bytes int
	// Size returns how many bytes an item has.
	Size func(T) int
}

// Batch makes one item of several, in their order. They are done when that is. Those that are not yet a batch when the
// flow ends, or the pipeline stops, make one.
func Batch[T any](f Flow[T], name string, b BatchSize[T], s Stage) Flow[[]T] {
	v := after(f, name, freeKind, s, 1)
	v.holds, v.patient = max(1, b.Items), b.Every <= 0

	if b.Items < 1 || b.Items > MaxBatch {
		v.wrongf("Items", "%d is out of range, must be from 1 to %d", b.Items, MaxBatch)
	}

	if b.Every < 0 {
		v.wrongf("Every", "%v is negative", b.Every)
	}

	if b.Bytes < 0 {
		v.wrongf("Bytes", "%d is negative", b.Bytes)
	}

	if b.Bytes > 0 && b.Size == nil {
		v.wrongf("Size", "is nil, must be a function where Bytes are set")
	}

	v.diverts = divertible[T]
	v.open = func(r *run) { inlet[T](r, v, 0) }
	v.declare = func(r *run, spec supervision.Spec) (supervision.Child, member) {
		all := func(_ context.Context, items []item[T], res *results[T, []T]) error {
			values := make([]T, len(items))
			for i := range items {
				values[i] = items[i].value
			}

			res.emit(0, grouped(items), values)

			return nil
		}

		st := newStage[T, []T](r, v, func(supervision.Deps) (job[T, []T], error) { return job[T, []T]{all: all}, nil })
		st.hand = b.Items
		st.collect = &collector[T]{size: b.Items, every: b.Every, patient: true, weigh: b.Size, most: b.Bytes}

		return st.child(spec)
	}

	return Flow[[]T]{v, 0}
}
