package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// TestWhatAStopHasNoTimeForIsInTheDeadLetters has results in the hand of a stage whose next stage is full, when the
// time to drain is over: each is a dead letter of the stage that it was on its way to.
func TestWhatAStopHasNoTimeForIsInTheDeadLetters(t *testing.T) {
	const most = 10

	for name, split := range map[string]func(f pipeline.Flow[int]) pipeline.Flow[int]{
		"to a stage": func(f pipeline.Flow[int]) pipeline.Flow[int] { return f },
		"to a zip": func(f pipeline.Flow[int]) pipeline.Flow[int] {
			both := pipeline.Broadcast(f, "both", 2, pipeline.Stage{Capacity: 1})

			return pipeline.Zip(both[0], both[1], "zip", func(_ context.Context, a, _ int) (int, error) { return a, nil },
				pipeline.Stage{Capacity: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Deadlines = supervision.Deadlines{Drain: 50 * time.Millisecond}
				p := pipeline.New("p", o)
				source := newLedger(1)

				many := pipeline.FlatMap(pipeline.From(p, "source", numbers{source}), "many",
					func(_ context.Context, _ int, emit func(int)) error {
						for i := range most {
							emit(i)
						}

						return nil
					}, pipeline.Stage{})
				pipeline.ToFunc(split(many), "slow", func(ctx context.Context, _ int) error {
					<-ctx.Done()

					return ctx.Err()
				}, pipeline.Stage{Capacity: 1})

				sys := start(t, p)

				synctest.Wait()

				r, _ := sys.Shutdown(context.WithoutCancel(t.Context())) // it says that there was no time
				require.Zero(t, r.Unaccounted, "%v", r)
				require.Equal(t, 1, source.check(t, 1))

				var values []int

				for l := range sys.DeadLetters().All(system.Filter{}) {
					switch v := l.Message.(type) {
					case int:
						values = append(values, v)
					case pipeline.Pair[int, int]:
						values = append(values, v.Left, v.Right)
					}
				}

				slices.Sort(values)
				require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, slices.Compact(values))
			})
		})
	}
}

// TestWhatCouldNotBeDivertedIsADeadLetterOfTheSide has failed items in the hand of a stage, whose side is full, when
// the time to drain is over.
func TestWhatCouldNotBeDivertedIsADeadLetterOfTheSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Deadlines.Drain = time.Second
		source := newLedger(20)
		p := pipeline.New("p", o)
		side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{Capacity: 1})
		pipeline.ToFunc(failed, "slow", func(ctx context.Context, _ pipeline.Failure[int]) error {
			<-ctx.Done()

			return ctx.Err()
		}, pipeline.Stage{Capacity: 1})
		pipeline.ToFunc(pipeline.From[int](p, "numbers", numbers{source}), "parse",
			func(context.Context, int) error { return errOdd }, pipeline.Stage{Failed: side.Policy()})

		sys := start(t, p)

		synctest.Wait()

		r, _ := sys.Shutdown(context.WithoutCancel(t.Context())) // it says that there was no time
		require.Zero(t, r.Unaccounted, "%v", r)
		require.Equal(t, 20, source.check(t, 20))
		require.Len(t, sys.DeadLetters().Letters(), 20)

		for l := range sys.DeadLetters().All(system.Filter{Target: "/app/p/failed"}) {
			require.IsType(t, pipeline.Failure[int]{}, l.Message)
		}
	})
}

// TestWhatASourceCouldNotSendOnIsADeadLetterOfTheNextStage has items in the hand of a source when the time to drain is
// over. A source takes no messages, so letters of its own could not be replayed.
func TestWhatASourceCouldNotSendOnIsADeadLetterOfTheNextStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Deadlines.Drain = time.Second
		p := pipeline.New("p", o)
		source := newLedger(100)
		pipeline.ToFunc(pipeline.From(p, "source", numbers{source}), "slow", func(ctx context.Context, _ int) error {
			<-ctx.Done()

			return ctx.Err()
		}, pipeline.Stage{Capacity: 3})

		sys := start(t, p)

		synctest.Wait() // one is in work, three wait, and three are in the source's hand

		r, _ := sys.Shutdown(context.WithoutCancel(t.Context())) // it says that there was no time
		require.Zero(t, r.Unaccounted, "%v", r)
		require.Equal(t, source.next, source.check(t, source.next))

		letters := sys.DeadLetters().Letters()
		require.Len(t, letters, source.next)

		for _, l := range letters {
			require.Equal(t, "/app/p/slow", l.Target)
			require.IsType(t, 0, l.Message)
		}
	})
}

