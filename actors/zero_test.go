package actors_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/zerotest"
)

// Zero values are nobody's, and so is the nil that comes with an error: they have documented answers.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Context.After":          actors.ErrNotRunning,
		"Context.Every":          actors.ErrNotRunning,
		"Context.SetIdleTimeout": actors.ErrNotRunning,
		"Context.Stash":          actors.ErrNotRunning,
		"Context.Unbecome":       actors.ErrNotRunning,
		"Context.Become":         actors.ErrNilFunc,
		"Context.Go":             actors.ErrNilFunc,
		"Context.Err":            context.Canceled,
		"Func.Receive":           actors.ErrNilFunc,
		"Ref.Tell":               actors.ErrNoRef,
		"Ref.TellControl":        actors.ErrNoRef,
		"Ref.TryTell":            actors.ErrNoRef,
		"Ref.TryTellControl":     actors.ErrNoRef,
		"Reply.Fail":             actors.ErrNoReply,
		"Reply.Send":             actors.ErrNoReply,
	},
		new(actors.Context[int]),
		new(actors.DeadlockError),
		new(actors.EscalatedError),
		new(actors.Func[int]),
		new(actors.GoroutineLimitError),
		new(actors.NameTakenError),
		new(actors.PanicError),
		new(actors.Ref[int]),
		new(actors.Reply[int]),
		new(actors.Routing[int]),
		new(actors.Stack),
		new(actors.TerminationReason),
		new(actors.Timer[int]),
		new(actors.TimerLimitError),
		new(actors.WaitFor),
		new(actors.WatchLimitError),
		(*actors.Context[int])(nil),
		(*actors.Timer[int])(nil),
	)
}

// Nothing is left behind by it: the next ask is answered.
func TestAPanicOfBuildIsTheCallersAndNothingWasSent(t *testing.T) {
	bubble(t, "outside an actor", func(t *testing.T) {
		s := play(t, &part{})

		assert.PanicsWithValue(t, "built wrong", func() {
			_, _ = actors.Ask(t.Context(), s.ref(), func(actors.Reply[string]) job { panic("built wrong") })
		})

		answer, err := actors.Ask(t.Context(), s.ref(), func(r actors.Reply[string]) job {
			return func(*actors.Context[job]) error { return r.Send("well") }
		})
		require.NoError(t, err)
		assert.Equal(t, "well", answer)
		assert.EqualValues(t, 1, s.stop(t).Total.Accepted)
	})
}
