package pipeline_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// tardy is a sink that panics on 1. Its second Open takes so long that it is given up on.
type tardy struct {
	list[int]

	opens, closes atomic.Int32
}

func (s *tardy) Open(context.Context) error {
	if s.opens.Add(1) == 2 {
		<-time.After(time.Minute)
	}

	return nil
}

func (s *tardy) Close(context.Context) error {
	s.closes.Add(1)

	return nil
}

func (s *tardy) Write(ctx context.Context, items []int) error {
	if items[0] == 1 {
		panic("1")
	}

	return s.list.Write(ctx, items)
}

func TestALateOpenDoesNotEndTheWorkersOfTheNextIncarnation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := make(chan int, 2)
		sink := new(tardy)
		p := pipeline.New("p", options())
		pipeline.To[int](pipeline.From(p, "items", pipeline.Chan(items)), "sink", sink, pipeline.Stage{})

		sys := start(t, p)
		items <- 1
		<-time.After(30 * time.Second)
		items <- 2
		synctest.Wait()
		assert.Equal(t, []int{2}, sink.all(), "the Open was given up on after 10 s")

		<-time.After(time.Minute)
		items <- 3
		<-time.After(time.Minute)
		assert.Equal(t, []int{2, 3}, sink.all(), "it is back")
		assert.Equal(t, int32(3), sink.opens.Load())
		assert.Equal(t, int32(1), sink.closes.Load(), "the third is open")

		close(items)
		require.NoError(t, p.Wait(t.Context()))
		stop(t, sys)
		assert.Equal(t, int32(2), sink.closes.Load(), "that is for both")
	})
}

// serial is a sink made for one incarnation: that of the first panics, and the second opens late.
type serial struct {
	list[int]

	n            int
	opens, shuts atomic.Int32
}

func (s *serial) Open(context.Context) error {
	if s.n == 2 {
		<-time.After(time.Minute)
	}

	s.opens.Add(1)

	return nil
}

func (s *serial) Close(context.Context) error {
	s.shuts.Add(1)

	return nil
}

func (s *serial) Write(ctx context.Context, items []int) error {
	if s.n == 1 {
		panic("1")
	}

	return s.list.Write(ctx, items)
}

func TestALateOpenClosesItsOwnSinkAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu   sync.Mutex
			made []*serial
		)

		items := make(chan int, 2)
		p := pipeline.New("p", options())
		pipeline.ToWith(pipeline.From(p, "items", pipeline.Chan(items)), "sink",
			func(supervision.Deps) (pipeline.Sink[int], error) {
				mu.Lock()
				defer mu.Unlock()

				s := &serial{n: len(made) + 1}
				made = append(made, s)

				return s, nil
			}, pipeline.Stage{})

		sys := start(t, p)
		items <- 1
		<-time.After(5 * time.Minute)
		synctest.Wait()
		mu.Lock()
		require.Len(t, made, 3)
		mu.Unlock()

		counts := func() (all [][2]int32) {
			for _, s := range made {
				all = append(all, [2]int32{s.opens.Load(), s.shuts.Load()})
			}

			return all
		}
		assert.Equal(t, [][2]int32{{1, 1}, {1, 1}, {1, 0}}, counts())

		items <- 2
		synctest.Wait()
		assert.Equal(t, []int{2}, made[2].all())
		close(items)
		stop(t, sys)
		assert.Equal(t, [][2]int32{{1, 1}, {1, 1}, {1, 1}}, counts())
	})
}

// choosy is a sink that takes items one by one only, and panics with the first.
type choosy struct{ list[int] }

func (s *choosy) Write(ctx context.Context, items []int) error {
	switch {
	case len(items) > 1:
		return errRefused
	case items[0] == 0:
		panic("0")
	}

	return s.list.Write(ctx, items)
}

func TestOnlyWhatAFunctionWasGivenIsLostWithItsPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := new(choosy)
		p := pipeline.New("p", options())
		pipeline.To[int](pipeline.From[int](p, "numbers", numbers{newLedger(10)}), "sink", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, sink.all())
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Failed: 1}, sys.DeadLetters().Counts().Map())
		stop(t, sys)
	})
}

// yielding is a source that has its items from others, and hands them out one by one when its intake is over.
type yielding struct{ *ledger }

func (s yielding) Pull(ctx context.Context, items []int) (int, error) {
	<-ctx.Done()

	return s.pull(context.WithoutCancel(ctx), items[:1])
}

