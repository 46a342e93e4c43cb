package supervision_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

func TestCompileReportsEverythingThatIsWrongAtOnce(t *testing.T) {
	ledger, elsewhere := actor("ledger"), actor("legder")
	data := tree("data", ledger)

	hen := ring("chicken", "egg")

	shop := &supervision.Tree{
		Name: "shop",
		Children: []supervision.Child{
			data,
			nil,
			(*supervision.ActorChild[int])(nil),
			(*supervision.Tree)(nil),
			actor(""),
			actor("a/b"),
			actor("orders"),
			actor("orders"),
			ledger,
			supervision.Actor[int, actors.Actor[int]]("no-factory", nil, supervision.Spec{}),
			actor("misses", elsewhere, nil, (*supervision.Tree)(nil)),
			hen[0],
			hen[1],
			supervision.Actor("full", newIdle, supervision.Spec{Mailbox: &mailbox.Options{}}),
		},
	}

	assert.Equal(t, []string{
		`/shop: Budget: is not set, every supervisor needs one`,
		`/shop: Children[1]: is nil`,
		`/shop: Children[2]: is nil`,
		`/shop: Children[3]: is nil`,
		`/shop/Children[4]: Name: is empty, every child needs one`,
		`/shop/a/b: Name: "a/b" contains a slash or white space`,
		`/shop/orders: Name: "orders" is taken, two children of /shop have it`,
		`/shop/ledger: Children: the same declaration stands in the tree twice, at /shop/data/ledger too`,
		`/shop/no-factory: factory: is nil, must make the actor`,
		`/shop/full: Mailbox: mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576`,
		`/shop/misses: DependsOn[0]: "legder" is not in the tree, did you mean /shop/data/ledger?`,
		`/shop/misses: DependsOn[1]: is nil`,
		`/shop/misses: DependsOn[2]: is nil`,
		`DependsOn: dependency cycle: /shop/chicken → /shop/egg → /shop/chicken`,
	}, problems(t, shop))
}

func TestCompileChecksTheRangesOfAnActor(t *testing.T) {
	for name, row := range map[string]struct {
		spec supervision.Spec
		want []string
	}{
		"the zero value is valid": {},
		"a restart type that does not exist": {
			supervision.Spec{Restart: 4},
			[]string{"Restart: Restart(4) is not a restart type, must be permanent, transient or temporary"},
		},
		"a capacity of 0": {
			supervision.Spec{Mailbox: &mailbox.Options{Capacity: 0}},
			[]string{"Mailbox: mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576"},
		},
		"a capacity below 0": {
			supervision.Spec{Mailbox: &mailbox.Options{Capacity: -1}},
			[]string{"Mailbox: mailbox.Options.Capacity: -1 is out of range, must be from 1 to 1048576"},
		},
		"a capacity that is too large": {
			supervision.Spec{Mailbox: &mailbox.Options{Capacity: mailbox.MaxCapacity + 1}},
			[]string{"Mailbox: mailbox.Options.Capacity: 1048577 is out of range, must be from 1 to 1048576"},
		},
		"the largest capacity is valid": {spec: supervision.Spec{Mailbox: &mailbox.Options{Capacity: mailbox.MaxCapacity}}},
		"a back-off without waiting is valid": {
			spec: supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately, Max: time.Second}},
		},
		"a negative back-off": {
			supervision.Spec{Backoff: supervision.Backoff{Initial: -2, Max: -1, Stable: -1}},
			[]string{
				"Backoff.Initial: -2ns is negative",
				"Backoff.Max: -1ns is out of range, must be at least Initial, -2ns, or 0 for 30s",
				"Backoff.Stable: -1ns is negative",
			},
		},
		"a back-off whose cap is below its beginning": {
			supervision.Spec{Backoff: supervision.Backoff{Initial: 2, Max: 1}},
			[]string{"Backoff.Max: 1ns is out of range, must be at least Initial, 2ns, or 0 for 30s"},
		},
		"negative deadlines": {
			supervision.Spec{Deadlines: supervision.Deadlines{Start: -1, Drain: -2, Flush: -3, Close: math.MinInt64}},
			[]string{
				"Deadlines.Start: -1ns is negative",
				"Deadlines.Drain: -2ns is negative",
				"Deadlines.Flush: -3ns is negative",
				"Deadlines.Close: -2562047h47m16.854775808s is negative",
			},
		},
		"fewer goroutines than none": {
			supervision.Spec{Goroutines: -1},
			[]string{"Goroutines: -1 is out of range, must be from 1 to 65536, or 0 for 64"},
		},
		"too many goroutines": {
			supervision.Spec{Goroutines: supervision.MaxGoroutines + 1},
			[]string{"Goroutines: 65537 is out of range, must be from 1 to 65536, or 0 for 64"},
		},
		"the most goroutines are valid": {spec: supervision.Spec{Goroutines: supervision.MaxGoroutines}},
		"a stash for fewer messages than none": {
			supervision.Spec{Stash: -1}, []string{"Stash: -1 is out of range, must be from 1 to 1048576, or 0 for 64"},
		},
		"a stash that is too large": {
			supervision.Spec{Stash: supervision.MaxStash + 1},
			[]string{"Stash: 1048577 is out of range, must be from 1 to 1048576, or 0 for 64"},
		},
		"the largest stash is valid": {spec: supervision.Spec{Stash: supervision.MaxStash}},
		"fewer redeliveries than none": {
			supervision.Spec{Redeliver: -1}, []string{"Redeliver: -1 is out of range, must be from 0 to 1000"},
		},
		"too many redeliveries": {
			supervision.Spec{Redeliver: supervision.MaxRedeliver + 1},
			[]string{"Redeliver: 1001 is out of range, must be from 0 to 1000"},
		},
		"redelivery to an actor that is not restarted": {
			supervision.Spec{Redeliver: 1, Restart: supervision.Temporary},
			[]string{"Redeliver: 1 is given to a temporary actor, must be 0: it has no next incarnation"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, w := range row.want {
				want = append(want, "/shop/a: "+w)
			}

			assert.Equal(t, want, problems(t, tree("shop", supervision.Actor("a", newIdle, row.spec))))
		})
	}
}

