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
	"github.com/troupe-go/troupe/supervision"
)

// idles returns a job that sets an idle timeout of a second, which must succeed.
func idles(tb testing.TB, m job) job {
	tb.Helper()

	return func(ctx *actors.Context[job]) error {
		require.NoError(tb, ctx.SetIdleTimeout(time.Second, m))

		return nil
	}
}

func TestIdleTimeout(t *testing.T) {
	for name, spec := range map[string]supervision.Spec{
		"on demand": {}, "dedicated": {Mailbox: &mailbox.Options{Capacity: 9, Dispatch: mailbox.Dedicated}},
		"synchronous": {Mailbox: &mailbox.Options{Capacity: 9, Dispatch: mailbox.Synchronous}},
	} {
		bubble(t, "comes d after the last message, exactly, and again every d: "+name, func(t *testing.T) {
			l := newLog()
			s := play(t, &part{spec: spec})
			perform(t, s.ref(), idles(t, l.entry("idle")))

			for range 5 { // never idle for a second
				pass(time.Second - 1)
				tell(t, s.ref(), nothing)
			}

			pass(time.Second - 1)
			assert.Empty(t, l.read())
			pass(1)
			assert.Equal(t, []string{"idle 5.999999995s"}, l.read())
			pass(2 * time.Second)
			assert.Equal(t, []string{"idle 6.999999995s", "idle 7.999999995s"}, l.read())
			s.stop(t)
		})
	}

	bubble(t, "is not late when the last message was handled just before the clock is looked at", func(t *testing.T) {
		for _, at := range []time.Duration{1, time.Millisecond, time.Second / 2, time.Second - 1} {
			l := newLog()
			s := play(t, &part{})
			perform(t, s.ref(), idles(t, l.entry("idle")))
			pass(at)
			tell(t, s.ref(), nothing)
			pass(time.Second - 1)
			assert.Empty(t, l.read())
			pass(1)
			assert.Equal(t, []string{"idle " + (at + time.Second).String()}, l.read())
			s.stop(t)
		}
	})

	bubble(t, "does not come if a message was handled between the end of the time and its turn", func(t *testing.T) {
		var self *actors.Context[job]

		l := newLog()
		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			self = ctx

			return idles(t, l.entry("idle"))(ctx)
		})
		synctest.Wait()

		fire, tells := actors.IdleClock(self)

		pass(time.Second)
		fire()
		perform(t, s.ref(), nothing)
		synctest.Wait()
		tells()
		synctest.Wait()
		assert.Empty(t, l.read())
		pass(time.Second - 1)
		assert.Empty(t, l.read())
		pass(1)
		assert.Equal(t, []string{"idle 2s"}, l.read())
		s.stop(t)
	})

	bubble(t, "an actor that is busy is not idle, and begins to be when it has nothing to do", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})
		tell(t, s.ref(), idles(t, l.entry("idle")), lasts(3300*time.Millisecond), lasts(time.Second+1))
		pass(5300 * time.Millisecond)
		assert.Empty(t, l.read())
		pass(1)
		assert.Equal(t, []string{"idle 5.300000001s"}, l.read())
	})

	bubble(t, "one set in Start counts from there", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{start: func(ctx *actors.Context[job]) error {
			return ctx.SetIdleTimeout(time.Second, l.entry("idle"))
		}})
		pass(time.Second - 1)
		assert.Empty(t, l.read())
		pass(1)
		assert.Equal(t, []string{"idle 1s"}, l.read())
		s.stop(t)
	})

	bubble(t, "ticks count, looking after the actor's health does not", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})
		perform(t, s.ref(), after(t, time.Second/2, nothing, nil))
		perform(t, s.ref(), idles(t, l.entry("idle")))
		pass(time.Second)
		s.Health(t.Context())
		pass(time.Second)
		assert.Equal(t, []string{"idle 1.5s"}, l.read())
	})

	bubble(t, "what is due before it ends the idle time", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{health: func() error {
			<-time.After(2 * time.Second) // counts for nothing, and holds up what is due

			return nil
		}})
		perform(t, s.ref(), after(t, time.Second/2, l.entry("tick"), nil))
		perform(t, s.ref(), idles(t, l.entry("idle")))
		s.Health(t.Context())
		pass(time.Second - 1)
		assert.Equal(t, []string{"tick 2s"}, l.read(), "the idle time was over at 1s, and the tick due before")
		pass(1)
		assert.Equal(t, []string{"idle 3s"}, l.read())
		s.stop(t)
	})

	bubble(t, "can be changed and turned off, also from a goroutine of the actor", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})

		var actx *actors.Context[job]

		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			actx = ctx

			return ctx.SetIdleTimeout(time.Second, l.entry("first"))
		})
		pass(time.Second / 2)
		require.NoError(t, actx.SetIdleTimeout(time.Second, l.entry("second")))
		pass(time.Second - 1)
		assert.Empty(t, l.read())
		pass(1)
		assert.Equal(t, []string{"second 1.5s"}, l.read())
		require.NoError(t, actx.SetIdleTimeout(0, nil))
		require.NoError(t, actx.SetIdleTimeout(0, nil))
		pass(time.Hour)
		assert.Empty(t, l.read())
	})

	bubble(t, "ends with the incarnation and when the actor begins to work off its queue", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})

		var left *actors.Context[job]

		perform(t, s.ref(), idles(t, l.entry("idle")))
		tell(t, s.ref(), func(ctx *actors.Context[job]) error { left = ctx; return fail(ctx) })
		pass(time.Hour)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		require.ErrorIs(t, left.SetIdleTimeout(1, nothing), actors.ErrNotRunning)

		perform(t, s.ref(), idles(t, l.entry("idle")))
		tell(t, s.ref(), pipes(t, &diary{}, func(context.Context) (string, error) {
			<-time.After(2 * time.Second) // the queue is not worked off before

			return "", nil
		}))
		synctest.Wait()
		s.stop(t)
		assert.Empty(t, l.read())
	})

	bubble(t, "a negative one is an error", func(t *testing.T) {
		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			err := ctx.SetIdleTimeout(-1, nothing)
			require.ErrorIs(t, err, actors.ErrDuration)
			assert.ErrorContains(t, err, "/stage/actor")

			return nil
		})
	})
}
