package actors_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// becomes returns a job that changes the behaviour to one that notes name for every message, and then does it.
func becomes(tb testing.TB, d *diary, name string) job {
	tb.Helper()

	return func(ctx *actors.Context[job]) error {
		require.NoError(tb, ctx.Become(func(ctx *actors.Context[job], m job) error {
			d.note(name)

			return m(ctx)
		}))

		return nil
	}
}

func TestBecome(t *testing.T) {
	unbecome := func(ctx *actors.Context[job]) error { return ctx.Unbecome() }

	bubble(t, "handles the messages that follow, until the next change", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		tell(t, s.ref(), unbecome, becomes(t, &d, "one"), nothing, becomes(t, &d, "two"))
		tell(t, s.ref(), nothing)
		tell(t, s.ref(), nothing, unbecome)
		tell(t, s.ref(), nothing, becomes(t, &d, "three"), unbecome)
		synctest.Wait()
		assert.Equal(t, []string{"one", "one", "two", "two", "two", "three"}, d.read())
		assert.Equal(t, uint64(10), s.stop(t).Total.Processed)
	})

	bubble(t, "the last of several changes by one message counts", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			_, _, _ = becomes(t, &d, "one")(ctx), ctx.Unbecome(), becomes(t, &d, "two")(ctx)

			return nil
		}, nothing)
		synctest.Wait()
		assert.Equal(t, []string{"two"}, d.read())
	})

	bubble(t, "set in Start it gets the first message, and ticks too; the hooks stay the actor's", func(t *testing.T) {
		var d diary

		s := play(t, &part{
			start:  func(ctx *actors.Context[job]) error { return becomes(t, &d, "one")(ctx) },
			flush:  func(context.Context) error { d.note("flush"); return nil },
			close:  func(context.Context) error { d.note("close"); return nil },
			health: func() error { d.note("health"); return nil },
		})
		perform(t, s.ref(), after(t, time.Second, nothing, nil))
		pass(time.Second)
		s.Health(t.Context())
		s.stop(t)
		assert.Equal(t, []string{"one", "one", "health", "flush", "close"}, d.read())
	})

	bubble(t, "a restart ends it, a failure that is resumed does not", func(t *testing.T) {
		var d diary

		directive := supervision.ResumeChild
		s := play(t, &part{
			close: func(context.Context) error { d.note("close"); return nil },
			spec:  supervision.Spec{Decide: func(error) supervision.Directive { return directive }},
		})
		tell(t, s.ref(), becomes(t, &d, "one"), fail, panicker, nothing)
		synctest.Wait()
		assert.Equal(t, []string{"one", "one", "one"}, d.read())

		directive = supervision.RestartChild

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			_ = becomes(t, &d, "two")(ctx)

			return errTest
		}, nothing)
		synctest.Wait()
		assert.Equal(t, []string{"one", "close"}, d.read())
	})

	bubble(t, "works while the queue is worked off", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		held, release := hold()
		tell(t, s.ref(), held, becomes(t, &d, "one"), nothing, unbecome)
		tell(t, s.ref(), nothing)
		synctest.Wait()
		s.Stop()
		release()
		<-s.Done()
		assert.Equal(t, []string{"one", "one"}, d.read())
	})

	bubble(t, "bad input is an error", func(t *testing.T) {
		s := play(t, &part{})

		var left *actors.Context[job]

		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			left = ctx
			require.ErrorIs(t, ctx.Become(nil), actors.ErrNilFunc)

			return nil
		})
		tell(t, s.ref(), fail)
		synctest.Wait()
		require.ErrorIs(t, left.Become(func(*actors.Context[job], job) error { return nil }), actors.ErrNotRunning)
		require.ErrorIs(t, left.Unbecome(), actors.ErrNotRunning)
	})

	t.Run("is safe from goroutines of the actor", func(t *testing.T) {
		s := play(t, &part{})
		done := make(chan struct{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			return ctx.Go(func(context.Context) error {
				defer close(done)

				for range 1000 {
					_ = becomes(t, &diary{}, "one")(ctx)
					_ = ctx.Unbecome()
				}

				return nil
			})
		})

		for range 1000 {
			tell(t, s.ref(), nothing)
		}

		<-done
	})
}

// counter is an actor of any message, which is one that opens envelopes.
type counter struct {
	start func(ctx *actors.Context[any]) error
}

func (c *counter) Receive(*actors.Context[any], any) error { return nil }
func (c *counter) Start(ctx *actors.Context[any]) error    { return c.start(ctx) }

func TestABehaviourCostsATickNothing(t *testing.T) {
	const ticks = 100

	cost := func(t *testing.T, become bool) float64 {
		t.Helper()

		handled := 0
		behaviour := func(*actors.Context[any], any) error { //nolint:unparam // that is its type
			handled++

			return nil
		}
		child := supervision.Actor("actor", func(supervision.Deps) (*counter, error) {
			return &counter{func(ctx *actors.Context[any]) error {
				if become {
					require.NoError(t, ctx.Become(behaviour))
				}

				_, err := ctx.Every(time.Millisecond, "tick")

				return err
			}}, nil
		}, supervision.Spec{})

		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "stage", Budget: supervision.Budget{Restarts: 1, Within: time.Hour}, Children: supervision.On(child),
		}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}})
		require.NoError(t, err)

		s := &stage{System: sys}
		defer s.stop(t)

		allocations := testing.AllocsPerRun(ticks, func() { pass(time.Millisecond) })
		if become {
			assert.Equal(t, ticks+1, handled)
		}

		return allocations
	}

	bubble(t, "not an allocation more than the actor's own Receive", func(t *testing.T) {
		assert.InDelta(t, cost(t, false), cost(t, true), 0.5)
	})
}