func TestCompileRefusesAMessageThatCouldExhaustABudget(t *testing.T) {
	again := supervision.Actor("a", newIdle, supervision.Spec{Redeliver: 3})
	under := func(b supervision.Budget) *supervision.Tree {
		return &supervision.Tree{Name: "shop", Budget: b, Children: supervision.On(again)}
	}

	assert.Empty(t, problems(t, under(supervision.Budget{Restarts: 4, Within: 1})))
	assert.Equal(t, []string{
		"/shop/a: Redeliver: 3 is too much, must be less than the 3 restarts in the budget of /shop: " +
			"a message that fails every time would cost 4 of them and exhaust it",
	}, problems(t, under(supervision.Budget{Restarts: 3, Within: 1})))
	assert.Equal(t, []string{"/shop: Budget: is not set, every supervisor needs one"},
		problems(t, under(supervision.Budget{})), "with nothing to compare it is not a second problem")
}

func TestCompileChecksTheRangesOfASupervisor(t *testing.T) {
	for name, row := range map[string]struct {
		tree supervision.Tree
		want []string
	}{
		"a valid one": {tree: supervision.Tree{Budget: budget}},
		"a budget of no restarts is valid": {
			tree: supervision.Tree{Budget: supervision.Budget{Within: 1}},
		},
		"the largest budget is valid": {
			tree: supervision.Tree{Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: math.MaxInt64}},
		},
		"no budget": {
			supervision.Tree{},
			[]string{"Budget: is not set, every supervisor needs one"},
		},
		"a budget without a window": {
			supervision.Tree{Budget: supervision.Budget{Restarts: 1}},
			[]string{"Budget.Within: 0s is out of range, a budget needs a window above 0"},
		},
		"a negative budget": {
			supervision.Tree{Budget: supervision.Budget{Restarts: -1, Within: -1}},
			[]string{
				"Budget.Restarts: -1 is out of range, must be from 0 to 100000",
				"Budget.Within: -1ns is out of range, a budget needs a window above 0",
			},
		},
		"a budget that is too large": {
			supervision.Tree{Budget: supervision.Budget{Restarts: supervision.MaxRestarts + 1, Within: 1}},
			[]string{"Budget.Restarts: 100001 is out of range, must be from 0 to 100000"},
		},
		"a strategy and a restart type that do not exist, and a negative back-off": {
			supervision.Tree{Budget: budget, Strategy: 5, Restart: 4, Backoff: supervision.Backoff{Stable: -1}},
			[]string{
				"Restart: Restart(4) is not a restart type, must be permanent, transient or temporary",
				"Backoff.Stable: -1ns is negative",
				"Strategy: Strategy(5) is not a strategy, must be one-for-one, all-for-one, rest-for-one or " +
					"dependents-for-one",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			row.tree.Name = "data"

			var want []string
			for _, w := range row.want {
				want = append(want, "/shop/data: "+w)
			}

			assert.Equal(t, want, problems(t, tree("shop", &row.tree)))
		})
	}
}

