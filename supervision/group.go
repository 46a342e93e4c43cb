package supervision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"sync"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// MaxGroupChildren is the largest bound a group can be given.
const MaxGroupChildren = 1 << 20

// GroupSpec says how a group and its children are supervised.
type GroupSpec struct {
	// MaxChildren is how many children the group may have at a time, from 1 to [MaxGroupChildren]. It must be set.
	MaxChildren int
	// Child says how each child is supervised. What its DependsOn declares, the group as a whole depends on.
	Child Spec
	// Budget of restarts, shared by all children; it must be set. When it is exhausted the group fails with all of them.
	Budget Budget
	// Restart type of the group under its parent; unset means [Transient]. A group that is restarted begins without
	// children.
	Restart Restart
	// Backoff between restarts of the whole group.
	Backoff Backoff
}

// GroupChild is the declaration of a group of actors that are started and stopped at run time, each from an argument of
// type Arg and with messages of type M.
type GroupChild[M, Arg any] struct {
	decl    groupDeclaration
	factory func(in Deps, arg Arg) (actors.Actor[M], error)
	boxes   func() (*mailbox.Template[M], error)
}

// groupDeclaration is the part of the declaration of a group or a pool that knows nothing of types.
type groupDeclaration struct {
	child   Child
	name    string
	max     int
	size    int // of a pool; 0 for a group
	budget  Budget
	restart Restart
	backoff Backoff
	members actorDeclaration
	// front makes the one reference that stands for a pool; nil for a group.
	front func(place node.Place) (node.Front, error)
	// routing is what is wrong with that of a pool; nil if it is valid.
	routing error
}

// DynamicGroup declares a group: a supervisor, one-for-one, whose children are started and stopped at run time with
// [GroupChild.From]. They live and die with it: when it comes down, because it gives up or its parent restarts it, they
// end for good, as under OTP's DynamicSupervisor. At a shutdown they are drained like all others.
//
// The factory is called for every incarnation of a child, with the argument the child was started with. It takes what
// it needs of other actors from in, with [ActorChild.From].
func DynamicGroup[M, Arg any, A actors.Actor[M]](
	name string, factory func(in Deps, arg Arg) (A, error), spec GroupSpec,
) *GroupChild[M, Arg] {
	c := &GroupChild[M, Arg]{decl: groupDeclaration{
		name: name, max: spec.MaxChildren, budget: spec.Budget, restart: spec.Restart, backoff: spec.Backoff,
		members: actorDeclaration{name: "*", spec: spec.Child, limits: spec.Child.limits()},
	}}
	c.decl.child = c
	c.boxes = sync.OnceValues(func() (*mailbox.Template[M], error) { return mailbox.NewTemplate[M](spec.Child.Mailbox) })

	if factory != nil {
		c.factory = func(in Deps, arg Arg) (actors.Actor[M], error) { return factory(in, arg) }
		c.decl.members.mount = func(node.Place, *references) (node.Node, error) { return nil, errNoArgument }
	}

	return c
}

var errNoArgument = errors.New("a child of a group is started with an argument")

func (c *GroupChild[M, Arg]) declaration() declaration {
	if c == nil {
		return declaration{}
	}

	return declaration{name: c.decl.name, group: &c.decl}
}

// From returns the handle to this group that in grants. If the actor that in was made for did not declare the
// dependency, the handle is the zero one and the factory's result is discarded with an [*UndeclaredError].
func (c *GroupChild[M, Arg]) From(in Deps) Group[M, Arg] {
	if c == nil || in.view == nil {
		return Group[M, Arg]{}
	}

	id, ok := in.view.group(c, c.decl.name)
	if !ok {
		return Group[M, Arg]{}
	}

	return Group[M, Arg]{&running[M, Arg]{decl: c, id: id, view: in.view}}
}

// Group is the handle to a running group: the capability to start and stop its children. It is a small value to be
// copied; the zero Group answers [actors.ErrNoRef]. Safe for concurrent use.
type Group[M, Arg any] struct{ of *running[M, Arg] }

// running is a group in a running system, as somebody has it.
type running[M, Arg any] struct {
	decl *GroupChild[M, Arg]
	id   int
	view *view
}

// Start adds a child and returns its reference once it has started. Name is the last element of its path and must be
// free; if it is empty, a number is taken. The error is what the child's start failed with, and then it is not there
// and is not restarted, as in OTP; a [*GroupFullError]; [ErrGroupDown]; a [*SpecError] for a name that cannot be one;
// a [*actors.NameTakenError]; [ErrNotStarted] if it was stopped meanwhile; or [mailbox.ErrStopping] and
// [mailbox.ErrStopped] at a shutdown. If ctx ends first, the child is stopped again and the error is the context's. The
// zero Group is [actors.ErrNoRef], a nil context [mailbox.ErrNilContext].
//
// The child's Start must not wait for the actor that calls this from its Receive.
func (g Group[M, Arg]) Start(ctx context.Context, name string, arg Arg) (actors.Ref[M], error) {
	if err := g.check(ctx, "Start"); err != nil {
		return actors.Ref[M]{}, err
	}

	if name != "" {
		problem := nameProblem(name)
		if name == "*" {
			problem = `"*" stands for those that have gone`
		}

		if problem != "" {
			return actors.Ref[M]{}, &SpecError{Path: g.pathOf(name), Field: "Name", Problem: problem}
		}
	}

	refs := g.of.view.refs

	boxes, err := g.of.decl.boxes()
	if err != nil {
		return actors.Ref[M]{}, err // not of a tree that was compiled
	}

	made := child[M, Arg]{arg, g.of}.factory()

	n, err := refs.spawn(ctx, g.of.id, name, func(id int, path string) (node.Node, error) {
		return actors.Mount(node.Place{ID: id, Path: path, Common: refs.members[g.of.id]}, boxes, made)
	})
	if err != nil {
		return actors.Ref[M]{}, err
	}

	return actors.Resolve[M](n, g.of.view.gate), nil
}

