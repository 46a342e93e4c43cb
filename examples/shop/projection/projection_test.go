package projection_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/projection"
)

func event(seq uint64, state order.State, at time.Time) order.Event {
	return order.Event{Seq: seq, At: at, Order: order.Order{
		ID: "1", State: state, Lines: []order.Line{{Product: "tea", Quantity: 2, Price: 450}},
	}}
}

func TestSalesTakesEveryEventOnceAndInOrder(t *testing.T) {
	now := time.Now()
	p := projection.NewSales()

	for _, batch := range [][]order.Event{
		{event(4, order.Shipped, now)}, // was in the queue before all began again
		{event(1, order.Accepted, now), event(2, order.Accepted, now)},
		{event(2, order.Accepted, now), event(3, order.Paid, now)},
		{event(4, order.Declined, now)},
	} {
		require.NoError(t, p.Receive(nil, projection.Msg[projection.Sales]{Apply: batch}))
	}

	assert.Equal(t, projection.Sales{
		Position: 4,
		Orders:   map[order.State]int{order.Accepted: 2, order.Paid: 1, order.Declined: 1},
		Revenue:  map[string]int64{"tea": 900},
	}, p.Sums())

	require.ErrorIs(t, p.Receive(nil, projection.Msg[projection.Sales]{}), projection.ErrEmpty)
}

func TestPaceRemembersAnHour(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := projection.NewPace()

	for i, c := range []struct {
		state order.State
		after time.Duration
	}{
		{order.Accepted, 0},
		{order.Paid, time.Second},
		{order.Accepted, 54 * time.Second},
		{order.Accepted, 55 * time.Second},
		{order.Accepted, 60*time.Minute - 6*time.Second},
	} {
		e := event(uint64(i+1), c.state, start.Add(c.after))
		require.NoError(t, p.Receive(nil, projection.Msg[projection.Pace]{Apply: []order.Event{e}}))
	}

	minute := start.Truncate(time.Minute)
	assert.Equal(t, map[time.Time]int{minute: 2, minute.Add(time.Minute): 1, minute.Add(59 * time.Minute): 1},
		p.Sums().PerMinute)

	late := event(6, order.Accepted, minute.Add(time.Hour))
	require.NoError(t, p.Receive(nil, projection.Msg[projection.Pace]{Apply: []order.Event{late}}))
	assert.NotContains(t, p.Sums().PerMinute, minute)
}
