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
	"github.com/troupe-go/troupe/system"
)

// idler is an actor that has nothing to do.
type idler struct{}

func (idler) Receive(*actors.Context[message], message) error { return nil }

func (troupe) idle(ctx context.Context, count int) *trial {
	var (
		sys  *system.System
		made atomic.Int64
	)

	factory := func(supervision.Deps) (idler, error) { //nolint:unparam // what a factory looks like
		made.Add(1)

		return idler{}, nil
	}

	patient := supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Minute}} // all of them stop at a time

	return &trial{
		run: func() error {
			children := make([]supervision.Child, count)
			for i := range children {
				children[i] = supervision.Actor("idler-"+strconv.Itoa(i), factory, patient)
			}

			var err error

			sys, err = start(ctx, children...)

			return err
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
				pid, err := stage.system.Root.SpawnNamed(props, "idler-"+strconv.Itoa(i))
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
