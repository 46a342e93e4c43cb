package actors_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
)

func TestMessagesFromTheStashCountAsTaken(t *testing.T) {
	bubble(t, "one that is brought back while the actor is at rest ends the idle time", func(t *testing.T) {
		l := newLog()
		d := &door{shut: true}
		s := play(t, &part{})

		tell(t, s.ref(), d.job("1"), idles(t, l.entry("idle")), func(ctx *actors.Context[job]) error {
			return ctx.Go(func(context.Context) error {
				<-time.After(600 * time.Millisecond)

				d.shut = false
				ctx.Unstash()

				return nil
			})
		})
		pass(1500 * time.Millisecond)
		assert.Equal(t, []string{"1"}, d.read())
		assert.Empty(t, l.read())
		pass(100 * time.Millisecond)
		assert.Equal(t, []string{"idle 1.6s"}, l.read())
	})

	bubble(t, "between two rounds of ticks one of them has its turn, not all", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})

		tell(t, s.ref(), d.job("1"), d.job("2"), d.job("3"))
		perform(t, s.ref(), after(t, time.Millisecond, func(ctx *actors.Context[job]) error {
			require.NoError(t, d.open(ctx))

			_, err := ctx.After(time.Millisecond, func(*actors.Context[job]) error { d.note("tick"); return nil })
			pass(2 * time.Millisecond)

			return err
		}, nil))
		pass(time.Second)
		assert.Equal(t, []string{"open, 3 back", "1", "tick", "2", "3"}, d.read())
	})
}

// A turn that ran on a goroutine of the actor's own would wait for that goroutine at the end of the incarnation.
func TestSynchronousDispatchOnAnActorsOwnGoroutine(t *testing.T) {
	for name, start := range map[string]func(ctx *actors.Context[job], m job) error{
		"a pipe": func(ctx *actors.Context[job], m job) error {
			return actors.Pipe(ctx, func(context.Context) (int, error) { return 0, nil },
				func(int, error) job { return m })
		},
		"a goroutine that tells": func(ctx *actors.Context[job], m job) error {
			return ctx.Go(func(c context.Context) error { return ctx.Self().Tell(c, m) })
		},
		"a goroutine that tells with a context of its own": func(ctx *actors.Context[job], m job) error {
			return ctx.Go(func(c context.Context) error {
				c, cancel := context.WithCancel(c)
				defer cancel()

				return ctx.Self().Tell(c, m)
			})
		},
	} {
		bubble(t, name, func(t *testing.T) {
			spec := dispatched(mailbox.Synchronous)
			spec.Decide = nil
			s := play(t, &part{spec: spec})

			perform(t, s.ref(), func(ctx *actors.Context[job]) error { return start(ctx, fail) })
			synctest.Wait()
			pass(time.Second)
			assert.Equal(t, uint64(2), s.current(t).Incarnation)
			assert.Equal(t, uint64(1), s.stats().Failed)
			perform(t, s.ref(), nothing)
		})
	}
}
