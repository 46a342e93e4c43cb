package main

import (
	"context"
	"fmt"
	"time"
)

// supervising is a contender that restarts what crashes. A goroutine on a channel does not.
type supervising interface {
	contender

	// restart models an actor that crashes over and over: one goroutine sends it a message that makes it panic, then one
	// that its next instance handles, and so on, as fast as they are taken. An operation is such a pair. It waits for
	// nothing between the crash and the next instance.
	restart(ctx context.Context, r restarts) (*trial, error)

	// idle models a program of many actors that have nothing to do. An operation is one actor, from its declaration
	// until it has started. All of them are there until the trial is stopped.
	idle(ctx context.Context, count int) *trial

	// idleEach is idle where ours waits for each actor before it starts the next one.
	idleEach(ctx context.Context, count int) *trial

	// stop models the end of such a program: every actor has two hooks for it, say to write out and to close a file. An
	// operation is one actor, from the order to stop until everything it did is known.
	stop(ctx context.Context, count int) (*trial, error)
}

// restarts say how an actor crashes.
type restarts struct {
	// within is the sliding window in which restarts are counted, and are never too many; 0 if none counts for long.
	within time.Duration
	// before is how often the actor has crashed before the clock starts.
	before int
	// count is how often it crashes while the clock runs.
	count int
}

// What a window of restarts is measured with.
const (
	restartWindow  = 10 * time.Second
	restartHistory = 20_000
)

// supervised returns the workload's prepare for those who supervise.
func supervised(
	prepare func(ctx context.Context, c supervising, ops int) (*trial, error),
) func(ctx context.Context, c contender, ops int) (*trial, error) {
	return func(ctx context.Context, c contender, ops int) (*trial, error) {
		s, ok := c.(supervising)
		if !ok {
			return nil, fmt.Errorf("%s does not supervise", c.name())
		}

		return prepare(ctx, s, ops)
	}
}