// TestAPipelineThatFailsWhileItsSourceWaitsEndsTheDrain fails when the source waits for room to hand out the rest.
func TestAPipelineThatFailsWhileItsSourceWaitsEndsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.InFlight = 1
		p := pipeline.New("p", o)
		pipeline.ToFunc(pipeline.From[int](p, "numbers", yielding{newLedger(100)}), "sink",
			func(_ context.Context, v int) error {
				<-time.After(time.Millisecond)

				if v == 3 {
					return errOdd
				}

				return nil
			}, pipeline.Stage{Failed: pipeline.FailPipeline()})

		sys := start(t, p)

		synctest.Wait()

		began := time.Now()
		_, err := sys.Shutdown(t.Context())
		require.ErrorIs(t, err, errOdd)
		assert.Equal(t, 4*time.Millisecond, time.Since(began))
	})
}

// stallingSource is a source whose Pull of a number hangs until it is given up on, and is back after a minute; it has
// failed meanwhile, of the first acknowledgement.
type stallingSource struct {
	*ledger

	at, end int32 // the Pull that hangs, and the one from which on it has no more
	each    time.Duration

	pulls, told, pulling, telling atomic.Int32
	tooMany                       atomic.Bool
}

func (s *stallingSource) Open(context.Context) error { return nil }

func (s *stallingSource) Pull(ctx context.Context, items []int) (int, error) {
	n := s.pulls.Add(1)

	switch {
	case n == s.at:
		<-time.After(time.Minute)
	case n > s.end:
		<-ctx.Done()

		return 0, eof
	case n > s.at:
		s.alone(&s.pulling)
	}

	return s.pull(context.WithoutCancel(ctx), items[:1])
}

func (s *stallingSource) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	if s.told.Add(1) == 1 {
		<-time.After(time.Second)

		return errOdd
	}

	s.alone(&s.telling)

	return s.ledger.Acknowledge(ctx, acks)
}

// alone takes its time, and notes whether somebody is in there already.
func (s *stallingSource) alone(in *atomic.Int32) {
	if in.Add(1) > 1 {
		s.tooMany.Store(true)
	}

	<-time.After(s.each)
	in.Add(-1)
}

func TestWhoComesBackFromAPullThatWasGivenUpOnPullsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &stallingSource{ledger: newLedger(200), at: 2, end: 1000, each: 700 * time.Millisecond}
		o := options()
		o.CommitEvery = -1
		p := pipeline.New("p", o)
		sink := &list[int]{}
		pipeline.To[int](pipeline.From[int](p, "numbers", source), "sink", sink, pipeline.Stage{})

		sys := start(t, p)
		require.NoError(t, p.Wait(t.Context()))
		assert.Len(t, sink.all(), 200)
		assert.False(t, source.tooMany.Load(), "one at a time, but for the one that hung")
		stop(t, sys)
	})
}

// TestWhatALatePullHandsOutDoesNotWaitForTheNext has a full queue when a Pull comes back that was given up on.
func TestWhatALatePullHandsOutDoesNotWaitForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &stallingSource{ledger: newLedger(4), at: 4, end: 4}
		sink := &list[int]{}
		p := pipeline.New("p", options())
		pipeline.ToFunc(pipeline.From[int](p, "numbers", source), "sink", func(ctx context.Context, v int) error {
			if v == 1 {
				<-time.After(10 * time.Minute)
			}

			return sink.Write(ctx, []int{v})
		}, pipeline.Stage{Capacity: 1})

		sys := start(t, p)

		<-time.After(time.Hour)
		assert.Equal(t, []int{0, 1, 2, 3}, sink.all())
		stop(t, sys)
	})
}

// hangsWhenTold is a source that hangs in the first Acknowledge until it is let go, and fails meanwhile.
type hangsWhenTold struct {
	*ledger

	back  chan struct{}
	told  bool
	pulls int
}

func (s *hangsWhenTold) Pull(ctx context.Context, items []int) (int, error) {
	s.pulls++
	if s.pulls == 2 {
		<-time.After(time.Second)

		return 0, errOdd
	}

	return s.pull(ctx, items)
}

func (s *hangsWhenTold) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	first := !s.told
	s.told = true
	err := s.ledger.Acknowledge(ctx, acks)

	if first {
		<-s.back
	}

	return err
}

func TestASourceThatWasGivenUpOnAsItWasToldIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := &hangsWhenTold{ledger: newLedger(5), back: make(chan struct{})}, &list[int]{}
		p := pipeline.New("p", options())
		pipeline.To(pipeline.From[int](p, "numbers", source), "list", sink, pipeline.Stage{})

		sys := start(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)

		defer cancel()

		require.NoError(t, p.Wait(ctx), "all is written, and the source was told")
		close(source.back)
		synctest.Wait()
		stop(t, sys)
		assert.Equal(t, upTo(5), sink.all())
		assert.Zero(t, source.check(t, 5))
	})
}
