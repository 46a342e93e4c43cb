package pipeline

import (
	"context"
	"errors"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
)

// stageActor is one incarnation of a stage's actor. Its messages are items that come from nowhere else: replayed dead
// letters.
type stageActor[In, Out any] struct {
	stage   *stage[In, Out]
	job     job[In, Out]
	refused bool // the factory has failed
	opened  bool
	fall    *downfall // once it is open
}

// Start opens what the stage works with and starts its workers.
func (a *stageActor[In, Out]) Start(ctx *actors.Context[In]) error {
	s := a.stage
	if a.refused {
		return nil // the opening fails
	}

	if err := s.run.flight.failed(); err != nil {
		return err
	}

	if a.job.with != nil {
		s.run.opening.ask(s.path)

		if err := a.job.with.Open(ctx); err != nil {
			return s.run.opening.refuse(s.path, err)
		}
	}

	a.opened, a.fall = true, newDownfall()

	if err := s.start(ctx, a); err != nil {
		return err
	}

	ctx.Unstash() // what waited for room when the incarnation before failed

	return ctx.Go(a.fall.watch)
}

// Receive puts a message into the queue, as what no source waits for.
func (a *stageActor[In, Out]) Receive(ctx *actors.Context[In], m In) error {
	select {
	case <-a.stage.over: // nobody works any more
		a.stage.letter(m, mailbox.Stopped, ErrStopped, mailbox.Delivery{})

		return nil
	default:
	}

	p := newParker()
	items := []item[In]{{value: m}}

	for {
		switch n := a.stage.queue.put(p, items); {
		case n < 0:
			return mailbox.ErrStopped
		case n > 0:
			return nil
		}

		select {
		case <-p:
		case <-a.fall.come: // nobody makes room until the next incarnation does
			a.stage.queue.forget(p)

			return ctx.Stash()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Drain waits until the workers have worked off everything: nothing can come any more.
func (a *stageActor[In, Out]) Drain(ctx context.Context) error {
	s := a.stage
	if !a.opened {
		return nil
	}

	return a.fall.drain(ctx, s.in.end, s.over)
}

// Close ends the workers, and then what they work with. It fails with what a worker has crashed with meanwhile, too. An
// incarnation that was given up on and comes back behind the start of a later one has nothing but what it works with
// alone.
func (a *stageActor[In, Out]) Close(ctx context.Context) error {
	if !a.opened {
		return nil
	}

	current := a.stage.isCurrent(a)
	if current {
		a.stage.halt(ctx)
	}

	err := a.fall.untold()

	if a.job.with != nil && (current || !a.stage.v.shared) {
		err = errors.Join(err, a.job.with.Close(ctx))
	}

	return err
}

// halt ends the workers of an incarnation and waits for them. Those that do not return in time are fenced.
func (s *stage[In, Out]) halt(ctx context.Context) {
	s.halting.Store(true)

	s.mu.Lock()

	gone := make(chan struct{})
	if len(s.workers) == 0 {
		close(gone)
	} else {
		s.gone = gone
		for _, w := range s.workers {
			signal(w.park)
		}
	}

	dropping := s.dropping
	s.mu.Unlock()

	patience := ctx
	if dropping { // they have had the time of the drain, and of the flush
		half, enough := halfOf(ctx)
		defer enough()

		patience = half
	}

	select {
	case <-gone:
	case <-patience.Done():
		s.giveUp()
		s.fence(mailbox.Abandoned, patience.Err(), nil)
		<-gone // the others are in no function, and come back of themselves
	}
}
