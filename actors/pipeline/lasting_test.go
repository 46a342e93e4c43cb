package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// trickle is a source that waits a millisecond for each item, and fails when it is told of one for the first time, if
// it has a trouble for that.
type trickle struct {
	*ledger

	inCommit, inAcknowledge func() error
}

func (s *trickle) Pull(ctx context.Context, items []int) (int, error) {
	select {
	case <-ctx.Done():
		return 0, eof
	case <-time.After(time.Millisecond):
		return s.pull(context.WithoutCancel(ctx), items[:1])
	}
}

func (s *trickle) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	err := s.ledger.Acknowledge(ctx, acks)
	if trouble := s.inAcknowledge; trouble != nil {
		s.inAcknowledge = nil

		return trouble()
	}

	return err
}

func (s *trickle) Commit(ctx context.Context, done uint64) error {
	if trouble := s.inCommit; trouble != nil {
		s.inCommit = nil

		return trouble()
	}

	return s.ledger.Commit(ctx, done)
}

// restarter fails with the first message, and so has its siblings restarted with it.
type restarter struct{}

func (restarter) Receive(*actors.Context[int], int) error { return errOdd }

// troubles is what can go wrong in a function of the user's.
func troubles() map[string]func() error {
	return map[string]func() error{
		"an error": func() error { return errOdd },
		"a panic":  func() error { panic(errOdd) },
		"an exit":  func() error { runtime.Goexit(); return nil },
	}
}

// TestASourceGoesOnWhereItWas has sources whose incarnation ends while they wait for an item: that is not the end of
// the source, whatever it returns then.
func TestASourceGoesOnWhereItWas(t *testing.T) {
	const n = 100

	check := func(t *testing.T, source *trickle, o pipeline.Options, trouble func(sibling actors.Ref[int])) {
		t.Helper()

		synctest.Test(t, func(t *testing.T) {
			p := pipeline.New("p", o)
			sink := &list[int]{}
			failed := false

			sink.fail = func(items []int) error {
				if o.Budget.Restarts == 0 && !failed && slices.Contains(items, n/2) {
					failed = true

					panic(errOdd)
				}

				return nil
			}

			pipeline.To(pipeline.From[int](p, "numbers", source), "sink", sink, pipeline.Stage{Redeliver: 1})

			sibling := supervision.Actor("sibling", func(supervision.Deps) (restarter, error) { return restarter{}, nil },
				supervision.Spec{})
			sys, err := system.Start(t.Context(), supervision.Tree{
				Name: "app", Budget: budget, Strategy: supervision.AllForOne, Children: supervision.On(p, sibling),
			}, quiet())
			require.NoError(t, err)

			<-time.After(n / 4 * time.Millisecond)
			trouble(sibling.From(sys.Intake()))
			require.NoError(t, p.Wait(t.Context()))

			report := stop(t, sys)
			assert.Positive(t, report.Restarts)

			got := sink.all()
			slices.Sort(got)
			assert.Equal(t, upTo(n), got)
			assert.Zero(t, source.check(t, n))
			assert.Zero(t, source.opened)
		})
	}

	nothing := func(actors.Ref[int]) {}

	for name, trouble := range troubles() {
		t.Run(name+" in Commit", func(t *testing.T) {
			check(t, &trickle{ledger: newLedger(n), inCommit: trouble}, options(), nothing)
		})
		t.Run(name+" in Acknowledge", func(t *testing.T) {
			check(t, &trickle{ledger: newLedger(n), inAcknowledge: trouble}, options(), nothing)
		})
	}

	t.Run("the pipeline is restarted", func(t *testing.T) {
		o := options()
		o.Budget.Restarts = 0
		check(t, &trickle{ledger: newLedger(n)}, o, nothing)
	})

	t.Run("a sibling is restarted", func(t *testing.T) {
		check(t, &trickle{ledger: newLedger(n)}, options(), func(sibling actors.Ref[int]) {
			require.NoError(t, sibling.Tell(t.Context(), 1))
		})
	})
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}

	return all
}

