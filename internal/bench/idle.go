package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// idler is an actor that has nothing to do.
type idler struct{}

func (idler) Receive(*actors.Context[message], message) error { return nil }

// idle starts the actors side by side.
func (troupe) idle(ctx context.Context, count int) *trial {
	return idlers(ctx, count, func(group supervision.Group[message, struct{}]) error {
		_, err := group.StartAll(ctx, func(yield func(string, struct{}) bool) {
			for i := range count {
				if !yield(idlerName(i), struct{}{}) {
					return
				}
			}
		})

		return err
	})
}

// idleEach starts the actors one by one and, unlike protoactor, waits for each.
func (troupe) idleEach(ctx context.Context, count int) *trial {
	return idlers(ctx, count, func(group supervision.Group[message, struct{}]) error {
		for i := range count {
			if _, err := group.Start(ctx, idlerName(i), struct{}{}); err != nil {
				return err
			}
		}

		return nil
	})
}

func idlerName(i int) string { return "idler-" + strconv.Itoa(i) }

// idlers starts so many actors in a group at run time.
func idlers(
	ctx context.Context, count int, startIn func(group supervision.Group[message, struct{}]) error,
) *trial {
	var made atomic.Int64

	declared := supervision.DynamicGroup("idlers", func(supervision.Deps, struct{}) (idler, error) {
		made.Add(1)

		return idler{}, nil
	}, supervision.GroupSpec{
		MaxChildren: count, Budget: supervision.Budget{Within: time.Minute},
		Child: supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Minute}}, // all of them stop at a time
	})

	sys, failed := start(ctx, declared)

	return &trial{
		run: func() error {
			if failed != nil {
				return failed
			}

			return startIn(declared.From(sys.Intake()))
		},
		stop: func() error {
			if sys == nil {
				return nil
			}

			return stopping(ctx, sys, 0)()
		},
		extra: func() error { return allMade(made.Load(), count) },
	}
}

// idleEach implements supervising: protoactor's way is the same.
func (p protoactor) idleEach(ctx context.Context, count int) *trial { return p.idle(ctx, count) }

func (p protoactor) idle(ctx context.Context, count int) *trial {
	stage := newStage()
	ready := make(chan struct{})

	var made atomic.Int64

	props := actor.PropsFromProducer(func() actor.Actor {
		return actor.ReceiveFunc(func(c actor.Context) {
			if _, ok := c.Message().(*actor.Started); ok && made.Add(1) == int64(count) {
				close(ready)
			}
		})
	})

	return &trial{
		run: func() error {
			for i := range count {
				pid, err := stage.system.Root.SpawnNamed(props, idlerName(i))
				if err != nil {
					return fmt.Errorf("spawn %d: %w", i, err)
				}

				stage.pids = append(stage.pids, pid)
			}

			select {
			case <-ready:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
		stop:  stage.stop,
		extra: func() error { return allMade(made.Load(), count) },
	}
}

// allMade returns an error if not every actor has started.
func allMade(made int64, count int) error {
	if made != int64(count) {
		return fmt.Errorf("%d of %d actors have started", made, count)
	}

	return nil
}
