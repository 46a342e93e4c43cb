// Package projection sums up what happened in the shop. The [Feed] reads the events and hands them to the projections:
//
//	store ◀──Read── feed ──Apply──▶ sales
//	                      └─Apply──▶ pace
//
// The feed knows how far it has read, the projections what that comes to, and neither means anything without the other:
// when one of them is lost all begin again from the first event.
package projection

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/store"
)

// Advance tells the feed that there may be new events.
type Advance struct{}

// hand gives the next events to one projection.
type hand = func(ctx context.Context, events []order.Event) error

// Feed reads the events.
type Feed struct {
	store    actors.Ref[store.Msg]
	hands    []hand
	position uint64 // the number of the last event that was handed on
}

// NewFeed makes a feed that hands the events to the projections.
func NewFeed(events actors.Ref[store.Msg], sales actors.Ref[Msg[Sales]], pace actors.Ref[Msg[Pace]]) *Feed {
	return &Feed{store: events, hands: []hand{handTo(sales), handTo(pace)}}
}

// Start reads everything there is.
func (f *Feed) Start(ctx *actors.Context[Advance]) error { return f.advance(ctx) }

// Receive reads what is new.
func (f *Feed) Receive(ctx *actors.Context[Advance], _ Advance) error { return f.advance(ctx) }

func (f *Feed) advance(ctx context.Context) error {
	for {
		events, err := store.Next(ctx, f.store, f.position)
		if err != nil || len(events) == 0 {
			return err
		}

		for _, hand := range f.hands {
			if err := hand(ctx, events); err != nil {
				return err
			}
		}

		f.position = events[len(events)-1].Seq
	}
}

func handTo[S any](p actors.Ref[Msg[S]]) hand {
	return func(ctx context.Context, events []order.Event) error { return p.Tell(ctx, Msg[S]{Apply: events}) }
}