// TestTroubleWithTheLastAcknowledgementHoldsNobodyUp has a source that is told of its last item when it panics: it has
// been told.
func TestTroubleWithTheLastAcknowledgementHoldsNobodyUp(t *testing.T) {
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.InFlight = 1 // there is room for the next only when it is told of the one before
				source := &trickle{ledger: newLedger(3), inAcknowledge: trouble}
				p := pipeline.New("p", o)
				sink := &list[int]{}
				pipeline.To(pipeline.From[int](p, "numbers", source), "sink", sink, pipeline.Stage{})

				sys := start(t, p)
				require.NoError(t, p.Wait(t.Context()))
				stop(t, sys)
				assert.Equal(t, upTo(3), sink.all())
				source.check(t, 3)
			})
		})
	}
}

// TestASourceIsClosedAlsoIfItPanicsWhenItIsTold has one that is told of its items as it is closed.
func TestASourceIsClosedAlsoIfItPanicsWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &trickle{ledger: newLedger(1 << 20)}
		p := pipeline.New("p", options())
		out := pipeline.Map(pipeline.From[int](p, "numbers", source), "fails", func(_ context.Context, i int) (int, error) {
			if i == 10 {
				source.mu.Lock()
				source.inCommit = func() error { panic(errOdd) }
				source.fails = map[int]error{source.pulls + 1: errOdd}
				source.mu.Unlock()
			}

			return i, nil
		}, pipeline.Stage{})
		pipeline.To(out, "sink", &list[int]{}, pipeline.Stage{})

		sys := start(t, p)

		<-time.After(time.Second)

		source.mu.Lock()
		assert.Equal(t, 1, source.opened)
		source.mu.Unlock()
		stop(t, sys)
		assert.Zero(t, source.opened)
	})
}

// TestAPipelineThatIsStoppedByItselfRunsEmpty stops a pipeline while the system runs on: its source hears of all of its
// items. If it is stopped at once it does not, but nobody waits for ever.
func TestAPipelineThatIsStoppedByItselfRunsEmpty(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at once %v", atOnce), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newLedger(1 << 30)
				p := pipeline.New("p", options())
				sink := &list[[]int]{}
				in := pipeline.From[int](p, "numbers", numbers{source})
				slow := pipeline.Map(in, "slow", func(_ context.Context, i int) (int, error) {
					<-time.After(time.Millisecond)

					return i, nil
				}, pipeline.Stage{Capacity: 8})
				pipeline.To(pipeline.Batch(slow, "batch", pipeline.BatchSize[int]{Items: 1000}, pipeline.Stage{}), "sink", sink,
					pipeline.Stage{})

				sys := start(t, p)

				<-time.After(100 * time.Millisecond)

				report, err := sys.StopNode(t.Context(), "/app/p", system.StopOptions{AtOnce: atOnce})
				require.NoError(t, err)
				assert.Zero(t, report.Unaccounted)

				waited := p.Wait(t.Context())
				got := slices.Concat(sink.all()...)

				if atOnce {
					require.ErrorIs(t, waited, pipeline.ErrStopped)
					assert.Less(t, len(got), source.next)
				} else {
					require.NoError(t, waited)
					assert.Equal(t, upTo(source.next), got)
					assert.Zero(t, source.check(t, source.next))
					assert.EqualValues(t, source.next, source.done)
				}

				assert.Zero(t, source.opened)
				stop(t, sys)
			})
		})
	}
}

