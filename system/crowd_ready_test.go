package system_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// hardlyEver waits up to a century between restarts: by the chance of the jitter no test sees the end of one.
func hardlyEver() supervision.Backoff {
	return supervision.Backoff{Initial: 1_000_000 * time.Hour, Max: 1_000_000 * time.Hour}
}

func TestAPoolGoesOnWithThoseOfItsMembersThatRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[task], error) { return perform, nil },
			supervision.PoolSpec[task]{
				Size: 3, Routing: actors.LeastLoaded[task](), Budget: supervision.Budget{Restarts: 9, Within: time.Hour},
				Member: supervision.Spec{Backoff: hardlyEver()},
			})
		s := start(t, tree(p), silent())
		ref := p.From(s.Intake())

		for crashed := 1; crashed <= 2; crashed++ {
			require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error { return errBroken }}))
			synctest.Wait()

			h, ok := s.Health(t.Context()).Find("/test/pool")
			require.True(t, ok)
			assert.True(t, h.Ready(), "with %d of 3 members down", crashed)

			for range 20 { // each waits for nobody, though those who are down have nothing queued
				_, err := actors.Ask(t.Context(), ref, func(r actors.Reply[int]) task {
					return task{do: func(*actors.Context[task]) error { return r.Send(1) }}
				})
				require.NoError(t, err)
			}
		}

		require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error { return errBroken }}))
		synctest.Wait()

		root := s.Health(t.Context())
		assert.False(t, root.Ready(), "nobody is left")
		assert.True(t, root.Live(), "they come back")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAGroupIsReadyWhateverItsChildrenDo(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{
		MaxChildren: 2, Child: supervision.Spec{Backoff: hardlyEver()},
	}, func(t *testing.T, s *system.System, g group) {
		assert.True(t, s.Health(t.Context()).Ready())

		send(t, enter(t, g, "a", &probe{}), broken)
		synctest.Wait()

		h := s.Health(t.Context())
		assert.True(t, h.Ready())
		assert.False(t, h.Children[0].Children[0].Ready())
	})
}

func TestANameIsFreeWhenItsChildIsNotListed(t *testing.T) {
	const rounds = 2_000

	c := crowd(supervision.GroupSpec{MaxChildren: 2})
	s := start(t, tree(c), silent())
	g := c.From(s.Intake())

	for range rounds {
		ref, err := g.Start(t.Context(), "a", &probe{})
		require.NoError(t, err, "nobody was listed, and the name was taken")
		require.NoError(t, ref.Tell(t.Context(), func(ctx *ctxOf) error {
			ctx.Stop()

			return nil
		}))

		for g.Len() > 0 { //nolint:revive // to see the very moment it is not listed any more
		}
	}

	_, err := s.Shutdown(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
}
