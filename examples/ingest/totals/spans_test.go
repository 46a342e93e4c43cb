package totals //nolint:testpackage // a set that nobody outside needs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestSpansAreASet compares with a map.
func TestSpansAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans

		model := make(map[int64]bool)

		for _, n := range rapid.SliceOf(rapid.Int64Range(0, 40)).Draw(t, "numbers") {
			require.Equal(t, model[n], s.has(n))

			s = s.with(n)
			model[n] = true
			numbers := 0

			for i, r := range s {
				require.LessOrEqual(t, r.first, r.last)
				require.True(t, i == 0 || s[i-1].last < r.first-1, "a gap between runs: %v", s)

				for m := r.first; m <= r.last; m++ {
					require.True(t, model[m], "%d in %v", m, s)

					numbers++
				}
			}

			require.Equal(t, len(model), numbers)
		}
	})
}
