package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
)

// opener is a source or a sink.
type opener interface {
	Open(ctx context.Context) error
	Close(ctx context.Context) error
}

// try opens the sources and sinks that were not asked in the start that has failed, those behind before those they
// follow, as a start does. Left out are those that need an actor: none is there.
func (p *Pipeline) try(ctx context.Context, path string) (undo func(ctx context.Context) error, err error) {
	var (
		errs   []error
		opened []*vertex
		asked  = func(string) bool { return false }
	)

	if r := p.compiled.Load(); r != nil {
		asked = r.opening.hasAsked
		errs = append(errs, r.opening.report())
	}

	for _, v := range slices.Backward(p.vertices) {
		if v.opens == nil || asked(v.path(path)) {
			continue
		}

		if err := v.try(ctx); err != nil {
			errs = append(errs, &OpenError{Stage: v.path(path), Err: err})
		} else {
			opened = append(opened, v)
		}
	}

	return func(ctx context.Context) error {
		var errs []error

		for _, v := range slices.Backward(opened) {
			limit := orDefault(p.options.Deadlines.Close, supervision.DefaultCloseDeadline)
			if err := within(ctx, "close", limit, v.opens.Close, nil); err != nil {
				errs = append(errs, chain.Wrap(v.path(path)+": Close", err))
			}
		}

		return errors.Join(errs...)
	}, errors.Join(errs...)
}

// try opens a source or a sink. If it opens when it has been given up, it is closed there and then.
func (v *vertex) try(ctx context.Context) error {
	limit := orDefault(v.pipeline.options.Deadlines.Start, supervision.DefaultStartDeadline)

	return within(ctx, "start", limit, v.opens.Open, func() {
		_ = v.opens.Close(context.WithoutCancel(ctx)) // there is nobody left to tell
	})
}

// orDefault returns a deadline that is set, and else the default; one that is negative is reported elsewhere.
func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}

	return d
}

// within calls a function under a context that ends at nine tenths of its time, and gives it up a tenth after that
// context has ended. Late is called if it succeeds after it was given up; it may be nil.
func within(
	ctx context.Context, step string, limit time.Duration, f func(ctx context.Context) error, late func(),
) error {
	ctx, cancel := context.WithTimeout(ctx, limit-limit/10)
	defer cancel()

	returned, givenUp := make(chan error), make(chan struct{})

	go func() { // it is its own owner once it was given up, as with any abandoned actor
		err := errEnded

		defer func() {
			if v := recover(); v != nil {
				err = actors.NewPanicError(v)
			}

			select {
			case returned <- err:
			case <-givenUp:
				if err == nil && late != nil {
					late()
				}
			}
		}()

		err = f(ctx)
	}()

	select {
	case err := <-returned:
		return err
	case <-ctx.Done():
	}

	select {
	case err := <-returned:
		return err
	case <-time.After(limit / 10):
		close(givenUp)

		return &supervision.DeadlineError{Step: step, After: limit}
	}
}
