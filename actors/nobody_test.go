package actors_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
)

// answersOfNobody are what the methods of a context of no actor answer, by name.
func answersOfNobody(t *testing.T, ref actors.Ref[job]) map[string]func(t *testing.T, c *actors.Context[job]) {
	t.Helper()

	notRunning := func(f func(c *actors.Context[job]) error) func(*testing.T, *actors.Context[job]) {
		return func(t *testing.T, c *actors.Context[job]) {
			t.Helper()
			require.ErrorIs(t, f(c), actors.ErrNotRunning)
		}
	}

	return map[string]func(t *testing.T, c *actors.Context[job]){
		"Deadline": func(t *testing.T, c *actors.Context[job]) {
			t.Helper()

			_, ok := c.Deadline()
			assert.False(t, ok)
		},
		"Done": func(t *testing.T, c *actors.Context[job]) { t.Helper(); <-c.Done() },
		"Err":  func(t *testing.T, c *actors.Context[job]) { t.Helper(); require.ErrorIs(t, c.Err(), context.Canceled) },
		"Value": func(t *testing.T, c *actors.Context[job]) {
			t.Helper()
			assert.Nil(t, c.Value("key"))
			assert.Equal(t, context.Canceled, context.Cause(c))

			derived, cancel := context.WithCancel(c)
			defer cancel()

			<-derived.Done()
		},
		"Self":        func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Zero(t, c.Self()) },
		"Path":        func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Empty(t, c.Path()) },
		"PID":         func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Nil(t, c.PID()) },
		"Incarnation": func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Zero(t, c.Incarnation()) },
		"Stop":        func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.NotPanics(t, c.Stop) },
		"Unstash":     func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Zero(t, c.Unstash()) },
		"Attempt":     func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.Zero(t, c.Attempt()) },
		"Stash":       notRunning((*actors.Context[job]).Stash),
		"Unbecome":    notRunning((*actors.Context[job]).Unbecome),
		"Become": notRunning(func(c *actors.Context[job]) error {
			return c.Become(func(*actors.Context[job], job) error { return nil })
		}),
		"Go": notRunning(func(c *actors.Context[job]) error {
			return c.Go(func(context.Context) error { panic("started") })
		}),
		"After":          notRunning(func(c *actors.Context[job]) error { _, err := c.After(1, nothing); return err }),
		"Every":          notRunning(func(c *actors.Context[job]) error { _, err := c.Every(1, nothing); return err }),
		"SetIdleTimeout": notRunning(func(c *actors.Context[job]) error { return c.SetIdleTimeout(1, nothing) }),

		// These are functions, because they need a type parameter or are about another actor.
		"func Pipe": notRunning(func(c *actors.Context[job]) error {
			return actors.Pipe(c, func(context.Context) (int, error) { panic("started") },
				func(int, error) job { return nothing })
		}),
		"func Watch": notRunning(func(c *actors.Context[job]) error { return actors.Watch(c, ref, new(ends).message) }),
		"func WatchPID": notRunning(func(c *actors.Context[job]) error {
			return actors.WatchPID(c, ref.PID(), new(ends).message)
		}),
		"func Unwatch": func(t *testing.T, c *actors.Context[job]) { t.Helper(); assert.False(t, actors.Unwatch(c, ref)) },
		"func UnwatchPID": func(t *testing.T, c *actors.Context[job]) {
			t.Helper()
			assert.False(t, actors.UnwatchPID(c, ref.PID()))
		},
		"func Ask": func(t *testing.T, c *actors.Context[job]) {
			t.Helper()

			_, err := actors.Ask(c, ref, func(actors.Reply[int]) job { return fail })
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, ref.Tell(c, fail), context.Canceled)
		},
	}
}

// Contexts come from the framework, but their type is exported: nil and the zero value have documented answers.
func TestTheContextOfNoActorHasEnded(t *testing.T) {
	bubble(t, "and says so in every method", func(t *testing.T) {
		s := play(t, &part{})
		answers := answersOfNobody(t, s.ref())

		for m := range reflect.TypeFor[*actors.Context[job]]().Methods() {
			assert.Contains(t, answers, m.Name, "a method that this test forgets")
		}

		for _, name := range slices.Sorted(maps.Keys(answers)) {
			for kind, c := range map[string]*actors.Context[job]{"nil": nil, "zero": new(actors.Context[job])} {
				assert.NotPanics(t, func() { answers[name](t, c) }, "%s of a %s context", name, kind)
			}
		}

		none := new(actors.Context[job])
		require.ErrorIs(t, actors.Watch(none, actors.Ref[job]{}, new(ends).message), actors.ErrNoRef)
		assert.False(t, actors.Unwatch(none, actors.Ref[job]{}))
		synctest.Wait()
		assert.Zero(t, s.stop(t).Total.Accepted)
	})
}

func TestANativeActorOfNobodyHandlesNothing(t *testing.T) {
	for _, props := range []*actor.Props{nil, actor.PropsFromFunc(func(actor.Context) { panic("called") })} {
		for _, c := range []*actors.Context[any]{nil, new(actors.Context[any])} {
			require.ErrorIs(t, actors.FromProps(props).Receive(c, 1), actors.ErrNotRunning)
		}
	}
}

// What is misused says itself where: a bare "nil function" in a log helps nobody.
func TestNilArgumentsAreNamed(t *testing.T) {
	bubble(t, "with the actor and the method", func(t *testing.T) {
		s := play(t, &part{}, &part{name: "other"})
		other := s.refs["other"]
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			for want, err := range map[string]error{
				"/stage/actor: Become: nil function": ctx.Become(nil),
				"/stage/actor: Go: nil function":     ctx.Go(nil),
				"/stage/actor: Pipe: nil function": actors.Pipe(ctx, nil,
					func(int, error) job { return nothing }),
				"/stage/actor: Watch: nil function":    actors.Watch(ctx, other, nil),
				"/stage/actor: WatchPID: nil function": actors.WatchPID(ctx, actor.NewPID("", "x"), nil),
				"Become: nil function":                 new(actors.Context[job]).Become(nil),
			} {
				require.ErrorIs(t, err, actors.ErrNilFunc)
				require.EqualError(t, err, want)
			}

			return nil
		})

		_, err := actors.Ask[int](t.Context(), other, nil)
		require.EqualError(t, err, "/stage/other: Ask: nil function")

		var none context.Context

		perform(t, s.ref(), func(*actors.Context[job]) error {
			_, err = ask(none, other, keep)
			require.EqualError(t, err, "/stage/other: Ask: nil context")
			require.EqualError(t, other.Tell(none, nothing), "/stage/other: Tell: nil context")
			require.EqualError(t, other.TellControl(none, nothing), "/stage/other: TellControl: nil context")

			return nil
		})

		_, err = actors.Ask(t.Context(), s.ref(), func(r actors.Reply[string]) job {
			return func(*actors.Context[job]) error {
				build := func(actors.Reply[string]) job { return nothing }
				require.EqualError(t, actors.Forward(none, other, r, build), "/stage/other: Forward: nil context")
				require.EqualError(t, actors.Forward(t.Context(), other, r, nil), "/stage/other: Forward: nil function")

				return r.Send("")
			}
		})
		require.NoError(t, err)
		require.EqualError(t, s.Wait(none), "/stage: Wait: nil context")

		_, err = s.Shutdown(none)
		require.EqualError(t, err, "/stage: Shutdown: nil context")
	})
}
