package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

func TestADiamondOfABroadcastAndAZipDoesNotHang(t *testing.T) {
	source, sink := newLedger(1000), &list[[2]int]{}
	p := pipeline.New("diamond", options())
	one := pipeline.Stage{Capacity: 1}
	both := pipeline.Broadcast(pipeline.From[int](p, "numbers", numbers{source}), "both", 2, pipeline.Stage{Capacity: 7})
	left := pipeline.Filter(pipeline.Map(both[0], "double", double, pipeline.Stage{Capacity: 3, Workers: 3}), "thirds",
		thirds, one)
	right := pipeline.Map(both[1], "even", oddFails, pipeline.Stage{Capacity: 2})
	flow := pipeline.Zip(left, right, "zip",
		func(_ context.Context, a, b int) ([2]int, error) { return [2]int{a, b}, nil }, one)
	pipeline.To(flow, "list", sink, pipeline.Stage{Capacity: 2})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)

	var want [][2]int
	for i := 0; i < 1000; i += 6 {
		want = append(want, [2]int{2 * i, i})
	}

	assert.Equal(t, want, sink.all())
	assert.Zero(t, source.check(t, 1000))
	assert.EqualValues(t, 1000, source.done)
}

// TestADiamondWithRoomForOneDoesNotHang has a broadcast that takes many at a time right before a zip with room for one.
func TestADiamondWithRoomForOneDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(1000), &list[int]{}
		p := pipeline.New("diamond", options())
		both := pipeline.Broadcast(pipeline.From[int](p, "numbers", numbers{source}), "both", 2, pipeline.Stage{})
		flow := pipeline.Zip(both[0], both[1], "zip", func(_ context.Context, a, _ int) (int, error) { return a, nil },
			pipeline.Stage{Capacity: 1})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
		assert.Len(t, sink.all(), 1000)
		assert.Zero(t, source.check(t, 1000))
	})
}

func TestWhatHasNoPairIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, sink := newLedger(5000), newLedger(4), &list[int]{}
		p := pipeline.New("zipped", options())
		flow := pipeline.Zip(pipeline.From[int](p, "a", numbers{a}), pipeline.From[int](p, "b", numbers{b}), "zip",
			func(_ context.Context, a, b int) (int, error) { return a + b, nil }, pipeline.Stage{})
		pipeline.To(flow, "list", sink, pipeline.Stage{})

		began := time.Now()
		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))

		letters := sys.DeadLetters().Letters()
		r := stop(t, sys)
		assert.Zero(t, time.Since(began), "nothing waits for a deadline")
		assert.EqualValues(t, 4996, r.DeadLetters[mailbox.Failed])
		require.NotEmpty(t, letters)
		require.ErrorIs(t, letters[0].Cause, pipeline.ErrUnpaired)
		assert.Equal(t, []int{0, 2, 4, 6}, sink.all())
		assert.Zero(t, a.check(t, 5000))
		assert.Zero(t, b.check(t, 4))
	})
}

// TestAPairCountsAsTwoItems has a pair in the hand of a zip: what it has accepted is there.
func TestAPairCountsAsTwoItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, release := newLedger(1), newLedger(1), make(chan struct{})
		p := pipeline.New("zipped", options())
		flow := pipeline.Zip(pipeline.From[int](p, "a", numbers{a}), pipeline.From[int](p, "b", numbers{b}), "zip",
			func(_ context.Context, a, b int) (int, error) { <-release; return a + b, nil }, pipeline.Stage{})
		pipeline.To(flow, "list", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)

		synctest.Wait()

		zip := p.Snapshot().Stages[2]
		assert.EqualValues(t, 2, zip.In)
		assert.Equal(t, 2, zip.Queue)
		close(release)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
	})
}

func TestAPartitionKeepsTheOrderOfEachKey(t *testing.T) {
	source, sink := newLedger(5000), &list[int]{}
	p := pipeline.New("parts", options())
	parts := pipeline.Partition(pipeline.From[int](p, "numbers", numbers{source}), "parts", 3,
		func(v int) uint64 { return uint64(v % 7) }, pipeline.Stage{Capacity: 10})

	for i, part := range parts {
		parts[i] = pipeline.Map(part, []string{"a", "b", "c"}[i],
			func(_ context.Context, v int) (int, error) {
				assert.Equal(t, v%7%3, i, "the key chooses")

				return v, nil
			}, pipeline.Stage{Capacity: 5 * (i + 1)})
	}

	pipeline.To(pipeline.Merge("all", pipeline.Stage{}, parts...), "list", sink, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)

	last := map[int]int{}
	for _, v := range sink.all() {
		if before, ok := last[v%7]; ok {
			assert.Less(t, before, v)
		}

		last[v%7] = v
	}

	assert.Len(t, sink.all(), 5000)
	assert.Zero(t, source.check(t, 5000))
}

