package lifecycle_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/lifecycle"
)

func TestNineTenthsOfAnyDuration(t *testing.T) {
	for _, d := range []time.Duration{
		0, 1, 9, 10, 11, 19, time.Second, math.MaxInt64 / 9, math.MaxInt64/9 + 1, math.MaxInt64 - 1, math.MaxInt64,
	} {
		exact := new(big.Int).Mul(big.NewInt(int64(d)), big.NewInt(9))
		assert.Equal(t, time.Duration(exact.Div(exact, big.NewInt(10)).Int64()), lifecycle.NineTenths(d))
	}
}
