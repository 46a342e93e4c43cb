package payment_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/payment"
)

const orders = 1000

func paid(t *testing.T, bank *payment.Simulation) (broken int, paid map[string]bool) {
	t.Helper()

	paid = make(map[string]bool)

	for i := range orders {
		o := order.Order{ID: strconv.Itoa(i), Lines: []order.Line{{Quantity: 1, Price: 100}}}

		for {
			good, err := bank.Charge(t.Context(), o)
			if err == nil {
				paid[o.ID] = good

				break
			}

			require.ErrorIs(t, err, payment.ErrBroken)

			broken++
		}
	}

	return broken, paid
}

func TestTheSimulationIsTheSameForASeedAndChargesOnce(t *testing.T) {
	first := &payment.Simulation{Fail: 0.5, Decline: 0.25, Seed: 1}
	broken, verdicts := paid(t, first)
	assert.InDelta(t, orders, broken, orders/5, "every other attempt breaks")

	again, same := paid(t, &payment.Simulation{Fail: 0.5, Decline: 0.25, Seed: 1})
	assert.Equal(t, broken, again)
	assert.Equal(t, verdicts, same)

	_, other := paid(t, &payment.Simulation{Fail: 0.5, Decline: 0.25, Seed: 2})
	assert.NotEqual(t, verdicts, other)

	good := 0

	for id, ok := range verdicts {
		cents, charged := first.Charged()[id]
		require.Equal(t, ok, charged)

		if ok {
			good++

			require.Equal(t, int64(100), cents)
		}
	}

	assert.InDelta(t, orders*3/4, good, orders/10)
}

func TestTheSimulationGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		_, err := (&payment.Simulation{Latency: 1000 * time.Hour}).Charge(ctx, order.Order{ID: "1"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
