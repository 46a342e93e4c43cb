package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/order"
)

func tea(key string, quantity int) order.Order {
	return order.Order{Key: key, Lines: []order.Line{{Product: "tea", Quantity: quantity}}}
}

func TestTheBookAcceptsUpToItsBoundOfOpenOrders(t *testing.T) {
	b := ledger.NewBook(2)

	for _, id := range []string{"1", "2"} {
		o, err := b.Accept(tea("", 1))
		require.NoError(t, err)
		assert.Equal(t, id, o.ID)
		b.Apply(o)
	}

	_, err := b.Accept(tea("", 1))
	require.ErrorIs(t, err, ledger.ErrBusy)

	for _, next := range []order.State{order.Paid, order.Shipped} {
		o, err := b.Move("1", next)
		require.NoError(t, err)
		b.Apply(o)
	}

	assert.Equal(t, []string{"2"}, b.Unfinished())

	o, err := b.Accept(tea("", 1))
	require.NoError(t, err)
	assert.Equal(t, "3", o.ID)
}

func TestAnOrderIsKnownByItsKey(t *testing.T) {
	b := ledger.NewBook(2)
	o, err := b.Accept(tea("k", 1))
	require.NoError(t, err)

	_, found, err := b.Known(tea("k", 1))
	require.NoError(t, err)
	assert.False(t, found, "it is not applied")

	b.Apply(o)

	before, found, err := b.Known(tea("k", 1))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, o.ID, before.ID)

	_, _, err = b.Known(tea("k", 2))
	require.ErrorIs(t, err, ledger.ErrKeyReused)

	_, found, err = b.Known(tea("", 1))
	require.NoError(t, err)
	assert.False(t, found, "no key is nobody's")
}

func TestAnIDThatWasLostIsNotGivenAgainBelowTheHighest(t *testing.T) {
	b := ledger.NewBook(9)
	b.Apply(order.Order{ID: "1", State: order.Accepted})
	b.Apply(order.Order{ID: "3", State: order.Accepted}) // the store failed on 2, and not on what stood behind it

	o, err := b.Accept(tea("", 1))
	require.NoError(t, err)
	assert.Equal(t, "4", o.ID)

	_, err = b.Move("2", order.Paid)
	require.ErrorIs(t, err, ledger.ErrUnknown)
}
