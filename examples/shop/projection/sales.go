package projection

import (
	"maps"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// Sales is what was sold.
type Sales struct {
	// Position is the number of the last event that is counted.
	Position uint64 `json:"position"`
	// Orders by the state they have come into: one that is shipped counts in accepted, paid and shipped.
	Orders map[order.State]int `json:"orders"`
	// Revenue of the orders that were paid, in cents by product.
	Revenue map[string]int64 `json:"revenue"`
}

// NewSales makes the projection of what was sold.
func NewSales() *Projection[Sales] {
	return &Projection[Sales]{sums: &sales{orders: make(map[order.State]int), revenue: make(map[string]int64)}}
}

type sales struct {
	orders  map[order.State]int
	revenue map[string]int64
}

func (s *sales) add(e order.Event) {
	s.orders[e.Order.State]++

	if e.Order.State == order.Paid {
		for _, l := range e.Order.Lines {
			s.revenue[l.Product] += l.Price * int64(l.Quantity)
		}
	}
}

func (s *sales) snapshot(position uint64) Sales {
	return Sales{Position: position, Orders: maps.Clone(s.orders), Revenue: maps.Clone(s.revenue)}
}
