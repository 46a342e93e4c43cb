package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// protoactor is protoactor-go, with its default mailbox, which is unbounded, or with its bounded one. A message is
// boxed in an interface, as its API asks for.
type protoactor struct {
	label   string
	bounded bool
	// guardian is set if a guardian supervises what crashes, and no actor.
	guardian bool
}

// futureTimeout bounds a request; it never passes.
const futureTimeout = time.Minute

func (p protoactor) name() string { return p.label }

func (p protoactor) tell(ctx context.Context, senders, receivers, count int) (*trial, error) {
	all := newReceivers(receivers, count)
	pids := make([]*actor.PID, receivers)
	stage := newStage()

	for n, r := range all {
		pids[n] = stage.spawn(p, func(c actor.Context) {
			if m, ok := c.Message().(message); ok {
				r.handle(m)
			}
		})
	}

	send := func(sender int) {
		pid := pids[receiverOf(sender, senders, receivers)]
		first, end := span(sender, senders, count)

		for i := first; i < end; i++ {
			stage.system.Root.Send(pid, nth(i))
		}
	}

	return &trial{
		run: func() error {
			inParallel(senders, send)

			return waitAll(ctx, all)
		},
		stop:      stage.stop,
		receivers: all,
	}, nil
}

func (p protoactor) chain(ctx context.Context, count int) (*trial, error) {
	all := newLinks(count)
	last := all[links-1]
	stage := newStage()
	first := stage.spawn(p, func(c actor.Context) {
		if m, ok := c.Message().(message); ok {
			last.handle(m)
		}
	})

	for _, r := range slices.Backward(all[:links-1]) {
		next := first
		first = stage.spawn(p, func(c actor.Context) {
			if m, ok := c.Message().(message); ok {
				r.handle(m)
				c.Send(next, c.Message()) // as it came: it is not boxed again
			}
		})
	}

	return &trial{
		run: func() error {
			for i := range count {
				stage.system.Root.Send(first, nth(i))
			}

			return last.wait(ctx)
		},
		stop:      stage.stop,
		receivers: all,
	}, nil
}

func (p protoactor) pingPong(ctx context.Context, rounds int) (*trial, error) {
	var toPing, toPong *actor.PID

	ping, pong := newReceiver("ping", rounds), newReceiver("pong", rounds)
	stage := newStage()
	toPong = stage.spawn(p, func(c actor.Context) {
		if m, ok := c.Message().(message); ok {
			pong.handle(m)
			c.Send(toPing, m)
		}
	})
	toPing = stage.spawn(p, func(c actor.Context) {
		if m, ok := c.Message().(message); ok && ping.handle(m) {
			c.Send(toPong, nth(ping.handled.count))
		}
	})

	return &trial{
		run: func() error {
			stage.system.Root.Send(toPong, nth(0))

			return ping.wait(ctx)
		},
		stop:      stage.stop,
		receivers: []*receiver{ping, pong},
	}, nil
}

func (p protoactor) ask(_ context.Context, count int) (*trial, error) {
	server, asker := newReceiver("server", count), newReceiver("asker", count)
	stage := newStage()
	pid := stage.spawn(p, func(c actor.Context) {
		if m, ok := c.Message().(message); ok {
			server.handle(m)
			c.Respond(m)
		}
	})

	return &trial{
		run: func() error {
			for i := range count {
				answer, err := stage.system.Root.RequestFuture(pid, nth(i), futureTimeout).Result()
				if err != nil {
					return fmt.Errorf("request %d: %w", i, err)
				}

				m, ok := answer.(message)
				if !ok || m != nth(i) {
					return fmt.Errorf("asked %v, answered %v", nth(i), answer)
				}

				asker.handle(m)
			}

			return nil
		},
		stop:      stage.stop,
		receivers: []*receiver{server, asker},
	}, nil
}

// stage is a protoactor system for one trial.
type stage struct {
	system *actor.ActorSystem
	pids   []*actor.PID // one for each receiver of the trial
}

func newStage() *stage {
	silent := actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) })

	return &stage{system: actor.NewActorSystem(silent)}
}

// spawn starts an actor with the contender's mailbox.
func (s *stage) spawn(p protoactor, receive actor.ReceiveFunc) *actor.PID {
	var options []actor.PropsOption
	if p.bounded {
		options = append(options, actor.WithMailbox(actor.Bounded(capacity)))
	}

	pid := s.system.Root.Spawn(actor.PropsFromFunc(receive, options...))
	s.pids = append(s.pids, pid)

	return pid
}

// stop lets every actor work its queue off, waits for its end, and ends the system.
func (s *stage) stop() error {
	errs := make([]error, len(s.pids))
	for i, pid := range s.pids {
		if err := s.system.Root.PoisonFuture(pid).Wait(); err != nil {
			errs[i] = fmt.Errorf("stop %s: %w", pid.GetId(), err)
		}
	}

	s.system.Shutdown()

	return errors.Join(errs...)
}
