package projection

import (
	"maps"
	"time"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// minutes is how many of them the pace remembers.
const minutes = 60

// Pace is how many orders came in.
type Pace struct {
	// Position is the number of the last event that is counted.
	Position uint64 `json:"position"`
	// PerMinute counts accepted orders by the minute they came in, of the 60 minutes up to the last one.
	PerMinute map[time.Time]int `json:"per_minute"`
}

// NewPace makes the projection of how many orders came in.
func NewPace() *Projection[Pace] {
	return &Projection[Pace]{sums: &pace{perMinute: make(map[time.Time]int)}}
}

type pace struct{ perMinute map[time.Time]int }

func (p *pace) add(e order.Event) {
	if e.Order.State != order.Accepted {
		return
	}

	minute := e.At.UTC().Truncate(time.Minute)
	p.perMinute[minute]++

	maps.DeleteFunc(p.perMinute, func(m time.Time, _ int) bool { return minute.Sub(m) >= minutes*time.Minute })
}

func (p *pace) snapshot(position uint64) Pace {
	return Pace{Position: position, PerMinute: maps.Clone(p.perMinute)}
}
