package projection

import (
	"errors"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
)

// Msg is what a projection with sums of type S understands: new events, or the question for the sums.
type Msg[S any] struct {
	Apply []order.Event
	Sums  actors.Reply[S]
}

// ErrEmpty is the failure of a projection on a message that neither tells nor asks anything.
var ErrEmpty = errors.New("projection: empty message")

// sums is what a projection adds up.
type sums[S any] interface {
	// add takes in one event.
	add(e order.Event)
	// snapshot returns a copy that is up to the event with a number.
	snapshot(position uint64) S
}

// Projection is the actor around sums.
type Projection[S any] struct {
	sums     sums[S]
	position uint64 // the number of the last event that was added
}

// Receive adds events up or answers with the sums. Events reach it in order. But before those that it gets after a
// restart come those that were in its queue already, so it takes only the one that follows the last it has.
func (p *Projection[S]) Receive(_ *actors.Context[Msg[S]], m Msg[S]) error {
	if len(m.Apply) == 0 && !m.Sums.IsSet() {
		return ErrEmpty
	}

	for _, e := range m.Apply {
		if e.Seq == p.position+1 {
			p.sums.add(e)
			p.position = e.Seq
		}
	}

	if m.Sums.IsSet() {
		return m.Sums.Send(p.Sums())
	}

	return nil
}

// Sums returns what the events come to so far.
func (p *Projection[S]) Sums() S { return p.sums.snapshot(p.position) }