// TestWhatGoesToAStageThatHasEndedIsADeadLetter stops the last stage of a pipeline for good, and the side of another.
func TestWhatGoesToAStageThatHasEndedIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, good, bad := make(chan int), &list[int]{}, &list[pipeline.Failure[int]]{}
		p := pipeline.New("p", options())
		side, failed := pipeline.NewSide[int](p, "failed", pipeline.Stage{})
		pipeline.To(failed, "bad", bad, pipeline.Stage{})

		flow := pipeline.Map(pipeline.From(p, "items", pipeline.Chan(items)), "parse", oddFails,
			pipeline.Stage{Failed: side.Policy()})
		pipeline.To(flow, "good", good, pipeline.Stage{})

		sys := start(t, p)
		items <- 1
		items <- 2

		synctest.Wait()

		for _, stage := range []string{"failed", "good"} {
			pid, found := sys.PID("/app/p/" + stage)
			require.True(t, found)
			sys.Protoactor().Root.Stop(pid)
		}

		synctest.Wait()
		items <- 3
		items <- 4

		synctest.Wait()

		letters := sys.DeadLetters().Letters()
		require.Len(t, letters, 2)

		for i, want := range []struct {
			target string
			item   any
		}{{"/app/p/failed", 3}, {"/app/p/good", 4}} {
			message := letters[i].Message
			if f, is := message.(pipeline.Failure[int]); is {
				message = f.Item
			}

			require.Equal(t, want.target, letters[i].Target)
			require.Equal(t, want.item, message)
			require.Equal(t, mailbox.Stopped, letters[i].Reason)
			require.ErrorIs(t, letters[i].Cause, pipeline.ErrStopped)
		}

		close(items)
		require.ErrorIs(t, p.Wait(t.Context()), pipeline.ErrStopped)
		stop(t, sys)
		require.Len(t, bad.all(), 1)
		require.Equal(t, []int{2}, good.all())
	})
}

// leisurely is a sink whose Write returns a while after its context has ended, with an error if it heeds that.
type leisurely struct {
	list[int]

	heeds, writing, overlaps bool
}

func (s *leisurely) Write(ctx context.Context, items []int) error {
	s.writing = true
	defer func() { s.writing = false }()

	<-ctx.Done()
	<-time.After(5 * time.Millisecond)

	if s.heeds {
		return ctx.Err()
	}

	return s.list.Write(context.WithoutCancel(ctx), items)
}

func (s *leisurely) Close(ctx context.Context) error {
	s.overlaps = s.overlaps || s.writing

	return s.list.Close(ctx)
}

// TestAFunctionThatReturnsBehindTheCutIsWaitedFor ends the drain of a sink while it writes: it is not closed meanwhile,
// and its source hears what has become of what it wrote.
func TestAFunctionThatReturnsBehindTheCutIsWaitedFor(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, sys *system.System){
		"at its deadline": func(ctx context.Context, sys *system.System) { _, _ = sys.Shutdown(ctx) },
		"forced":          func(ctx context.Context, sys *system.System) { sys.Force(); _ = sys.Wait(ctx) },
		"of a part": func(ctx context.Context, sys *system.System) {
			_, _ = sys.StopNode(ctx, "/app/p", system.StopOptions{})
			_, _ = sys.Shutdown(ctx)
		},
	} {
		for _, heeds := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, heeds %v", name, heeds), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					source := newLedger(100)
					sink := &leisurely{heeds: heeds}
					p := pipeline.New("p", options())
					pipeline.To[int](pipeline.From[int](p, "numbers", numbers{source}), "sink", sink,
						pipeline.Stage{Capacity: 8})

					sys := start(t, p)

					synctest.Wait()
					end(context.WithoutCancel(t.Context()), sys)
					assert.False(t, sink.overlaps)
					assert.Zero(t, sys.DeadLetters().Counts()[mailbox.Abandoned])

					if name != "of a part" { // there the time of the source is over before that of the sink begins
						assert.Equal(t, source.next-len(sink.all()), source.check(t, source.next))
					}
				})
			})
		}
	}
}
