package doubling_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/doubling"
)

func TestAppendMakesAFullSliceTwiceAsLong(t *testing.T) {
	const count = 100_000

	var (
		s    []int
		left int // what has been left behind
	)

	for i := range count {
		if was := cap(s); len(s) == was {
			left += was
			s = doubling.Append(s, i)

			assert.GreaterOrEqual(t, cap(s), 2*was)
		} else {
			s = doubling.Append(s, i)
			assert.Equal(t, was, cap(s))
		}
	}

	assert.LessOrEqual(t, left, 2*len(s))

	for i, element := range s {
		assert.Equal(t, i, element)
	}
}
