package main

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// pointers handles messages that come as pointers.
type pointers struct{ *receiver }

func (p pointers) Receive(_ *actors.Context[*message], m *message) error { //nolint:unparam // what an actor looks like
	p.handle(*m)

	return nil
}

// tellPointers is [troupe.tell] of one sender to one receiver, with messages sent by pointer. They are made beforehand,
// so that what is allocated is what sending them allocates.
func tellPointers(ctx context.Context, count int) (*trial, error) {
	r := newReceiver("receiver", count)
	child := supervision.Actor(r.name, instance(pointers{r}), spec())

	sys, err := start(ctx, child)
	if err != nil {
		return nil, err
	}

	ref := child.From(sys.Intake())

	messages := make([]message, count)
	for i := range messages {
		messages[i] = nth(i)
	}

	return &trial{
		run: func() error {
			for i := range messages {
				if err := ref.Tell(ctx, &messages[i]); err != nil {
					return fmt.Errorf("tell %d: %w", i, err)
				}
			}

			return r.wait(ctx)
		},
		stop:      stopping(ctx, sys, count),
		receivers: []*receiver{r},
	}, nil
}
