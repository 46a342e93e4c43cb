package supervision

import (
	"cmp"
	"sync"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// ActorChild is the declaration of an actor whose messages are of type M.
type ActorChild[M any] struct{ decl actorDeclaration }

// actorDeclaration is the part of an actor's declaration that knows nothing of its message type.
type actorDeclaration struct {
	child Child
	name  string
	spec  Spec
	// limits are those of spec, with the defaults filled in.
	limits node.Limits
	// mount makes the actor; nil if there is no factory.
	mount func(place node.Place, refs *references) (node.Node, error)
	// holder is nil for all but a few.
	holder node.Holder
}

// limits returns those of the spec, with the defaults filled in.
func (s *Spec) limits() node.Limits {
	return node.Limits{
		Goroutines: cmp.Or(s.Goroutines, DefaultGoroutines), Stash: cmp.Or(s.Stash, DefaultStash), Redeliver: s.Redeliver,
	}
}

// Actor declares an actor. The factory is called for every incarnation, on the actor's goroutine; it may return any
// type that is an [actors.Actor] of M. What it needs of other actors it takes from in, with [ActorChild.From].
func Actor[M any, A actors.Actor[M]](name string, factory func(in Deps) (A, error), spec Spec) *ActorChild[M] {
	c := &ActorChild[M]{decl: actorDeclaration{name: name, spec: spec, limits: spec.limits()}}
	c.decl.child = c

	if factory == nil {
		return c
	}

	boxes := sync.OnceValues(func() (*mailbox.Template[M], error) { return mailbox.NewTemplate[M](spec.Mailbox) })

	c.decl.mount = func(place node.Place, refs *references) (node.Node, error) {
		alike, err := boxes()
		if err != nil {
			return nil, err // not of a tree that was compiled
		}

		return actors.Mount(place, alike, func(path string, gate *node.Gate) (actors.Actor[M], error) {
			in := refs.grant(path, gate, c.decl.spec.DependsOn)
			a, err := factory(in)

			return granted(in, a, err)
		})
	}

	return c
}

// Holding is [Actor] for one that holds items beside its mailbox. It is for package pipeline: users cannot name a
// holder. The declaration can be run by one system only.
func Holding[M any, A actors.Actor[M]](
	name string, factory func(in Deps) (A, error), spec Spec, holder node.Holder,
) *ActorChild[M] {
	c := Actor(name, factory, spec)
	c.decl.holder = holder

	return c
}

// granted is what a factory has made with what it was granted, unless it asked for more.
func granted[M any, A actors.Actor[M]](in Deps, a A, err error) (actors.Actor[M], error) {
	if err == nil {
		err = in.view.err()
	}

	if err != nil {
		return nil, err
	}

	return a, nil
}

func (c *ActorChild[M]) declaration() declaration {
	if c == nil {
		return declaration{}
	}

	return declaration{name: c.decl.name, actor: &c.decl}
}

// From returns the reference to this actor that in grants. If the actor that in was made for did not declare the
// dependency, the reference is the zero one and the factory's result is discarded with an [*UndeclaredError].
func (c *ActorChild[M]) From(in Deps) actors.Ref[M] {
	if c == nil || in.view == nil {
		return actors.Ref[M]{}
	}

	n := in.view.resolve(c, c.decl.name)
	if n == nil {
		return actors.Ref[M]{}
	}

	return actors.Resolve[M](n, in.view.gate)
}
