package pipeline

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// none is the item of an output there is not.
type none struct{}

// To ends a flow in a sink, which gets as many items at a time as there are, at most a handful of 256. If a Write fails
// for good that had several items, each of them is written alone.
func To[T any](f Flow[T], name string, sink Sink[T], s Stage) {
	ToWith(f, name, func(supervision.Deps) (Sink[T], error) { return sink, nil }, s)

	if f.from == nil {
		return // its pipeline is nobody's
	}

	v := f.from.pipeline.vertices[len(f.from.pipeline.vertices)-1]
	v.shared = true

	switch {
	case sink == nil:
		v.wrongf("Sink", "is nil, must take items")
	case len(s.DependsOn) == 0:
		v.opens = sink
	}
}

// ToWith is [To] with a sink that refers to actors: it is made anew for every incarnation of the stage, with the
// references that Stage.DependsOn declares.
func ToWith[T any](f Flow[T], name string, factory func(in supervision.Deps) (Sink[T], error), s Stage) {
	v := after(f, name, sinkKind, s, 0)
	v.checkFunc(factory == nil)
	v.diverts = divertible[T]
	v.open = func(r *run) { inlet[T](r, v, 0) }
	v.declare = func(r *run, spec supervision.Spec) (supervision.Child, member) {
		st := newStage[T, none](r, v, func(in supervision.Deps) (job[T, none], error) {
			sink, err := factory(in)

			switch {
			case err != nil:
				return job[T, none]{}, err
			case sink == nil:
				return job[T, none]{}, errMadeNothing
			default:
				return job[T, none]{all: written(sink), with: sink}, nil
			}
		})
		st.collect = &collector[T]{size: st.hand}

		return st.child(spec)
	}
}

// written writes items to a sink.
func written[T any](sink Sink[T]) func(ctx context.Context, items []item[T], res *results[T, none]) error {
	return func(ctx context.Context, items []item[T], res *results[T, none]) error {
		defer func() { res.values = clearAll(res.values) }()

		for i := range items {
			res.values = append(res.values, items[i].value)
		}

		if err := sink.Write(ctx, res.values); err != nil {
			return err
		}

		for i := range items {
			res.done = append(res.done, items[i].mark)
		}

		return nil
	}
}

// ToFunc ends a flow in a function.
func ToFunc[T any](f Flow[T], name string, fn func(ctx context.Context, v T) error, s Stage) {
	v := after(f, name, steadyKind, s, 0)
	v.checkFunc(fn == nil)
	stageOf(v, fixed(func(*stage[T, none]) operation[T, none] {
		return func(ctx context.Context, it *item[T], res *results[T, none]) error {
			if err := fn(ctx, it.value); err != nil {
				return err
			}

			res.done = append(res.done, it.mark)

			return nil
		}
	}))
}

// Target is a child that messages can be sent to: an actor or a pool.
type Target[M any] interface {
	supervision.Child
	From(in supervision.Deps) actors.Ref[M]
}

// ToRef ends a flow in an actor or a pool outside: an item is done when its mailbox has accepted it. The stage depends
// on it.
func ToRef[M any](f Flow[M], name string, to Target[M], s Stage) {
	v := after(f, name, steadyKind, s, 0)
	if to == nil {
		v.wrongf("Target", "is nil, must be an actor or a pool")

		return
	}

	v.stage.DependsOn = append(supervision.On(to), s.DependsOn...)
	stageOf(v, func(*stage[M, none]) func(in supervision.Deps) (operation[M, none], error) {
		return func(in supervision.Deps) (operation[M, none], error) {
			ref := to.From(in)

			return func(ctx context.Context, it *item[M], res *results[M, none]) error {
				if err := ref.Tell(ctx, it.value); err != nil {
					return err
				}

				res.done = append(res.done, it.mark)

				return nil
			}, nil
		}
	})
}

// Ask is a stage that is an actor or a pool outside: it is asked for each item, and its answer goes on. The stage
// depends on it. To keep several at work at a time, give the stage as many workers.
func Ask[In, Out, M any](
	f Flow[In], name string, to Target[M], build func(v In, r actors.Reply[Out]) M, s Stage,
) Flow[Out] {
	if to == nil || build == nil {
		v := after(f, name, steadyKind, s, 1)
		v.wrongf("Target", "and the function that builds the message must not be nil")

		return Flow[Out]{v, 0}
	}

	s.DependsOn = append(supervision.On(to), s.DependsOn...)

	return MapWith(f, name, func(in supervision.Deps) (func(ctx context.Context, v In) (Out, error), error) {
		ref := to.From(in)

		return func(ctx context.Context, v In) (Out, error) {
			return actors.Ask(ctx, ref, func(r actors.Reply[Out]) M { return build(v, r) })
		}, nil
	}, s)
}