func TestCompileChecksNames(t *testing.T) {
	for name, row := range map[string]struct{ given, want string }{
		"empty":       {"", `/shop/Children[0]: Name: is empty, every child needs one`},
		"slash":       {"/", `/shop//: Name: "/" contains a slash or white space`},
		"white space": {"a b", `/shop/a b: Name: "a b" contains a slash or white space`},
		"line":        {"a\nb", `Name: "a\nb" contains a slash or white space`},
		"wide space":  {"a\u2003b", `Name: "a\u2003b" contains a slash or white space`},
		"control":     {"a\x00", `Name: "a\x00" contains a character that cannot be printed`},
		"not UTF-8":   {"a\xff", `Name: "a\xff" is not valid UTF-8`},
		"dot":         {".", `/shop/.: Name: "." is not a name, in a path it means another place`},
		"two dots":    {"..", `/shop/..: Name: ".." is not a name, in a path it means another place`},
		"too long": {
			strings.Repeat("ä", supervision.MaxName/2+1),
			`/shop/` + strings.Repeat("ä", 16) + `…: Name: is 256 bytes long, must be 255 at most`,
		},
		"far too long": {
			"a" + strings.Repeat("ä", 1<<20),
			`/shop/a` + strings.Repeat("ä", 15) + `…: Name: is 2097153 bytes long, must be 255 at most`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := problems(t, tree("shop", actor(row.given)))
			assert.Contains(t, got[len(got)-1], row.want)
		})
	}

	t.Run("dots are a name with others, and three are one", func(t *testing.T) {
		assert.Empty(t, problems(t, tree("shop", actor("..."), actor("a.b"), actor(".a"), actor("..a"), actor("a.."))))
	})

	t.Run("as long as it may be", func(t *testing.T) {
		assert.Empty(t, problems(t, tree("shop", actor(strings.Repeat("x", supervision.MaxName)))))
	})

	t.Run("that of a pool, a group and a tree as well", func(t *testing.T) {
		assert.Equal(t, []string{
			`/..: Name: ".." is not a name, in a path it means another place`,
			`/../.: Name: "." is not a name, in a path it means another place`,
			`/../..: Name: ".." is not a name, in a path it means another place`,
			`/../xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: Name: is 256 bytes long, must be 255 at most`,
		}, problems(t, tree("..",
			pool(".", supervision.PoolSpec[int]{Size: 1, Budget: budget}),
			group("..", supervision.GroupSpec{MaxChildren: 1, Budget: budget}),
			tree(strings.Repeat("x", supervision.MaxName+1)))))
	})

	t.Run("of one that is too long and taken the beginning is shown", func(t *testing.T) {
		long := strings.Repeat("x", 1<<20)
		for _, p := range problems(t, tree("shop", actor(long), actor(long))) {
			assert.Less(t, len(p), 200)
		}
	})

	t.Run("also that of the root", func(t *testing.T) {
		assert.Equal(t, []string{`/: Name: is empty, every child needs one`}, problems(t, tree("")))
	})

	t.Run("the same name under two supervisors is two names", func(t *testing.T) {
		assert.Empty(t, problems(t, tree("shop", tree("a", actor("x")), tree("b", actor("x")))))
	})
}

