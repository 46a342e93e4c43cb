package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
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
			o := options()
			o.Deadlines = supervision.Deadlines{Drain: 50 * time.Millisecond}
			p := pipeline.New("p", o)
			source := newLedger(1)
			entered := make(chan struct{})

			many := pipeline.FlatMap(pipeline.From(p, "source", numbers{source}), "many",
				func(_ context.Context, _ int, emit func(int)) error {
					for i := range most {
						emit(i)
					}

					return nil
				}, pipeline.Stage{})
			pipeline.ToFunc(split(many), "slow", func(ctx context.Context, _ int) error {
				close(entered)
				<-ctx.Done()

				return ctx.Err()
			}, pipeline.Stage{Capacity: 1})

			sys := start(t, p)
			<-entered

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
	}
}
