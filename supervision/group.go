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
// and is not restarted, as in OTP; a [*GroupFullError]; [ErrGroupDown]; a [*SpecError] for a name that cannot be one
// ([MaxName]), or is "*"; a [*actors.NameTakenError]; [ErrNotStarted] if it was stopped meanwhile; or
// [mailbox.ErrStopping] and [mailbox.ErrStopped] at a shutdown. If ctx ends first, the child is stopped again and the
// error is the context's. The zero Group is [actors.ErrNoRef], a nil context [mailbox.ErrNilContext].
//
// The child's Start must not wait for the actor that calls this from its Receive.
func (g Group[M, Arg]) Start(ctx context.Context, name string, arg Arg) (actors.Ref[M], error) {
	if err := g.check(ctx, "Start"); err != nil {
		return actors.Ref[M]{}, err
	}

	b, err := newBatch(g.of, 1)
	if err != nil {
		return actors.Ref[M]{}, err
	}

	if err := b.add(name, arg); err != nil {
		return actors.Ref[M]{}, err
	}

	if err := b.send(ctx); err != nil {
		return actors.Ref[M]{}, err
	}

	b.await(ctx)

	return b.outcome(0)
}

// Stop ends a child for good, whatever its restart type: it works its queue off, flushes and closes. Stop returns when
// it is gone, or with the context's error, and then the child is going all the same. A name that nobody has is a
// [*NoChildError]; at a shutdown, which stops everybody in order, the error is [mailbox.ErrStopping], also for an actor
// that waits in Receive when the drain begins. A child that fails meanwhile is not restarted: what it has queued is
// dead letters. A child must not stop itself with this and wait; that is for [actors.Context.Stop].
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
	case <-g.of.view.refs.host.Overtaken(ctx):
		return &FailureError{Path: g.pathOf(name), Err: mailbox.ErrStopping}
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

	return g.of.path()
}

func (r *running[M, Arg]) path() string { return r.view.refs.path(r.id) }

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