func TestCompileChecksDependencies(t *testing.T) {
	t.Run("one that is in no tree and like no other is not guessed at", func(t *testing.T) {
		assert.Equal(t, []string{`/shop/a: DependsOn[0]: "telescope" is not in the tree`},
			problems(t, tree("shop", actor("a", actor("telescope")))))
	})

	t.Run("one of the name of another is told apart", func(t *testing.T) {
		assert.Equal(t, []string{
			`/shop/a: DependsOn[0]: "b" is not in the tree, /shop/b is another of that name`,
		}, problems(t, tree("shop", actor("b"), actor("a", actor("b")))))
	})

	t.Run("a child cannot depend on its own supervisor, at whatever distance", func(t *testing.T) {
		inner := &supervision.Tree{Name: "inner", Budget: budget}
		outer := tree("outer", inner)
		inner.Children = supervision.On(actor("a", inner, outer))

		assert.Equal(t, []string{
			"/shop/outer/inner/a: DependsOn[0]: /shop/outer/inner is above or below it; " +
				"a child cannot depend on its own supervisor",
			"/shop/outer/inner/a: DependsOn[1]: /shop/outer is above or below it; " +
				"a child cannot depend on its own supervisor",
		}, problems(t, tree("shop", outer)))
	})

	t.Run("nor a supervisor on its own child", func(t *testing.T) {
		a := actor("a")
		data := tree("data", a)
		data.DependsOn = supervision.On(a)

		assert.Equal(t, []string{
			"/shop/data: DependsOn[0]: /shop/data/a is above or below it; a child cannot depend on its own supervisor",
		}, problems(t, tree("shop", data)))
	})

	t.Run("a tree that contains itself is reported, not followed", func(t *testing.T) {
		data := tree("data")
		data.Children = supervision.On(data)

		assert.Equal(t, []string{
			"/shop/data/data: Children: the same declaration stands in the tree twice, at /shop/data too",
		}, problems(t, tree("shop", data)))
	})

	t.Run("the same one twice is the same as once", func(t *testing.T) {
		a := actor("a")
		assert.Equal(t, []string{"/shop/a", "/shop/b"}, paths(compile(t, tree("shop", actor("b", a, a), a))))
	})
}

func TestCompileFillsInTheDefaults(t *testing.T) {
	plan := compile(t, tree("shop", actor("a"), tree("data")))
	require.Len(t, plan.Nodes, 3)

	a := plan.Nodes[1]
	assert.True(t, a.IsActor())
	assert.Equal(t, "/shop/a", a.Path)
	assert.Equal(t, 0, a.Parent)
	assert.Equal(t, supervision.Transient, a.Restart)
	assert.Equal(t, supervision.Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second, Stable: time.Minute},
		a.Backoff)
	assert.Equal(t, supervision.Deadlines{Start: 10 * time.Second, Close: 5 * time.Second}, a.Deadlines)
	assert.Equal(t, mailbox.Defaults(), a.Mailbox)

	data := plan.Nodes[2]
	assert.False(t, data.IsActor())
	assert.Equal(t, supervision.OneForOne, data.Strategy)
	assert.Equal(t, budget, data.Budget)
	assert.Equal(t, supervision.Transient, data.Restart)
}

func TestADeclarationCanBeCompiledTwice(t *testing.T) {
	shop := tree("shop", actor("a"))
	once, again := compile(t, shop), compile(t, shop)
	assert.Equal(t, paths(once), paths(again))
}

// selfish is an error that panics with itself, which fmt does not recover from.
type selfish struct{}

func (s selfish) Error() string { panic(s) }

func TestASubtreeThatCannotBeMadeIsReportedWithTheRest(t *testing.T) {
	none := supervision.NewSubtree("none", nil, nil, nil)
	bad := supervision.NewSubtree("bad", nil, func(string) (supervision.Tree, error) { panic("boom") }, nil)
	itself := supervision.NewSubtree("selfish", nil, func(string) (supervision.Tree, error) { panic(selfish{}) }, nil)

	assert.Equal(t, []string{
		"/shop/none: build: is nil, must make the tree",
		"/shop/bad: build: must not panic: boom",
		"/shop/selfish: build: must not panic: supervision_test.selfish that cannot be printed: it panics",
		"/shop/Children[3]: Name: is empty, every child needs one",
		"/shop/Children[3]: build: is nil, must make the tree",
		"/shop/needs: DependsOn[0]: is nil",
	}, problems(t, tree("shop", none, bad, itself, new(supervision.Subtree), actor("needs", nil, bad))))
}

func TestTheZeroDeclarationsAreReported(t *testing.T) {
	assert.NotPanics(t, func() {
		got := problems(t, tree("shop",
			new(supervision.ActorChild[int]), new(supervision.PoolChild[int]), new(supervision.GroupChild[int, int]),
			new(supervision.Tree)))

		for _, want := range []string{
			"/shop/Children[0]: Name: is empty, every child needs one",
			"/shop/Children[0]: factory: is nil, must make the actor",
			"/shop/Children[1]: Name: is empty, every child needs one",
			"/shop/Children[3]: Budget: is not set, every supervisor needs one",
		} {
			assert.Contains(t, got, want)
		}

		assert.NotContains(t, strings.Join(got, "\n"), "is taken", "four without a name have none in common")
	})
}
