package supervision

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// PoolSpec says how a pool and its members are supervised.
type PoolSpec[M any] struct {
	// Size is how many members the pool starts with, from 1 to Max. It must be set.
	Size int
	// Max is the most members the pool can be resized to, up to [MaxGroupChildren]; 0 means Size.
	Max int
	// Routing chooses the member for each message; the zero value is [actors.RoundRobin].
	Routing actors.Routing[M]
	// Member says how each member is supervised. What its DependsOn declares, the pool as a whole depends on. The default
	// Backoff.Stable of a minute is long for members that fail now and then by their nature, such as clients of an
	// unreliable service: they would wait ever longer.
	Member Spec
	// Budget of restarts, shared by all members; it must be set. When it is exhausted the pool fails as a whole.
	Budget Budget
	// Restart type of the pool under its parent; unset means [Transient]. Members keep their queues across it, and are
	// as many as before.
	Restart Restart
	// Backoff between restarts of the whole pool.
	Backoff Backoff
}

// PoolChild is the declaration of a pool of identical actors behind one reference, what Akka calls a router pool.
type PoolChild[M any] struct{ decl groupDeclaration }

// Pool declares a pool: one node of the tree, supervised one-for-one inside, that starts, restarts and is drained as
// one. Its members are called 1, 2, …; the factory is called for every incarnation of each. What is sent to the pool's
// reference goes straight to the mailbox of the member that the routing chooses: the pool has no queue of its own.
//
// A member that ends for good, because it stops itself or is temporary, leaves the pool smaller. A pool whose last
// member has left runs, but is not ready, and has nobody who would ever take a message: it answers
// [mailbox.ErrStopped], though it has not ended, and who watches it is not told that it has. [PoolChild.Resize] brings
// it back; a restart of such a pool begins anew with Size members. One that has members left keeps just those.
func Pool[M any, A actors.Actor[M]](name string, factory func(in Deps) (A, error), spec PoolSpec[M]) *PoolChild[M] {
	most := spec.Max
	if most == 0 {
		most = spec.Size
	}

	c := &PoolChild[M]{decl: groupDeclaration{
		name: name, max: most, size: spec.Size, budget: spec.Budget, restart: spec.Restart, backoff: spec.Backoff,
		members: Actor("*", factory, spec.Member).decl,
		front: func(place node.Place) (node.Front, error) {
			return actors.MountFront(place, spec.Routing)
		},
		routing: spec.Routing.Validate(),
	}}
	c.decl.child = c

	return c
}

func (c *PoolChild[M]) declaration() declaration {
	if c == nil {
		return declaration{}
	}

	return declaration{name: c.decl.name, group: &c.decl}
}

// From returns the reference to the pool that in grants, as [ActorChild.From] does to an actor.
func (c *PoolChild[M]) From(in Deps) actors.Ref[M] {
	if c == nil || in.view == nil {
		return actors.Ref[M]{}
	}

	id, ok := in.view.group(c, c.decl.name)
	if !ok {
		return actors.Ref[M]{}
	}

	return actors.ResolveFront[M](in.view.refs.fronts[id], in.view.gate)
}

// Resize starts or stops members until the pool has size of them, from 1 to PoolSpec.Max. New ones take part once
// they have started; those that go, the last ones first, get no more messages and work off what they have. Resize
// returns when that is done. The error is that of the first start that failed, and then the pool has those that did
// start; [ErrNotStarted]; [ErrGroupDown]; a [*GroupFullError] if members that have ended hang and leave too little room
// for new ones; a [*SpecError] for a size out of range; or the context's, or
// [mailbox.ErrStopping] for an actor that waits in Receive when the drain of a shutdown begins, and then those that
// were to go still go, and one that was starting is stopped again. Calls wait for each other, and for those that an
// earlier call has left going. One that fails on its way out is not restarted: what it has queued is dead letters. A
// member must not wait for its own end.
func (c *PoolChild[M]) Resize(ctx context.Context, in Deps, size int) error {
	if c == nil || in.view == nil {
		return actors.ErrNoRef
	}

	id, ok := in.view.group(c, c.decl.name)
	if !ok {
		return actors.ErrNoRef
	}

	refs := in.view.refs
	path := refs.path(id)

	if ctx == nil {
		return fmt.Errorf("%s: Resize: %w", path, mailbox.ErrNilContext)
	}

	if size < 1 || size > c.decl.max {
		return &SpecError{
			Path: path, Field: "Size", Problem: fmt.Sprintf("%d is out of range, must be from 1 to %d", size, c.decl.max),
		}
	}

	if err := in.view.gateErr(path); err != nil {
		return err
	}

	return refs.resize(ctx, id, size, func(member int, path string) (node.Node, error) {
		return refs.member(id, member, path)
	})
}
