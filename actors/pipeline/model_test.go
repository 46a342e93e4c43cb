package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// step is one operator of a random pipeline and what it means for a list of values.
type step struct {
	build func(f pipeline.Flow[int]) pipeline.Flow[int]
	means func(in []int) []int
	// loose says that the order is not kept.
	loose bool
}

// world draws random pipelines.
type world struct {
	t       *rapid.T
	n       int // stages so far
	mu      sync.Mutex
	crashed map[[2]int]bool // stage and value
	fatal   int             // a value that fails the pipeline in a mapping; -1 is none
	tried   map[[2]int]int
}

const (
	// retries of a stage are enough for what it does not fail for good.
	retries = 2
	timeout = 20 * time.Millisecond
	// hanging is how long a worker is abandoned.
	hanging = 100 * time.Millisecond
)

func (w *world) name() string {
	w.n++

	return fmt.Sprintf("s%d", w.n)
}

func (w *world) stage() pipeline.Stage {
	return pipeline.Stage{
		Capacity: rapid.IntRange(1, 9).Draw(w.t, "capacity"), Workers: rapid.IntRange(1, 3).Draw(w.t, "workers"),
		Redeliver: 1, Abandoned: 100, Timeout: rapid.SampledFrom([]time.Duration{0, 0, timeout}).Draw(w.t, "timeout"),
		Retry: pipeline.Retry{Max: retries, Initial: time.Millisecond},
	}
}

// one is a stage whose capacity is drawn, with one worker.
func (w *world) one() pipeline.Stage {
	s := w.stage()
	s.Workers = 1

	return s
}

// work is what a stage does to a value, as long and with as much trouble as is drawn.
func (w *world) work(s pipeline.Stage) (do func(ctx context.Context, v int) error, fails func(v int) bool) {
	id := w.n
	delay := rapid.IntRange(0, 5).Draw(w.t, "delay")
	crash := rapid.IntRange(0, 40).Draw(w.t, "crash")
	fail := rapid.SampledFrom([]int{0, 0, 3, 5}).Draw(w.t, "fail")
	hangs := s.Timeout > 0 && rapid.Bool().Draw(w.t, "hangs")
	tries := rapid.IntRange(1, retries+1).Draw(w.t, "tries")
	fails = func(v int) bool { return fail > 0 && v%fail == 1 || hangs && v%23 == 7 }

	return func(ctx context.Context, v int) error {
		if hangs && v%23 == 7 {
			<-ctx.Done()
			<-time.After(hanging) // it does not listen, in virtual time

			return ctx.Err()
		}

		if delay > 0 {
			select {
			case <-time.After(time.Duration(v*7%(delay+1)) * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}

		w.mu.Lock()
		first := crash > 0 && v%41 == crash && !w.crashed[[2]int{id, v}]
		w.crashed[[2]int{id, v}] = true
		w.tried[[2]int{id, v}]++
		again := w.tried[[2]int{id, v}] < tries
		w.mu.Unlock()

		if first {
			panic("crash")
		}

		if fails(v) || again {
			return errOdd
		}

		return nil
	}, fails
}

// scale is what the number of a source item is times, in a value that has come of it. Below that is room for what
// stages add, so that the item it has come of can be told from any value.
const scale = 1000

func origin(v int) int { return v / scale }

// paired makes one value of two, which has come of the left one's item.
func paired(_ context.Context, a, b int) (int, error) { return a + b%scale, nil }

func keep(in []int, ok func(v int) bool) []int {
	return slices.DeleteFunc(slices.Clone(in), func(v int) bool { return !ok(v) })
}

func (w *world) mapping() step {
	name, s := w.name(), w.stage()
	do, fails := w.work(s)
	loose := rapid.Bool().Draw(w.t, "as completed")

	if loose {
		s.Order = pipeline.AsCompleted
	}

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			return pipeline.Map(f, name, func(ctx context.Context, v int) (int, error) { return v + 1, do(ctx, v) }, s)
		},
		means: func(in []int) []int {
			out := keep(in, func(v int) bool { return !fails(v) })
			for i := range out {
				out[i]++
			}

			return out
		},
		loose: loose && s.Workers > 1,
	}
}

func (w *world) filter() step {
	name, s := w.name(), w.stage()
	k := rapid.IntRange(2, 4).Draw(w.t, "keep")
	ok := func(v int) bool { return v%k != 0 }

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			return pipeline.Filter(f, name, func(_ context.Context, v int) (bool, error) { return ok(v), nil }, s)
		},
		means: func(in []int) []int { return keep(in, ok) },
	}
}

func (w *world) flatten() step {
	name, s := w.name(), w.stage()
	k := rapid.IntRange(1, 3).Draw(w.t, "most")
	times := func(v int) int { return v % (k + 1) }

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			return pipeline.FlatMap(f, name, func(_ context.Context, v int, emit func(int)) error {
				for range times(v) {
					emit(v)
				}

				return nil
			}, s)
		},
		means: func(in []int) (out []int) {
			for _, v := range in {
				for range times(v) {
					out = append(out, v)
				}
			}

			return out
		},
	}
}

func (w *world) batch() step {
	name, back := w.name(), w.name()
	s, t := w.one(), w.stage()
	size := pipeline.BatchSize[int]{
		Items: rapid.IntRange(1, 20).Draw(w.t, "items"),
		Every: time.Duration(rapid.IntRange(0, 3).Draw(w.t, "every")) * time.Millisecond,
		Bytes: rapid.IntRange(0, 12).Draw(w.t, "bytes"), Size: func(v int) int { return v % 7 },
	}

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			return pipeline.FlatMap(pipeline.Batch(f, name, size, s), back,
				func(_ context.Context, vs []int, emit func(int)) error {
					for _, v := range vs {
						emit(v)
					}

					return nil
				}, t)
		},
		means: func(in []int) []int { return in },
	}
}

func (w *world) diamond() step {
	split, join := w.name(), w.name()
	s, t := w.one(), w.one()
	zip := rapid.Bool().Draw(w.t, "zip")

	var sides [2]step

	for i := range sides {
		sides[i] = w.mapping()
		for zip && sides[i].loose {
			sides[i] = w.filter()
		}
	}

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			both := pipeline.Broadcast(f, split, 2, s)
			a, b := sides[0].build(both[0]), sides[1].build(both[1])

			if zip {
				return pipeline.Zip(a, b, join, paired, t)
			}

			return pipeline.Merge(join, t, a, b)
		},
		means: func(in []int) (out []int) {
			for _, v := range in {
				a, b := sides[0].means([]int{v}), sides[1].means([]int{v})

				switch {
				case !zip:
					out = append(append(out, a...), b...)
				case len(a) == 1 && len(b) == 1:
					out = append(out, a[0]+b[0]%scale)
				}
			}

			return out
		},
		loose: !zip,
	}
}

func (w *world) divide() step {
	split, join := w.name(), w.name()
	s, t := w.one(), w.one()
	balance := rapid.Bool().Draw(w.t, "balance")

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			if balance {
				return pipeline.Merge(join, t, pipeline.Balance(f, split, 3, s)...)
			}

			return pipeline.Merge(join, t, pipeline.Partition(f, split, 3, func(v int) uint64 { return uint64(v) }, s)...)
		},
		means: func(in []int) []int { return in },
		loose: true,
	}
}