func TestABalanceAndADivertLoseNothing(t *testing.T) {
	source, good, bad := newLedger(1000), &list[int]{}, &list[pipeline.Failure[int]]{}
	p := pipeline.New("balanced", options())
	side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{Capacity: 2})
	pipeline.To(failed, "bad", bad, pipeline.Stage{})

	halves := pipeline.Balance(pipeline.From[int](p, "numbers", numbers{source}), "halves", 2, pipeline.Stage{})
	for i, h := range halves {
		halves[i] = pipeline.Map(h, []string{"a", "b"}[i], oddFails, pipeline.Stage{Failed: side.Policy(), Capacity: 4})
	}

	pipeline.To(pipeline.Merge("all", pipeline.Stage{}, halves...), "good", good, pipeline.Stage{})

	sys := start(t, p)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)

	all := good.all()
	for _, f := range bad.all() {
		require.ErrorIs(t, f.Err, errOdd)
		assert.Contains(t, []string{"/app/balanced/a", "/app/balanced/b"}, f.Stage)

		all = append(all, f.Item)
	}

	slices.Sort(all)
	assert.Len(t, all, 1000)
	assert.Len(t, slices.Compact(all), 1000)
	assert.Zero(t, source.check(t, 1000))
}

// TestABalanceGoesRoundAFlowThatIsFull has one of two flows take nothing: the other gets what that has no room for.
func TestABalanceGoesRoundAFlowThatIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := newLedger(100), &list[int]{}
		release := make(chan struct{})
		p := pipeline.New("balanced", options())
		halves := pipeline.Balance(pipeline.From[int](p, "numbers", numbers{source}), "halves", 2, pipeline.Stage{})
		pipeline.ToFunc(halves[0], "block", func(context.Context, int) error { <-release; return nil },
			pipeline.Stage{Capacity: 4})
		pipeline.To(halves[1], "list", sink, pipeline.Stage{Capacity: 4})

		sys := start(t, p)

		synctest.Wait()
		assert.GreaterOrEqual(t, len(sink.all()), 100-4-1)
		close(release)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
		assert.Zero(t, source.check(t, 100))
	})
}

// TestACopyIsDivertedAndADeadLetter has an item finished only when its copy is, and a crash make no copy.
func TestACopyIsDivertedAndADeadLetter(t *testing.T) {
	source, good := newLedger(100), &list[int]{}
	p := pipeline.New("copied", options())
	side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{})

	var copies []int

	halfway := make(chan struct{})

	pipeline.ToFunc(failed, "bad", func(_ context.Context, f pipeline.Failure[int]) error {
		if len(copies) == 0 {
			<-halfway
		}

		copies = append(copies, f.Item)

		return nil
	}, pipeline.Stage{})

	flow := pipeline.Map(pipeline.From[int](p, "numbers", numbers{source}), "odd",
		func(ctx context.Context, n int) (int, error) {
			if n == 4 {
				panic("four")
			}

			return oddFails(ctx, n)
		}, pipeline.Stage{Failed: side.CopyPolicy()})
	pipeline.To(flow, "good", good, pipeline.Stage{})

	sys := start(t, p)
	require.Eventually(t, func() bool {
		source.mu.Lock()
		defer source.mu.Unlock()

		return len(good.all()) == 49 && len(source.acks) >= 50 // those, and the crash
	}, time.Minute, time.Millisecond)

	source.mu.Lock()
	assert.Len(t, source.acks, 50, "an odd number is not finished before its copy")
	source.mu.Unlock()
	close(halfway)

	require.NoError(t, p.Wait(t.Context()))
	r := stop(t, sys)

	assert.Len(t, copies, 50)
	assert.Equal(t, uint64(51), r.DeadLetters[mailbox.Failed])
	assert.Equal(t, uint64(51), r.Total.Failed)
	assert.Zero(t, source.check(t, 100))

	for _, l := range sys.DeadLetters().Letters() {
		assert.Equal(t, "/app/copied/odd", l.Target)
	}
}

type question struct {
	n     int
	reply actors.Reply[int]
}

func TestAStageCanBeAnActor(t *testing.T) {
	source := newLedger(100)
	sum := 0
	adder := supervision.Actor("adder", func(supervision.Deps) (actors.Func[int], error) {
		return func(_ *actors.Context[int], n int) error { sum += n; return nil }, nil
	}, supervision.Spec{})
	squarer := supervision.Actor("squarer", func(supervision.Deps) (actors.Func[question], error) {
		return func(_ *actors.Context[question], q question) error { return q.reply.Send(q.n * q.n) }, nil
	}, supervision.Spec{})

	p := pipeline.New("actors", options())
	flow := pipeline.Ask(pipeline.From[int](p, "numbers", numbers{source}), "square", squarer,
		func(n int, r actors.Reply[int]) question { return question{n, r} }, pipeline.Stage{Workers: 3})
	pipeline.ToRef(flow, "add", adder, pipeline.Stage{})

	sys := start(t, p, adder, squarer)
	require.NoError(t, p.Wait(t.Context()))
	stop(t, sys)
	assert.Equal(t, 328350, sum)
	assert.Zero(t, source.check(t, 100))
}
