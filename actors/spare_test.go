package actors_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// An actor that has had no message keeps no runner between turns. Whatever the first thing is that happens to it, it
// goes on as what it was.
func TestAnActorWithoutMessagesIsWhatItWas(t *testing.T) {
	bubble(t, "it tells its health, again and again, and stops in order", func(t *testing.T) {
		var d diary

		p := recorded(t, &d)
		p.health = func() error { return errTest }
		s := play(t, p)

		for range 3 {
			health := s.Health(t.Context())
			require.ErrorIs(t, health.Children[0].Degraded, errTest)
		}

		s.stop(t)
		assert.Equal(t, []string{"factory", "start", "flush", "close"}, d.read())
	})

	bubble(t, "it handles its first messages, and starts anew when one fails", func(t *testing.T) {
		var d diary

		s := play(t, recorded(t, &d))
		tell(t, s.ref(), []job{nothing, fail, nothing}...)
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, []string{
			"factory", "start", "receive", "receive", "close", "factory", "start", "receive", "flush", "close",
		}, d.read())
	})

	bubble(t, "one whose goroutine fails is restarted, and one that does not return is abandoned", func(t *testing.T) {
		starts := 0

		s := play(t, &part{
			spec: supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Second}},
			start: func(ctx *actors.Context[job]) error {
				starts++

				switch starts {
				case 1:
					return ctx.Go(func(context.Context) error {
						<-time.After(time.Second)

						return errTest
					})
				case 2:
					return ctx.Go(func(context.Context) error {
						<-time.After(time.Second) // and then it hangs, whatever its context says
						<-time.After(time.Hour)

						return nil
					})
				default:
					return nil
				}
			},
		})
		<-time.After(1500 * time.Millisecond)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		tell(t, s.ref(), fail)
		<-time.After(2 * time.Second)
		assert.Equal(t, uint64(3), incarnation(t, s.ref()))
		<-time.After(2 * time.Hour)

		r := s.stop(t)
		assert.Equal(t, 1, r.Actors[0].EverAbandoned)
		assert.Empty(t, r.Actors[0].Abandoned)
	})
}

// What an actor without messages has asked for comes, whether it had a runner when it asked or not.
func TestAnActorWithoutMessagesGetsWhatItAskedFor(t *testing.T) {
	for what, test := range map[string]struct {
		ask  func(ctx *actors.Context[job], l *log) error
		want []string
	}{
		"timer": {func(ctx *actors.Context[job], l *log) error {
			_, err := ctx.Every(time.Second, l.entry("tick"))

			return err
		}, []string{"tick 1s", "tick 2s", "tick 3s"}},
		"idle timeout": {func(ctx *actors.Context[job], l *log) error {
			return ctx.SetIdleTimeout(time.Second, l.entry("idle"))
		}, []string{"idle 1s", "idle 2s", "idle 3s"}},
		"behaviour": {func(ctx *actors.Context[job], l *log) error {
			return ctx.Become(func(ctx *actors.Context[job], _ job) error { return l.entry("behaves")(ctx) })
		}, []string{"behaves 3s"}},
	} {
		for _, asleep := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, asleep: %v", what, asleep), func(t *testing.T) {
				var kept *actors.Context[job]

				l := newLog()
				s := play(t, &part{
					health: func() error { return errTest },
					start: func(ctx *actors.Context[job]) error {
						if kept = ctx; asleep {
							return nil
						}

						return test.ask(ctx, l)
					},
				})
				synctest.Wait()

				if asleep {
					require.NoError(t, test.ask(kept, l), "the context is good on any goroutine")
				}

				for range 3 {
					require.ErrorIs(t, s.Health(t.Context()).Children[0].Degraded, errTest, "the hooks stay the actor's")
					pass(time.Second)
				}

				if what == "behaviour" {
					tell(t, s.ref(), fail)
				}

				synctest.Wait()
				assert.Equal(t, test.want, l.read())
			})
		}
	}
}

func TestAnIdleTimeoutSetWithoutMessagesOutlivesTheFirst(t *testing.T) {
	bubble(t, "it counts anew from there", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{start: func(ctx *actors.Context[job]) error {
			return ctx.SetIdleTimeout(time.Second, l.entry("idle"))
		}})
		pass(time.Second / 2)
		tell(t, s.ref(), nothing)
		pass(2 * time.Second)
		assert.Equal(t, []string{"idle 1.5s", "idle 2.5s"}, l.read())
	})
}

func TestAnActorWithoutMessagesIsToldOfAnEnd(t *testing.T) {
	bubble(t, "it has asked for asleep", func(t *testing.T) {
		var (
			e    ends
			kept *actors.Context[job]
		)

		s := play(t, &part{start: func(ctx *actors.Context[job]) error { kept = ctx; return nil }},
			&part{name: "other", spec: supervision.Spec{Restart: supervision.Temporary}})
		synctest.Wait()
		require.NoError(t, watches(t, s.refs["other"], &e)(kept))
		synctest.Wait()
		tell(t, s.refs["other"], fail)
		synctest.Wait()

		told := e.read()
		require.Len(t, told, 1)
		assert.Equal(t, actors.ReasonFailed, told[0].Reason)
	})
}
