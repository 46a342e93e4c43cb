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

// hooks are how often the hooks of a stop have been called, of all actors.
type hooks struct{ first, last atomic.Int64 }

// check returns an error if not every actor has had both.
func (h *hooks) check(count int) error {
	if first, last := h.first.Load(), h.last.Load(); first != int64(count) || last != int64(count) {
		return fmt.Errorf("%d actors have stopped, their first hooks were called %d times and the last %d times",
			count, first, last)
	}

	return nil
}

// stopper is an actor that has nothing to do until it stops.
type stopper struct{ hooks *hooks }

func (stopper) Receive(*actors.Context[message], message) error { return nil }

// Flush implements [actors.Flusher].
func (s stopper) Flush(context.Context) error { //nolint:unparam // what a hook looks like
	s.hooks.first.Add(1)

	return nil
}

// Close implements [actors.Closer].
func (s stopper) Close(context.Context) error { //nolint:unparam // as above
	s.hooks.last.Add(1)

	return nil
}

// stop stops a flat tree: nobody waits for anybody.
func (troupe) stop(ctx context.Context, count int) (*trial, error) {
	return stopTree(ctx, count, time.Minute, func(supervision.Child) []supervision.Child { return nil })
}

// stopChain stops a tree in which each actor depends on the one declared before it: none stops before the next one has.
func stopChain(ctx context.Context, count int) (*trial, error) {
	const all = 50 * time.Second // less than the grace period has for a phase

	return stopTree(ctx, count, all/time.Duration(count), func(before supervision.Child) []supervision.Child {
		return supervision.On(before)
	})
}

// stopTree starts so many actors, whose stop is measured. Limit is the time each hook has. On returns what an actor
// depends on, given the one before it.
func stopTree(
	ctx context.Context, count int, limit time.Duration, on func(before supervision.Child) []supervision.Child,
) (*trial, error) {
	var called hooks

	children := make([]supervision.Child, count)

	for i := range children {
		s := supervision.Spec{Deadlines: supervision.Deadlines{Flush: limit, Close: limit}}
		if i > 0 {
			s.DependsOn = on(children[i-1])
		}

		children[i] = supervision.Actor("stopper-"+strconv.Itoa(i), instance(stopper{&called}), s)
	}

	sys, err := start(ctx, children...)
	if err != nil {
		return nil, err
	}

	var report *system.Report

	return &trial{
		run: func() (err error) {
			report, err = sys.Shutdown(context.WithoutCancel(ctx))

			return err
		},
		stop: func() error { return nil }, // it has
		extra: func() error {
			if err := account(report, 0); err != nil {
				return err
			}

			if n := len(report.Actors); n != count {
				return fmt.Errorf("%d actors have stopped, %d are in the report", count, n)
			}

			return called.check(count)
		},
	}, nil
}

// protoStopper is a stopper as protoactor sees it.
type protoStopper struct {
	hooks            *hooks
	started, stopped *countdown
}

func (s *protoStopper) Receive(c actor.Context) {
	switch c.Message().(type) {
	case *actor.Started:
		s.started.down()
	case *actor.Stopping:
		s.hooks.first.Add(1)
	case *actor.Stopped:
		s.hooks.last.Add(1)
		s.stopped.down()
	}
}

// countdown waits until something has happened so often.
type countdown struct {
	left atomic.Int64
	done chan struct{}
}

func newCountdown(from int) *countdown {
	c := &countdown{done: make(chan struct{})}
	c.left.Store(int64(from))

	return c
}

func (c *countdown) down() {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

func (c *countdown) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop poisons every actor, as nothing else lets it work its queue off first, and waits until all have said that they
// have stopped, which costs less than a future for each.
func (protoactor) stop(ctx context.Context, count int) (*trial, error) {
	var called hooks

	stage := newStage()
	started, stopped := newCountdown(count), newCountdown(count)
	props := actor.PropsFromProducer(func() actor.Actor {
		return &protoStopper{&called, started, stopped}
	})

	for i := range count {
		pid, err := stage.system.Root.SpawnNamed(props, "stopper-"+strconv.Itoa(i))
		if err != nil {
			return nil, fmt.Errorf("spawn %d: %w", i, err)
		}

		stage.pids = append(stage.pids, pid)
	}

	if err := started.wait(ctx); err != nil {
		return nil, err
	}

	return &trial{
		run: func() error {
			for _, pid := range stage.pids {
				stage.system.Root.Poison(pid)
			}

			return stopped.wait(ctx)
		},
		stop: func() error {
			stage.system.Shutdown()

			return nil
		},
		extra: func() error { return called.check(count) },
	}, nil
}
