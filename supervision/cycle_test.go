package supervision_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/supervision"
)

// ring declares actors of which each depends on the next and the last on the first.
func ring(names ...string) []supervision.Child {
	var (
		members = make([]supervision.Child, len(names))
		on      = make([][]supervision.Child, len(names))
	)

	for i, name := range names {
		on[i] = make([]supervision.Child, 1) // its element is filled in below
		members[i] = supervision.Actor(name, newIdle, supervision.Spec{DependsOn: on[i]})
	}

	for i := range on {
		on[i][0] = members[(i+1)%len(members)]
	}

	return members
}

func TestACycleIsReportedWithItsPath(t *testing.T) {
	t.Run("of one", func(t *testing.T) {
		assert.Equal(t, []string{"DependsOn: dependency cycle: /shop/a → /shop/a"}, problems(t, tree("shop", ring("a")...)))
	})

	t.Run("of two", func(t *testing.T) {
		assert.Equal(t, []string{"DependsOn: dependency cycle: /shop/a → /shop/b → /shop/a"},
			problems(t, tree("shop", ring("a", "b")...)))
	})

	t.Run("of three", func(t *testing.T) {
		assert.Equal(t, []string{"DependsOn: dependency cycle: /shop/a → /shop/b → /shop/c → /shop/a"},
			problems(t, tree("shop", ring("a", "b", "c")...)))
	})

	t.Run("two of them", func(t *testing.T) {
		assert.ElementsMatch(t, []string{
			"DependsOn: dependency cycle: /shop/a → /shop/b → /shop/a",
			"DependsOn: dependency cycle: /shop/c → /shop/d → /shop/c",
		}, problems(t, tree("shop", append(ring("a", "b"), ring("c", "d")...)...)))
	})

	t.Run("across subtrees", func(t *testing.T) {
		r := ring("a", "b")
		assert.Equal(t, []string{
			"DependsOn: dependency cycle: /shop/left → /shop/right → /shop/left, a subtree starts and stops as a whole: " +
				"/shop/left/a depends on /shop/right/b, /shop/right/b depends on /shop/left/a",
		}, problems(t, tree("shop", tree("left", r[0]), tree("right", r[1]))))
	})

	t.Run("across subtrees though no two actors depend on each other", func(t *testing.T) {
		b, d := actor("b"), actor("d")
		left, right := tree("left", actor("a", b), d), tree("right", b, actor("c", d))

		assert.Equal(t, []string{
			"DependsOn: dependency cycle: /shop/left → /shop/right → /shop/left, a subtree starts and stops as a whole: " +
				"/shop/left/a depends on /shop/right/b, /shop/right/c depends on /shop/left/d",
		}, problems(t, tree("shop", left, right)))
	})
}
