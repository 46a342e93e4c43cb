package actors_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

func TestATickIsHandledOrCancelled(t *testing.T) {
	const rounds = 300

	s := play(t, &part{})

	for range rounds {
		var (
			handled atomic.Int32
			timer   *actors.Timer[job]
		)

		perform(t, s.ref(), after(t, time.Microsecond, func(*actors.Context[job]) error {
			handled.Add(1)

			return nil
		}, &timer))

		cancelled := timer.Cancel()

		perform(t, s.ref(), nothing) // what has begun is over
		require.Equal(t, !cancelled, handled.Load() == 1)
		require.False(t, timer.Cancel())
	}
}

func TestCancelOfATickInHand(t *testing.T) {
	for name, c := range map[string]struct {
		cancel func(ctx *actors.Context[job], t *actors.Timer[job], other actors.Ref[job]) bool
		want   bool
	}{
		"by Receive is in time for those that would follow": {
			func(_ *actors.Context[job], timer *actors.Timer[job], _ actors.Ref[job]) bool { return timer.Cancel() }, true,
		},
		"by a goroutine of the actor is too late": {
			func(ctx *actors.Context[job], timer *actors.Timer[job], _ actors.Ref[job]) bool {
				told := make(chan bool)

				_ = ctx.Go(func(context.Context) error { told <- timer.Cancel(); return nil })

				return <-told
			}, false,
		},
		"by another actor is too late": {
			func(ctx *actors.Context[job], timer *actors.Timer[job], other actors.Ref[job]) bool {
				told := make(chan bool, 1)
				_ = other.Tell(ctx, func(*actors.Context[job]) error { told <- timer.Cancel(); return nil })

				return <-told
			}, false,
		},
		"by anybody else is too late": {
			func(_ *actors.Context[job], timer *actors.Timer[job], _ actors.Ref[job]) bool {
				told := make(chan bool)

				go func() { told <- timer.Cancel() }()

				return <-told
			}, false,
		},
	} {
		bubble(t, name, func(t *testing.T) {
			l := newLog()
			s := play(t, &part{}, &part{name: "other"})

			var timer *actors.Timer[job]

			perform(t, s.ref(), every(t, time.Second, func(ctx *actors.Context[job]) error {
				l.note(fmt.Sprint("tick, cancelled ", c.cancel(ctx, timer, s.refs["other"])))

				return nil
			}, &timer))
			pass(time.Hour)
			assert.Equal(t, []string{fmt.Sprint("tick, cancelled ", c.want)}, l.read(), "it is the last one")
			assert.False(t, timer.Cancel())
			s.stop(t)
		})
	}

	end := func(how job) func(t *testing.T) {
		return func(t *testing.T) {
			t.Helper()

			s := play(t, &part{spec: supervision.Spec{
				Decide: func(error) supervision.Directive { return supervision.ResumeChild },
			}})

			var timer *actors.Timer[job]

			perform(t, s.ref(), every(t, time.Second, how, &timer))
			pass(time.Second)
			assert.True(t, timer.Cancel())
			s.stop(t)
		}
	}

	bubble(t, "is in time when Receive has returned", end(nothing))
	bubble(t, "is in time when Receive has failed", end(fail))
	bubble(t, "is in time when Receive has panicked", end(panicker))
	bubble(t, "is in time when Receive has ended its goroutine", end(func(*actors.Context[job]) error {
		runtime.Goexit()

		return nil
	}))
}

// What Cancel promises it keeps, also when it comes between the runner that takes a tick and Receive.
func TestATickIsHandledOrCancelledInTime(t *testing.T) {
	const rounds = 300

	s := play(t, &part{})

	for range rounds {
		var (
			handled atomic.Int32
			timer   *actors.Timer[job]
		)

		perform(t, s.ref(), every(t, time.Microsecond, func(*actors.Context[job]) error {
			runtime.Gosched() // so that Cancel comes between more often
			handled.Add(1)

			return nil
		}, &timer))

		inTime := timer.Cancel()
		then := handled.Load()

		perform(t, s.ref(), nothing) // what has begun is over

		if now := handled.Load(); inTime {
			require.Equal(t, then, now)
		} else {
			require.LessOrEqual(t, now-then, int32(1))
		}
	}
}
