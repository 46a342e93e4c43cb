package supervision_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
)

func TestChildrenStartInTheOrderOfTheirDependencies(t *testing.T) {
	a, b, c := actor("a"), actor("b"), actor("c")

	for name, row := range map[string]struct {
		children []supervision.Child
		want     []string
	}{
		"without any, as declared": {supervision.On(c, a, b), []string{"/shop/c", "/shop/a", "/shop/b"}},
		"what is depended on comes first": {
			supervision.On(actor("z", a), a, b), []string{"/shop/a", "/shop/z", "/shop/b"},
		},
		"what is declared in a valid order stays so": {
			supervision.On(a, b, actor("y", a), c, actor("z", b, a)),
			[]string{"/shop/a", "/shop/b", "/shop/y", "/shop/c", "/shop/z"},
		},
		"a subtree waits as a whole for what one of it depends on": {
			supervision.On(tree("sub", actor("x"), actor("y", a)), a), []string{"/shop/a", "/shop/sub/x", "/shop/sub/y"},
		},
		"and for what it depends on itself": {
			supervision.On(&supervision.Tree{
				Name: "sub", Budget: budget, Children: supervision.On(actor("x")), DependsOn: supervision.On(a),
			}, a),
			[]string{"/shop/a", "/shop/sub/x"},
		},
		"who depends on one of a subtree waits for all of it": {
			supervision.On(actor("z", a), tree("sub", b, a)), []string{"/shop/sub/b", "/shop/sub/a", "/shop/z"},
		},
		"the subtrees of two actors are ordered where they part": {
			supervision.On(tree("left", tree("deep", actor("z", a))), tree("right", b, tree("deep", a)), c),
			[]string{"/shop/right/b", "/shop/right/deep/a", "/shop/left/deep/z", "/shop/c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, paths(compile(t, tree("shop", row.children...))))
		})
	}
}

// TestTheStartOrderRespectsEveryDependency declares random actors with random dependencies, in subtrees or not.
func TestTheStartOrderRespectsEveryDependency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "actors")
		groups := rapid.IntRange(1, 3).Draw(t, "groups")

		var (
			all       []supervision.Child
			dependsOn [][]int
			shop      = tree("shop")
			subtrees  []*supervision.Tree
		)

		// Subtrees may depend on earlier ones only, in one direction.
		for g := range groups {
			subtrees = append(subtrees, tree(fmt.Sprintf("group-%d", g)))
			shop.Children = append(shop.Children, subtrees[g])
		}

		for i := range n {
			var (
				on    []supervision.Child
				which []int
			)

			for j := range i {
				if rapid.IntRange(0, 2).Draw(t, "depends") == 2 {
					on, which = append(on, all[j]), append(which, j)
				}
			}

			all, dependsOn = append(all, actor(fmt.Sprintf("a%02d", i), on...)), append(dependsOn, which)
			subtrees[i*groups/n].Children = append(subtrees[i*groups/n].Children, all[i])
		}

		for _, s := range subtrees {
			s.Children = rapid.Permutation(s.Children).Draw(t, "declared")
		}

		shop.Children = rapid.Permutation(shop.Children).Draw(t, "groups declared")

		order := paths(compile(t, shop))
		require.Len(t, order, n)

		place := func(i int) int {
			return slices.IndexFunc(order, func(p string) bool { return p[len(p)-3:] == fmt.Sprintf("a%02d", i) })
		}

		for i, which := range dependsOn {
			for _, j := range which {
				require.Less(t, place(j), place(i), "a%02d depends on a%02d: %v", i, j, order)
			}
		}

		for range 3 {
			require.Equal(t, order, paths(compile(t, shop)), "it is the same every time")
		}

		// Declared in the order it starts in, a tree starts in the order it is declared in.
		for _, s := range subtrees {
			slices.SortStableFunc(s.Children, byOrder(order, all))
		}

		slices.SortStableFunc(shop.Children, func(a, b supervision.Child) int {
			return byOrder(order, all)(first(a), first(b))
		})

		require.Equal(t, order, paths(compile(t, shop)))
	})
}

// first returns the first actor of a subtree, or nil if it has none.
func first(c supervision.Child) supervision.Child {
	if t, ok := c.(*supervision.Tree); ok && len(t.Children) > 0 {
		return t.Children[0]
	}

	return nil
}

// byOrder compares actors by their place in a start order; all are in the order of their names.
func byOrder(order []string, all []supervision.Child) func(a, b supervision.Child) int {
	place := func(c supervision.Child) int {
		name := fmt.Sprintf("a%02d", slices.Index(all, c))

		return slices.IndexFunc(order, func(p string) bool { return p[len(p)-3:] == name })
	}

	return func(a, b supervision.Child) int { return place(a) - place(b) }
}
