package order_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/order"
)

func TestAnOrderGoesThroughItsStatesOnly(t *testing.T) {
	states := []order.State{order.Accepted, order.Paid, order.Declined, order.Shipped}
	allowed := map[order.State][]order.State{
		order.Accepted: {order.Paid, order.Declined},
		order.Paid:     {order.Shipped},
	}

	for _, from := range states {
		assert.Equal(t, len(allowed[from]) == 0, from.Final())

		for _, to := range states {
			o, err := order.Order{ID: "1", State: from}.To(to)

			if slices.Contains(allowed[from], to) {
				require.NoError(t, err)
				assert.Equal(t, to, o.State)

				continue
			}

			var refused *order.TransitionError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, order.TransitionError{ID: "1", From: from, To: to}, *refused)
			assert.Equal(t, from, o.State)
		}
	}
}

func TestValidateNamesEverythingThatIsWrong(t *testing.T) {
	good := order.Line{Product: "tea", Quantity: 1}

	require.NoError(t, order.Order{Lines: []order.Line{good}}.Validate())

	err := order.Order{
		Key:   strings.Repeat("k", order.MaxKey+1),
		Lines: []order.Line{good, {Product: "tea"}, {Product: "tea", Quantity: order.MaxQuantity + 1}},
	}.Validate()
	require.ErrorIs(t, err, order.ErrInvalid)

	for _, says := range []string{"129 bytes", "line 2: quantity 0", "line 3: quantity 1001"} {
		assert.ErrorContains(t, err, says)
	}

	require.ErrorIs(t, order.Order{}.Validate(), order.ErrInvalid)
	require.ErrorIs(t, order.Order{Lines: make([]order.Line, order.MaxLines+1)}.Validate(), order.ErrInvalid)
}

func TestTotalAddsUpTheLines(t *testing.T) {
	o := order.Order{Lines: []order.Line{{Quantity: 2, Price: 450}, {Quantity: 1, Price: 100}}}
	assert.Equal(t, int64(1000), o.Total())
}
