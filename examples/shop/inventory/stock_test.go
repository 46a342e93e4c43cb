package inventory_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/order"
)

func TestStockIsTakenWhenAnOrderIsAcceptedAndComesBackWhenItIsDeclined(t *testing.T) {
	s := inventory.NewStock(inventory.Catalogue{"tea": {Price: 450, Stock: 3}, "cup": {Price: 1200, Stock: 1}})
	lines := []order.Line{{Product: "tea", Quantity: 2}, {Product: "cup", Quantity: 1}}

	priced, err := s.Price(lines)
	require.NoError(t, err)
	assert.Equal(t, []order.Line{
		{Product: "tea", Quantity: 2, Price: 450}, {Product: "cup", Quantity: 1, Price: 1200},
	}, priced)

	for _, c := range []struct {
		state order.State
		tea   int
	}{{order.Accepted, 1}, {order.Paid, 1}, {order.Shipped, 1}, {order.Declined, 3}} {
		s.Apply(order.Event{Order: order.Order{Lines: priced, State: c.state}})
		assert.Equal(t, c.tea, s.Left()["tea"], c.state)
	}
}

func TestPriceNamesWhatCannotBeHad(t *testing.T) {
	s := inventory.NewStock(inventory.Catalogue{"tea": {Stock: 3}, "cup": {}})

	_, err := s.Price([]order.Line{
		{Product: "tea", Quantity: 2}, {Product: "cup", Quantity: 1}, {Product: "tea", Quantity: 2},
	})
	require.ErrorIs(t, err, inventory.ErrOutOfStock)
	assert.ErrorContains(t, err, `4 of "tea" wanted, 3 left`)
	assert.ErrorContains(t, err, `1 of "cup" wanted, 0 left`)

	_, err = s.Price([]order.Line{{Product: "rum", Quantity: 1}})
	require.ErrorIs(t, err, inventory.ErrUnknownProduct)
}
