package waits_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/waits"
)

// within is a loop that calls a function.
type within func()

//go:noinline
func (f within) Loop() { f() }

func TestIs(t *testing.T) {
	t.Run("only the number that the loop runs as", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			as := rapid.Uint64Min(1).Draw(t, "number")
			other := rapid.OneOf(
				rapid.Uint64Min(1),
				rapid.Just(as/32), rapid.Just(as+1), rapid.Just(as-1), rapid.Map(rapid.Uint64Range(0, 12),
					func(digit uint64) uint64 { return as ^ 1<<(digit*5) }),
			).Draw(t, "other")

			waits.RunAs(as, within(func() {
				if !waits.Is(as) || other != as && waits.Is(other) {
					t.Errorf("%x is not %x", as, other)
				}
			}))
		})
	})

	t.Run("the innermost counts, and so does a loop without a number", func(t *testing.T) {
		assert.False(t, waits.Is(1))
		waits.RunAs(1, within(func() {
			waits.RunAs(40, within(func() {
				assert.True(t, waits.Is(40))
				assert.False(t, waits.Is(1))
				waits.Run(within(func() { assert.False(t, waits.Is(40)) }))
			}))
			assert.True(t, waits.Is(1))
		}))
	})

	t.Run("however deep it is called", func(t *testing.T) {
		var deep func(n int) bool

		deep = func(n int) bool { return n == 0 && waits.Is(123) || n > 0 && deep(n-1) }

		for n := range 200 {
			waits.RunAs(123, within(func() { assert.True(t, deep(n), n) }))
		}
	})

	t.Run("and both are counted as a depth", func(t *testing.T) {
		g := waits.New()
		waits.RunAs(1<<20, within(func() {
			waits.Run(within(func() { assert.Equal(t, 2, g.Depth()) }))
			assert.Equal(t, 1, g.Depth())
		}))
		assert.Zero(t, g.Depth())
	})
}

func TestANumberOnTheStackCostsNoAllocation(t *testing.T) {
	l := within(func() {
		if !waits.Is(77777) {
			panic("not on the stack")
		}
	})

	assert.Zero(t, testing.AllocsPerRun(100, func() { waits.RunAs(77777, l) }))
}

func BenchmarkRunAs(b *testing.B) {
	l := within(func() {})

	for name, number := range map[string]uint64{"one digit": 1, "two": 32, "three": 32 * 32, "four": 32 * 32 * 32} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				waits.RunAs(number, l)
			}
		})
	}
}
