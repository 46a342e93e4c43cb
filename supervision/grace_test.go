package supervision_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
)

// slow declares an actor with a drain and a flush deadline.
func slow(name string, drain, flush time.Duration, on ...supervision.Child) *supervision.ActorChild[int] {
	return supervision.Actor(name, newIdle, supervision.Spec{
		DependsOn: on, Deadlines: supervision.Deadlines{Drain: drain, Flush: flush},
	})
}

func TestTheDeadlinesAlongADependencyPathMustFitTheGracePeriod(t *testing.T) {
	var (
		db    = slow("db", 2*time.Second, time.Second)
		api   = slow("api", 3*time.Second, time.Second, db)
		web   = slow("web", 4*time.Second, 0, api)
		other = slow("other", 8*time.Second, time.Second)
		plan  = compile(t, tree("shop", db, api, web, other))
	)

	t.Run("which they do to the nanosecond", func(t *testing.T) {
		require.NoError(t, plan.CheckGrace(supervision.Shares{Drain: 9 * time.Second, Flush: 2 * time.Second}))
	})

	t.Run("or the path, the sum and the share are named", func(t *testing.T) {
		err := plan.CheckGrace(supervision.Shares{Drain: 9*time.Second - 1, Flush: 2 * time.Second})

		var spec *supervision.SpecError
		require.ErrorAs(t, err, &spec)
		assert.Equal(t, "/shop/web", spec.Path)
		assert.EqualError(t, err, "/shop/web: Deadlines.Drain: along /shop/web → /shop/api → /shop/db they add up to 9s, "+
			"but the phase has 8.999999999s of the grace period")
	})

	t.Run("for each phase", func(t *testing.T) {
		assert.EqualError(t, plan.CheckGrace(supervision.Shares{}),
			"/shop/web: Deadlines.Drain: along /shop/web → /shop/api → /shop/db they add up to 9s, "+
				"but the phase has 0s of the grace period\n"+
				"/shop/api: Deadlines.Flush: along /shop/api → /shop/db they add up to 2s, "+
				"but the phase has 0s of the grace period")
	})

	t.Run("an actor alone is a path too", func(t *testing.T) {
		plan := compile(t, tree("shop", slow("db", time.Minute, 0)))
		assert.EqualError(t, plan.CheckGrace(supervision.Shares{Drain: time.Second}),
			"/shop/db: Deadlines.Drain: along /shop/db they add up to 1m0s, but the phase has 1s of the grace period")
	})

	t.Run("sums that are no duration are too long", func(t *testing.T) {
		db := slow("db", math.MaxInt64/2+1, math.MaxInt64/2)
		plan := compile(t, tree("shop", db, slow("api", math.MaxInt64/2+1, math.MaxInt64/2+1, db)))
		assert.EqualError(t, plan.CheckGrace(supervision.Shares{Drain: math.MaxInt64 - 1, Flush: math.MaxInt64}),
			"/shop/api: Deadlines.Drain: along /shop/api → /shop/db they add up to 2562047h47m16.854775807s, "+
				"but the phase has 2562047h47m16.854775806s of the grace period")
	})

	t.Run("of a long path both ends are shown", func(t *testing.T) {
		for length, want := range map[int]string{
			11: "/shop/a11 → /shop/a10 → /shop/a9 → /shop/a8 → /shop/a7 → /shop/a6 → /shop/a5 → /shop/a4 → /shop/a3 → " +
				"/shop/a2 → /shop/a1 they add up to 11s",
			1_000: "/shop/a1000 → /shop/a999 → /shop/a998 → /shop/a997 → /shop/a996 → (990 more) → /shop/a5 → /shop/a4 → " +
				"/shop/a3 → /shop/a2 → /shop/a1 they add up to 16m40s",
		} {
			var chain []supervision.Child
			for i := range length {
				chain = append(chain, slow(fmt.Sprint("a", i+1), time.Second, 0, chain[max(0, i-1):]...))
			}

			err := compile(t, tree("shop", chain...)).CheckGrace(supervision.Shares{Drain: time.Second})
			assert.ErrorContains(t, err, "along "+want+", but")
		}
	})

	t.Run("without deadlines there is nothing to fit", func(t *testing.T) {
		plan := compile(t, tree("shop", actor("a"), tree("sub")))
		require.NoError(t, plan.CheckGrace(supervision.Shares{}))
	})
}

func TestADependencyOfASubtreeIsOneOfAllItsActors(t *testing.T) {
	db, log := slow("db", 2*time.Second, 0), slow("log", 3*time.Second, 0)
	data := tree("data", db, log)
	web := &supervision.Tree{
		Name: "web", Budget: budget, DependsOn: supervision.On(data),
		Children: supervision.On(slow("orders", 4*time.Second, 0), actor("search")),
	}

	assert.EqualError(t, compile(t, tree("shop", web, data)).CheckGrace(supervision.Shares{Drain: 5 * time.Second}),
		"/shop/web/orders: Deadlines.Drain: along /shop/web/orders → /shop/data/log they add up to 7s, "+
			"but the phase has 5s of the grace period")
}
