package pipeline_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// endless is a source of blocks that never ends of itself.
type endless struct{ handed int }

const blockSize = 1 << 10

func (*endless) Open(context.Context) error  { return nil }
func (*endless) Close(context.Context) error { return nil }

func (e *endless) Pull(ctx context.Context, items [][]byte) (int, error) {
	if ctx.Err() != nil {
		return 0, eof
	}

	for i := range items {
		items[i] = make([]byte, blockSize)
	}

	e.handed += len(items)

	return len(items), nil
}

// BenchmarkMemory lets a source hand out blocks of a KiB as fast as they are taken, at a sink that takes none, and
// reports how many are held when nothing moves any more, the heap they take, and what Bound says.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		source, release := &endless{}, make(chan struct{})
		p := pipeline.New("full", options())
		s := pipeline.Stage{Capacity: 1024}
		copied := func(_ context.Context, v []byte) ([]byte, error) { return v, nil }
		flow := pipeline.From[[]byte](p, "blocks", source)
		flow = pipeline.Map(flow, "one", copied, s)
		flow = pipeline.Map(flow, "two", copied, s)
		flow = pipeline.Map(flow, "three", copied, s)
		pipeline.ToFunc(flow, "shut", func(context.Context, []byte) error { <-release; return nil }, s)

		before := heap()
		sys := start(b, p)

		again := time.NewTicker(time.Millisecond)
		for in := uint64(0); in < 4*1024 || in != p.Snapshot().Stages[0].In; { // full, and no more comes in a while
			in = p.Snapshot().Stages[0].In

			<-again.C
		}
		again.Stop()

		held, used := p.Snapshot().Stages[0].In, heap()-before
		require.LessOrEqual(b, int(held), p.Bound())
		b.ReportMetric(float64(held), "held-items")
		b.ReportMetric(float64(p.Bound()), "bound-items")
		b.ReportMetric(float64(used)/blockSize, "heap-KiB")
		close(release)
		stop(b, sys)
	}
}

// heap returns what is live.
func heap() uint64 {
	runtime.GC()

	var m runtime.MemStats
	runtime.ReadMemStats(&m)

	return m.HeapAlloc
}