// child is what the factory of one child holds on to. All children have one, so it is small; the argument does not come
// last, where one without a size would have some.
type child[M, Arg any] struct {
	arg Arg
	of  *running[M, Arg]
}

// factory returns that of the child.
func (c child[M, Arg]) factory() actors.Factory[M] {
	return func(path string, gate *node.Gate) (actors.Actor[M], error) {
		decl := c.of.decl
		in := c.of.view.refs.grant(path, gate, decl.decl.members.spec.DependsOn)
		a, err := decl.factory(in, c.arg)

		return granted[M](in, a, err)
	}
}

// spawn adds a child to a group and waits until it has started. One that has not is returned with the error; it may
// still be going. With a context that has ended nothing is added.
func (r *references) spawn(
	ctx context.Context, group int, name string, mount func(id int, path string) (node.Node, error),
) (node.Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, &FailureError{Path: r.path(group), Err: err}
	}

	n, started, err := r.host.Spawn(group, name, mount)
	if err != nil {
		return nil, err
	}

	select {
	case err = <-started:
	case <-ctx.Done():
		err = &FailureError{Path: n.Path(), Err: ctx.Err()}
		_, _ = r.host.Stop(n.Path(), node.AtOnce) // at a shutdown it goes anyway
	}

	return n, err
}

// Stop ends a child for good, whatever its restart type: it works its queue off, flushes and closes. Stop returns when
// it is gone, or with the context's error, and then the child is going all the same. A name that nobody has is a
// [*NoChildError]; at a shutdown, which stops everybody in order, the error is [mailbox.ErrStopping]. A child must not
// stop itself with this and wait; that is for [actors.Context.Stop].
func (g Group[M, Arg]) Stop(ctx context.Context, name string) error {
	if err := g.check(ctx, "Stop"); err != nil {
		return err
	}

	gone, err := g.of.view.refs.host.Stop(g.pathOf(name), node.Poison)

	switch {
	case err != nil:
		return &FailureError{Path: g.Path(), Err: err}
	case gone == nil:
		return &NoChildError{Path: g.Path(), Name: name}
	}

	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return &FailureError{Path: g.pathOf(name), Err: ctx.Err()}
	}
}

// Lookup returns the reference to a child, if there is one of that name.
func (g Group[M, Arg]) Lookup(name string) (actors.Ref[M], bool) {
	if g.of == nil {
		return actors.Ref[M]{}, false
	}

	n := g.of.view.refs.host.Child(g.pathOf(name))
	if n == nil {
		return actors.Ref[M]{}, false
	}

	return actors.Resolve[M](n, g.of.view.gate), true
}

// All yields the children that are there when it begins, by name, in the order they were started.
func (g Group[M, Arg]) All() iter.Seq2[string, actors.Ref[M]] {
	return func(yield func(string, actors.Ref[M]) bool) {
		if g.of == nil {
			return
		}

		for _, n := range g.of.view.refs.host.Children(g.of.id) {
			if !yield(path.Base(n.Path()), actors.Resolve[M](n, g.of.view.gate)) {
				return
			}
		}
	}
}

// Len returns how many children there are.
func (g Group[M, Arg]) Len() int {
	if g.of == nil {
		return 0
	}

	return len(g.of.view.refs.host.Children(g.of.id))
}

// Path returns the group's path, or "" for the zero Group.
func (g Group[M, Arg]) Path() string {
	if g.of == nil {
		return ""
	}

	return g.of.view.refs.path(g.of.id)
}

// pathOf returns the path of a child. The name is taken as it is: one with ".." in it leads nowhere else.
func (g Group[M, Arg]) pathOf(name string) string { return g.Path() + "/" + name }

func (g Group[M, Arg]) check(ctx context.Context, method string) error {
	switch {
	case g.of == nil:
		return actors.ErrNoRef
	case ctx == nil:
		return fmt.Errorf("%s: %s: %w", g.Path(), method, mailbox.ErrNilContext)
	default:
		return g.of.view.gateErr(g.Path())
	}
}

// NoChildError says that a group has no child of a name.
type NoChildError struct {
	// Path of the group.
	Path string
	// Name that nobody has.
	Name string
}

// Error names both.
func (e *NoChildError) Error() string { return e.Path + ": the group has no child " + e.Name }
