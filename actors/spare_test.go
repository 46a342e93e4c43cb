package actors_test

import (
	"context"
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
