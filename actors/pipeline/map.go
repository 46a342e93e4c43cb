package pipeline

import (
	"context"

	"github.com/troupe-go/troupe/supervision"
)

// stageOf declares a stage that calls a function for each item.
func stageOf[In, Out any](
	v *vertex, with func(s *stage[In, Out]) func(in supervision.Deps) (operation[In, Out], error),
) Flow[Out] {
	v.diverts = divertible[In]
	v.open = func(r *run) { inlet[In](r, v, 0) }
	v.declare = func(r *run, spec supervision.Spec) (supervision.Child, member) {
		s := newStage[In, Out](r, v, nil)
		made := with(s)
		s.made = func(in supervision.Deps) (job[In, Out], error) {
			op, err := made(in)

			return job[In, Out]{one: op}, err
		}

		return s.child(spec)
	}

	return Flow[Out]{v, 0}
}

// fixed is what a stage does that is the same for all incarnations.
func fixed[In, Out any](
	op func(s *stage[In, Out]) operation[In, Out],
) func(s *stage[In, Out]) func(supervision.Deps) (operation[In, Out], error) {
	return func(s *stage[In, Out]) func(supervision.Deps) (operation[In, Out], error) {
		return func(supervision.Deps) (operation[In, Out], error) { return op(s), nil }
	}
}

// checkFunc notes that a function is missing.
func (v *vertex) checkFunc(isNil bool) {
	if isNil {
		v.wrongf("Func", "is nil, must be a function")
	}
}

// Map makes one item of each, in order unless the stage says otherwise. The context ends when the time for the item is
// over, or the stage halts.
func Map[In, Out any](f Flow[In], name string, fn func(ctx context.Context, v In) (Out, error), s Stage) Flow[Out] {
	v := after(f, name, steadyKind, s, 1)
	v.checkFunc(fn == nil)

	return stageOf(v, fixed(func(*stage[In, Out]) operation[In, Out] { return mapped(fn) }))
}

func mapped[In, Out any](fn func(ctx context.Context, v In) (Out, error)) operation[In, Out] {
	return func(ctx context.Context, it *item[In], res *results[In, Out]) error {
		v, err := fn(ctx, it.value)
		if err == nil {
			res.emit(0, it.mark, v)
		}

		return err
	}
}

// MapWith is [Map] with a function that refers to actors: it is made anew for every incarnation of the stage, with the
// references that Stage.DependsOn declares.
func MapWith[In, Out any](
	f Flow[In], name string, factory func(in supervision.Deps) (func(ctx context.Context, v In) (Out, error), error),
	s Stage,
) Flow[Out] {
	v := after(f, name, steadyKind, s, 1)
	v.checkFunc(factory == nil)

	return stageOf(v, func(*stage[In, Out]) func(in supervision.Deps) (operation[In, Out], error) {
		return func(in supervision.Deps) (operation[In, Out], error) {
			fn, err := factory(in)
			if err == nil && fn == nil {
				err = errMadeNothing
			}

			return mapped(fn), err
		}
	})
}

// Filter passes on the items that keep reports true for; the others are done.
func Filter[T any](f Flow[T], name string, keep func(ctx context.Context, v T) (bool, error), s Stage) Flow[T] {
	v := after(f, name, steadyKind, s, 1)
	v.checkFunc(keep == nil)

	return stageOf(v, fixed(func(st *stage[T, T]) operation[T, T] {
		return func(ctx context.Context, it *item[T], res *results[T, T]) error {
			ok, err := keep(ctx, it.value)

			switch {
			case err != nil:
				return err
			case ok:
				res.emit(0, it.mark, it.value)
			default:
				res.done = append(res.done, it.mark)
				st.leaveHole(res.outs)
			}

			return nil
		}
	}))
}

// Tap calls a function with each item and passes the item on.
func Tap[T any](f Flow[T], name string, fn func(ctx context.Context, v T) error, s Stage) Flow[T] {
	v := after(f, name, steadyKind, s, 1)
	v.checkFunc(fn == nil)

	return stageOf(v, fixed(func(*stage[T, T]) operation[T, T] {
		return mapped(func(ctx context.Context, v T) (T, error) { return v, fn(ctx, v) })
	}))
}

// Throttle passes items on no faster than the rate.
func Throttle[T any](f Flow[T], name string, r Rate) Flow[T] {
	v := after(f, name, steadyKind, Stage{Rate: r}, 1)

	if r.PerSecond == 0 { // one that is worse is reported like that of any stage
		v.wrongf("Rate.PerSecond", "0 is out of range, must be above 0")
	}

	return stageOf(v, fixed(func(*stage[T, T]) operation[T, T] { return pass[T] }))
}

// pass passes an item on.
func pass[T any](_ context.Context, it *item[T], res *results[T, T]) error {
	res.outs[0] = append(res.outs[0], *it)

	return nil
}

// FlatMap makes any number of items of each: those that fn emits, in that order. They are passed on when fn has
// returned; if it fails, none of them is. The source item is done when all of them are. Emit is for the goroutine that
// runs fn, until that returns.
func FlatMap[In, Out any](
	f Flow[In], name string, fn func(ctx context.Context, v In, emit func(Out)) error, s Stage,
) Flow[Out] {
	v := after(f, name, freeKind, s, 1)
	v.checkFunc(fn == nil)

	return stageOf(v, fixed(func(*stage[In, Out]) operation[In, Out] {
		return func(ctx context.Context, it *item[In], res *results[In, Out]) error {
			var made []Out

			if err := fn(ctx, it.value, func(o Out) { made = append(made, o) }); err != nil {
				return err
			}

			for i, o := range made {
				if i > 0 {
					res.forks = append(res.forks, it.mark)
				}

				res.emit(0, it.mark, o)
			}

			if len(made) == 0 {
				res.done = append(res.done, it.mark)
			}

			return nil
		}
	}))
}
