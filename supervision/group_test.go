package supervision_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

func newNamed(supervision.Deps, string) (idle, error) { return idle{}, nil }

func group(name string, spec supervision.GroupSpec) *supervision.GroupChild[int, string] {
	return supervision.DynamicGroup[int](name, newNamed, spec)
}

func pool(name string, spec supervision.PoolSpec[int]) *supervision.PoolChild[int] {
	return supervision.Pool(name, newIdle, spec)
}

// wrong is how an actor is supervised in a way that nobody can be, and what is said of it.
var (
	wrong = supervision.Spec{
		Restart: 9, Backoff: supervision.Backoff{Initial: -2}, Deadlines: supervision.Deadlines{Flush: -1},
		Mailbox: &mailbox.Options{}, Goroutines: -1,
	}
	wrongs = []string{
		"Restart: Restart(9) is not a restart type, must be permanent, transient or temporary",
		"Backoff.Initial: -2ns is negative",
		"Deadlines.Flush: -1ns is negative",
		"Mailbox: mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576",
		"Goroutines: -1 is out of range, must be from 1 to 65536, or 0 for 64",
	}
)

func TestCompileChecksTheRangesOfAGroup(t *testing.T) {
	all := append([]string(nil),
		"/shop/g: Restart: Restart(4) is not a restart type, must be permanent, transient or temporary",
		"/shop/g: Backoff.Stable: -1ns is negative",
		"/shop/g: Budget: is not set, every supervisor needs one",
		"/shop/g: MaxChildren: 0 is out of range, must be from 1 to 1048576")
	for _, w := range wrongs {
		all = append(all, "/shop/g/*: "+w)
	}

	all = append(all, `/shop/g: DependsOn[0]: is nil`)
	dependent := wrong
	dependent.DependsOn = supervision.On(nil)

	for name, row := range map[string]struct {
		group supervision.Child
		want  []string
	}{
		"a valid one":       {group: group("g", supervision.GroupSpec{MaxChildren: 1, Budget: budget})},
		"the largest bound": {group: group("g", supervision.GroupSpec{MaxChildren: 1 << 20, Budget: budget})},
		"a bound too large": {
			group("g", supervision.GroupSpec{MaxChildren: 1<<20 + 1, Budget: budget}),
			[]string{
				"/shop/g: MaxChildren: 1048577 is out of range, must be from 1 to 1048576",
			},
		},
		"a negative bound": {
			group("g", supervision.GroupSpec{MaxChildren: -1, Budget: budget}),
			[]string{
				"/shop/g: MaxChildren: -1 is out of range, must be from 1 to 1048576",
			},
		},
		"a budget out of range": {
			group("g", supervision.GroupSpec{MaxChildren: 1, Budget: supervision.Budget{Restarts: -1}}),
			[]string{
				"/shop/g: Budget.Restarts: -1 is out of range, must be from 0 to 100000",
				"/shop/g: Budget.Within: 0s is out of range, a budget needs a window above 0",
			},
		},
		"no factory": {
			supervision.DynamicGroup[int, string, idle]("g", nil, supervision.GroupSpec{MaxChildren: 1, Budget: budget}),
			[]string{
				"/shop/g/*: factory: is nil, must make the actor",
			},
		},
		"no group at all": {
			new(supervision.GroupChild[int, string]),
			[]string{
				"/shop/Children[0]: Name: is empty, every child needs one",
				"/shop/Children[0]: Budget: is not set, every supervisor needs one",
				"/shop/Children[0]: MaxChildren: 0 is out of range, must be from 1 to 1048576",
				"/shop/Children[0]/*: factory: is nil, must make the actor",
			},
		},
		"no group": {
			(*supervision.GroupChild[int, string])(nil),
			[]string{
				"/shop: Children[0]: is nil",
			},
		},
		"a name that is none": {
			group("a b", supervision.GroupSpec{MaxChildren: 1, Budget: budget}),
			[]string{
				`/shop/a b: Name: "a b" contains a slash or white space`,
			},
		},
		"everything at once": {group("g", supervision.GroupSpec{
			Restart: 4, Backoff: supervision.Backoff{Stable: -1}, Child: dependent,
		}), all},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, problems(t, tree("shop", row.group)))
		})
	}
}