// TestAPipelineThatComesDownForGoodEndsTheWait has pipelines whose budget, and that of the system, does not reach. A
// source that fails before its items are sunk is down when they are, and hears nothing.
func TestAPipelineThatComesDownForGoodEndsTheWait(t *testing.T) {
	for name, c := range map[string]struct {
		restarts     int
		source, slow bool
	}{
		"because of its source":              {restarts: 1, source: true},
		"because of its source, at once":     {restarts: 0, source: true, slow: true},
		"because of its source, after a try": {restarts: 1, source: true, slow: true},
		"because of its sink":                {restarts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newLedger(1000)
				sink := &list[int]{}

				if c.source {
					source.fails = make(map[int]error)
					for i := range 1000 {
						source.fails[i+2] = errOdd
					}
				} else {
					sink.fail = func([]int) error { panic(errOdd) }
				}

				if c.slow {
					sink.fail = func([]int) error { <-time.After(time.Millisecond); return nil }
				}

				o := options()
				o.Budget.Restarts = c.restarts
				p := pipeline.New("p", o)
				pipeline.To(pipeline.From[int](p, "numbers", restful{source}), "sink", sink, pipeline.Stage{Redeliver: 5})

				tree := supervision.Tree{
					Name: "app", Budget: supervision.Budget{Restarts: c.restarts, Within: time.Minute}, Children: supervision.On(p),
				}
				sys, err := system.Start(t.Context(), tree, quiet())
				require.NoError(t, err)

				var gaveUp *supervision.BudgetError
				require.ErrorAs(t, sys.Wait(t.Context()), &gaveUp)
				require.ErrorIs(t, p.Wait(t.Context()), pipeline.ErrStopped)
				assert.Zero(t, sys.Report().Unaccounted)
				assert.Zero(t, source.opened)

				switch {
				case c.source && c.restarts > 0:
					assert.Zero(t, source.check(t, source.next), "all of them were sunk")
					assert.Equal(t, upTo(source.next), sink.all())
				case c.source:
					assert.Zero(t, source.check(t, 0), "nobody could tell it")
					assert.Equal(t, upTo(source.next), sink.all())
				}
			})
		})
	}
}

// restful is a source that hands out nothing, and does not fail, before all others rest: the system has started, and
// what it has handed out is sunk, and it was told, as far as that takes no time.
type restful struct{ *ledger }

func (l restful) Pull(ctx context.Context, items []int) (int, error) {
	synctest.Wait()

	return l.pull(ctx, items)
}

// TestWhatComesFromAnAbandonedPullIsNotLost has a source that hands out items when it is long given up on.
func TestWhatComesFromAnAbandonedPullIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newLedger(1 << 30)
		o := options()
		o.Deadlines.Drain, o.Deadlines.Close = 10*time.Millisecond, 10*time.Millisecond
		p := pipeline.New("p", o)
		sink := &list[int]{}
		pipeline.To(pipeline.From[int](p, "numbers", overdue{source}), "sink", sink, pipeline.Stage{})

		sys := start(t, p)
		report, err := sys.Shutdown(t.Context())
		require.Error(t, err)
		assert.Zero(t, report.Unaccounted)
		require.ErrorIs(t, p.Wait(t.Context()), pipeline.ErrStopped)
		<-time.After(time.Minute)

		letters := sys.DeadLetters().Counts().Map()
		assert.Equal(t, 1, source.next)
		assert.Len(t, letters, 1)
		assert.Empty(t, sink.all())
	})
}

// overdue is a source that hands out one item a second after it was told to end.
type overdue struct{ *ledger }

func (l overdue) Pull(ctx context.Context, items []int) (int, error) {
	<-ctx.Done()
	<-time.After(time.Second)

	if l.next > 0 {
		return 0, eof
	}

	return l.pull(context.WithoutCancel(ctx), items[:1])
}

// liar is a source that says of more, or fewer, items than there can be that it has written them.
type liar struct {
	*ledger

	says int
}

func (l liar) Pull(context.Context, []int) (int, error) { return l.says, nil }

func TestASourceThatMiscountsFails(t *testing.T) {
	for _, says := range []int{-1, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Budget.Restarts = 0
			p := pipeline.New("p", o)
			pipeline.To(pipeline.From[int](p, "numbers", liar{newLedger(1), says}), "sink", &list[int]{}, pipeline.Stage{})

			err := system.Run(t.Context(), supervision.Tree{
				Name: "app", Budget: supervision.Budget{Restarts: 1, Within: time.Minute}, Children: supervision.On(p),
			}, quiet())
			require.ErrorContains(t, err, fmt.Sprintf("/app/p/numbers: Pull has returned %d items, must be from 0 to ", says))
		})
	}
}
