package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// errCrash is what a crasher panics with.
var errCrash = errors.New("crash")

// order is a message, or the order to crash.
type order struct {
	message message
	crash   bool
}

// crashes is what all instances of a crasher have done. It belongs to the goroutine that runs the actor.
type crashes struct {
	*receiver

	restarts

	instances int
	ready     chan struct{} // closed when the crashes before the clock starts are over
}

func newCrashes(r restarts) *crashes {
	return &crashes{receiver: newReceiver("crasher", r.before+r.count), restarts: r, ready: make(chan struct{})}
}

// crasher is one instance of an actor that crashes when it is told to.
type crasher struct {
	*crashes

	crashed bool
}

// fresh makes an instance.
func (c *crashes) fresh() *crasher {
	c.instances++

	return &crasher{crashes: c}
}

// obey panics, or handles a message if this instance has not panicked.
func (c *crasher) obey(o order) {
	switch {
	case o.crash:
		c.crashed = true

		panic(errCrash)
	case c.crashed: // what it does not handle is missed by the check
	default:
		c.handle(o.message)

		if c.handled.count == c.before {
			close(c.ready)
		}
	}
}

// trial returns the trial of an actor that is sent to with send, once its first crashes are over.
func (c *crashes) trial(ctx context.Context, send func(o order) error, stop func() error) (*trial, error) {
	t := &trial{
		run: func() error {
			if err := tellCrashes(c.before, c.before+c.count, send); err != nil {
				return err
			}

			return c.wait(ctx)
		},
		stop:      stop,
		receivers: []*receiver{c.receiver},
		extra: func() error {
			if c.instances != c.before+c.count+1 {
				return fmt.Errorf("%d crashes have made %d instances", c.before+c.count, c.instances)
			}

			return nil
		},
	}

	if c.before == 0 {
		return t, nil
	}

	err := tellCrashes(0, c.before, send)
	if err == nil {
		select {
		case <-c.ready:
			return t, nil
		case <-ctx.Done():
			err = fmt.Errorf("the first crashes: %w", context.Cause(ctx))
		}
	}

	return nil, errors.Join(err, stop())
}

// tellCrashes sends the messages from first to before end, and the order to crash before each.
func tellCrashes(first, end int, send func(o order) error) error {
	for i := first; i < end; i++ {
		if err := send(order{crash: true}); err != nil {
			return fmt.Errorf("crash %d: %w", i, err)
		}

		if err := send(order{message: nth(i)}); err != nil {
			return fmt.Errorf("tell %d: %w", i, err)
		}
	}

	return nil
}

// Receive implements [actors.Actor].
func (c *crasher) Receive(_ *actors.Context[order], o order) error { //nolint:unparam // what an actor looks like
	c.obey(o)

	return nil
}

func (troupe) restart(ctx context.Context, r restarts) (*trial, error) {
	c := newCrashes(r)
	s := spec()
	s.Backoff.Initial = supervision.Immediately

	budget := supervision.Budget{Restarts: supervision.MaxRestarts, Within: r.within}
	if r.within == 0 {
		budget = supervision.Budget{Restarts: 1, Within: 1} // of a nanosecond, in which there is no other
	}

	child := supervision.Actor(c.name, func(supervision.Deps) (*crasher, error) { return c.fresh(), nil }, s)

	sys, err := startWithin(ctx, budget, child)
	if err != nil {
		return nil, err
	}

	ref := child.From(sys.Intake())
	total := r.before + r.count

	return c.trial(ctx, func(o order) error { return ref.Tell(ctx, o) }, func() error {
		report, err := sys.Shutdown(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("shut down: %w", err)
		}

		return accountFailed(report, total, total)
	})
}

// protoCrasher is a crasher as protoactor sees it.
type protoCrasher struct{ *crasher }

func (p protoCrasher) Receive(c actor.Context) {
	if o, ok := c.Message().(order); ok {
		p.obey(o)
	}
}

func (p protoactor) restart(ctx context.Context, r restarts) (*trial, error) {
	c := newCrashes(r)
	stage := newStage()
	strategy := actor.NewOneForOneStrategy(math.MaxInt, r.within, actor.DefaultDecider)
	props := actor.PropsFromProducer(func() actor.Actor { return protoCrasher{c.fresh()} })

	var pid *actor.PID

	if p.guardian {
		pid = stage.system.Root.WithGuardian(strategy).Spawn(props) // it decides on the goroutine of who has failed
		stage.pids = append(stage.pids, pid)
	} else {
		spawned := make(chan *actor.PID, 1)
		parent := actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(*actor.Started); ok {
				spawned <- c.Spawn(props)
			}
		}, actor.WithSupervisor(strategy))
		stage.pids = append(stage.pids, stage.system.Root.Spawn(parent))
		pid = <-spawned
	}

	return c.trial(ctx, func(o order) error {
		stage.system.Root.Send(pid, o)

		return nil
	}, stage.stop)
}