func TestCompileChecksTheRangesOfAPool(t *testing.T) {
	all := []string{
		"/shop/p: Restart: Restart(4) is not a restart type, must be permanent, transient or temporary",
		"/shop/p: Backoff.Max: -1ns is out of range, must be at least Initial, 0s, or 0 for 30s",
		"/shop/p: Budget: is not set, every supervisor needs one",
		"/shop/p: Size: -1 is out of range, must be from 1 to Max",
		"/shop/p: Max: 1048577 is out of range, must be from Size to 1048576, or 0 for Size",
		"/shop/p: Routing: the key of a consistent hash is a nil function, must be set",
	}
	for _, w := range wrongs {
		all = append(all, "/shop/p/*: "+w)
	}

	for name, row := range map[string]struct {
		pool supervision.Child
		want []string
	}{
		"a valid one": {pool: pool("p", supervision.PoolSpec[int]{Size: 2, Budget: budget})},
		"with room":   {pool: pool("p", supervision.PoolSpec[int]{Size: 2, Max: 3, Budget: budget})},
		"no size": {
			pool("p", supervision.PoolSpec[int]{Budget: budget}),
			[]string{
				"/shop/p: Size: 0 is out of range, must be from 1 to Max",
			},
		},
		"a negative Max": {
			pool("p", supervision.PoolSpec[int]{Size: 3, Max: -1, Budget: budget}),
			[]string{
				"/shop/p: Max: -1 is out of range, must be from Size to 1048576, or 0 for Size",
			},
		},
		"a size above Max": {
			pool("p", supervision.PoolSpec[int]{Size: 3, Max: 2, Budget: budget}),
			[]string{
				"/shop/p: Size: 3 is out of range, must be from 1 to Max, 2",
			},
		},
		"no factory": {
			supervision.Pool[int, idle]("p", nil, supervision.PoolSpec[int]{Size: 1, Budget: budget}),
			[]string{
				"/shop/p/*: factory: is nil, must make the actor",
			},
		},
		"no pool": {
			(*supervision.PoolChild[int])(nil),
			[]string{
				"/shop: Children[0]: is nil",
			},
		},
		"a name that is none": {
			pool("", supervision.PoolSpec[int]{Size: 1, Budget: budget}),
			[]string{
				`/shop/Children[0]: Name: is empty, every child needs one`,
			},
		},
		"everything at once": {pool("p", supervision.PoolSpec[int]{
			Size: -1, Max: 1<<20 + 1, Routing: actors.ConsistentHash[int](nil), Member: wrong, Restart: 4,
			Backoff: supervision.Backoff{Max: -1},
		}), all},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, problems(t, tree("shop", row.pool)))
		})
	}
}

func TestGroupsAndPoolsAreOneNodeInTheOrderOfDependencies(t *testing.T) {
	db := actor("db")
	g := group("g", supervision.GroupSpec{
		MaxChildren: 1, Budget: budget, Child: supervision.Spec{DependsOn: supervision.On(db)},
	})
	p := pool("p", supervision.PoolSpec[int]{
		Size: 1, Budget: budget, Member: supervision.Spec{DependsOn: supervision.On(g)},
	})
	plan := compile(t, tree("shop", actor("web", p), p, g, db))

	var order []string
	for _, id := range plan.Nodes[0].Children {
		order = append(order, plan.Nodes[id].Path)
	}

	assert.Equal(t, []string{"/shop/db", "/shop/g", "/shop/p", "/shop/web"}, order)

	t.Run("also where they make a cycle", func(t *testing.T) {
		g := group("g", supervision.GroupSpec{MaxChildren: 1, Budget: budget})
		p := pool("p", supervision.PoolSpec[int]{
			Size: 1, Budget: budget, Member: supervision.Spec{DependsOn: supervision.On(g)},
		})
		inner := tree("inner", g, actor("x", p))

		assert.Equal(t, []string{
			"DependsOn: dependency cycle: /shop/inner → /shop/p → /shop/inner, a subtree starts and stops as a whole: " +
				"/shop/inner/x depends on /shop/p, /shop/p depends on /shop/inner/g",
		}, problems(t, tree("shop", inner, p)))
	})
}

func TestTheDeadlinesOfChildrenThatComeAndGoMustFitTheGracePeriodToo(t *testing.T) {
	db := slow("db", 2*time.Second, 0)
	g := group("g", supervision.GroupSpec{MaxChildren: 9, Budget: budget, Child: supervision.Spec{
		DependsOn: supervision.On(db), Deadlines: supervision.Deadlines{Drain: 3 * time.Second},
	}})
	p := pool("p", supervision.PoolSpec[int]{Size: 9, Budget: budget, Member: supervision.Spec{
		DependsOn: supervision.On(g), Deadlines: supervision.Deadlines{Drain: 4 * time.Second},
	}})
	plan := compile(t, tree("shop", db, g, tree("inner", p)))

	require.NoError(t, plan.CheckGrace(supervision.Shares{Drain: 9 * time.Second}))
	assert.EqualError(t, plan.CheckGrace(supervision.Shares{Drain: 9*time.Second - 1}),
		"/shop/inner/p: Deadlines.Drain: along /shop/inner/p → /shop/g → /shop/db they add up to 9s, "+
			"but the phase has 8.999999999s of the grace period")
}

func TestErrorsOfGroupsSayWhere(t *testing.T) {
	assert.EqualError(t, &supervision.GroupFullError{Path: "/shop/g", MaxChildren: 2},
		"/shop/g: the group is full, it may have 2 children at a time")
	assert.EqualError(t, &supervision.GroupFullError{Path: "/shop/g", MaxChildren: 2, Hanging: 2},
		"/shop/g: the group is full, it may have 2 children at a time, with those that have ended but hang: 2")
	assert.EqualError(t, &supervision.NoChildError{Path: "/shop/g", Name: "x"}, "/shop/g: the group has no child x")
}
