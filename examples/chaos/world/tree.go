package world

import (
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

const (
	// deadline of every step but the drain; hangs are longer.
	deadline = time.Second
	drain    = 2 * time.Second
	// askTimeout is longer than anything that may hold up an actor.
	askTimeout = 4 * time.Second
	maxCrowd   = 8
	poolSize   = 2
	maxPool    = 5
)

// target is a child that messages can be sent to: an actor or a pool.
type target interface {
	supervision.Child
	From(in supervision.Deps) actors.Ref[Msg]
}

// tree is the declared world.
type tree struct {
	world        *World
	root         supervision.Tree
	targets      []target
	pools        []*supervision.PoolChild[Msg]
	crowd        *supervision.GroupChild[Msg, int]
	accounts     []string
	dependencies []audit.Dependency
	paths        map[supervision.Child]string
}

// declare declares the tree: every strategy, policy, routing and restart of a supervisor.
//
// An error is escalated below supervisors of their own only: the root has nobody who would cope.
func (w *World) declare() *tree {
	t := &tree{world: w, paths: make(map[supervision.Child]string)}

	store := t.actor("", "store", supervision.Spec{Mailbox: bound(32, mailbox.Block), Redeliver: 2, Stash: 16})
	journal := t.actor("", "journal", supervision.Spec{Mailbox: &mailbox.Options{
		Capacity: 8, Overflow: mailbox.DropOldest, Control: 4, ControlOverflow: mailbox.Reject, Fairness: 2,
	}})

	all := t.all(store)
	rest := t.rest(store, journal)
	dependents := t.dependents(store)

	robin := t.pool("robin", actors.RoundRobin[Msg](), bound(8, mailbox.Block), store)
	least := t.pool("least", actors.LeastLoaded[Msg](), bound(4, mailbox.Reject), journal)
	bySender := actors.ConsistentHash(func(m Msg) string { return m.From })
	keyed := t.pool("keyed", bySender, bound(4, mailbox.DropNewest), store)

	t.group(robin, store)

	wardens := &supervision.Tree{Name: "wardens", Budget: budget(20), Children: supervision.On(
		t.actor("/wardens", "warden-a", supervision.Spec{Mailbox: bound(8, mailbox.Block)}, t.crowd, keyed, least),
		t.actor("/wardens", "warden-b", supervision.Spec{Mailbox: bound(8, mailbox.DropOldest)}, t.crowd, keyed),
	)}

	t.root = supervision.Tree{
		Name: "chaos", Budget: budget(supervision.MaxRestarts),
		Children: supervision.On(store, journal, all, rest, dependents, robin, least, keyed, t.crowd, wardens),
	}

	return t
}

// all restarts together, and its small budget is exhausted now and then.
func (t *tree) all(store target) *supervision.Tree {
	a := t.actor("/all", "all-a", supervision.Spec{Mailbox: bound(8, mailbox.Reject)}, store)
	b := t.actor("/all", "all-b", supervision.Spec{Mailbox: bound(4, mailbox.DropNewest), Redeliver: 1}, a, store)
	c := t.actor("/all", "all-c", supervision.Spec{Mailbox: &mailbox.Options{
		Capacity: 4, Control: 2, Dispatch: mailbox.Dedicated,
	}}, b)

	return &supervision.Tree{
		Name: "all", Strategy: supervision.AllForOne, Budget: budget(4), Children: supervision.On(a, b, c),
		Restart: supervision.Permanent, Backoff: backoff(),
	}
}

func (t *tree) rest(store, journal target) *supervision.Tree {
	a := t.actor("/rest", "rest-a", supervision.Spec{Mailbox: bound(8, mailbox.Block), Redeliver: 1, Stash: 4}, journal)
	b := t.actor("/rest", "rest-b", supervision.Spec{Mailbox: bound(8, mailbox.DropOldest)}, a, store)
	c := t.actor("/rest", "rest-c", supervision.Spec{Mailbox: &mailbox.Options{
		Capacity: 64, Control: 1, ControlOverflow: mailbox.DropNewest, Fairness: mailbox.Strict, Throughput: 4,
	}}, store)

	return &supervision.Tree{
		Name: "rest", Strategy: supervision.RestForOne, Budget: budget(10), Children: supervision.On(a, b, c),
		Restart: supervision.Permanent, Backoff: backoff(),
	}
}

func (t *tree) dependents(store target) *supervision.Tree {
	a := t.actor("/dependents", "base", supervision.Spec{Mailbox: bound(16, mailbox.Block), Redeliver: 2, Stash: 8}, store)
	b := t.actor("/dependents", "middle", supervision.Spec{Mailbox: bound(4, mailbox.Block)}, a)
	c := t.actor("/dependents", "apart", supervision.Spec{Mailbox: bound(1, mailbox.Reject)})
	d := t.actor("/dependents/inner", "inner-a", supervision.Spec{Mailbox: bound(4, mailbox.Block), Stash: 4}, b)
	e := t.actor("/dependents/inner", "inner-b", supervision.Spec{Mailbox: bound(4, mailbox.Reject)}, d, a)

	inner := &supervision.Tree{
		Name: "inner", Strategy: supervision.OneForOne, Budget: budget(3), Children: supervision.On(d, e),
		Restart: supervision.Permanent, Backoff: backoff(),
	}

	return &supervision.Tree{
		Name: "dependents", Strategy: supervision.DependentsForOne, Budget: budget(10),
		Children: supervision.On(a, b, c, inner), Restart: supervision.Permanent, Backoff: backoff(),
	}
}

// actor declares a worker that always comes back.
func (t *tree) actor(
	parent, name string, spec supervision.Spec, on ...supervision.Child,
) *supervision.ActorChild[Msg] {
	stashes := spec.Stash > 0
	spec = complete(spec, supervision.Permanent, on)

	if parent == "" {
		spec.Decide = cope
	}

	c := supervision.Actor(name, func(in supervision.Deps) (*worker, error) {
		return t.worker(in, on, stashes), nil
	}, spec)

	t.targets = append(t.targets, c)
	t.note(c, "/chaos"+parent+"/"+name, on)

	return c
}

func (t *tree) pool(
	name string, routing actors.Routing[Msg], box *mailbox.Options, on ...supervision.Child,
) *supervision.PoolChild[Msg] {
	p := supervision.Pool(name, func(in supervision.Deps) (*worker, error) { return t.worker(in, on, false), nil },
		supervision.PoolSpec[Msg]{
			Size: poolSize, Max: maxPool, Routing: routing, Budget: budget(6), Restart: supervision.Permanent,
			Backoff: backoff(), Member: complete(supervision.Spec{Mailbox: box}, supervision.Permanent, on),
		})

	t.targets = append(t.targets, p)
	t.pools = append(t.pools, p)
	t.note(p, "/chaos/"+name, on)

	return p
}

func (t *tree) group(on ...supervision.Child) {
	t.crowd = supervision.DynamicGroup("crowd", func(in supervision.Deps, _ int) (*worker, error) {
		return t.worker(in, on, false), nil
	}, supervision.GroupSpec{
		MaxChildren: maxCrowd - 1, Budget: budget(6), Restart: supervision.Permanent, Backoff: backoff(),
		Child: complete(supervision.Spec{Mailbox: bound(4, mailbox.Block)}, supervision.Transient, on),
	})
	t.note(t.crowd, "/chaos/crowd", on)
}

// worker makes an instance that refers to what it depends on.
func (t *tree) worker(in supervision.Deps, on []supervision.Child, stashes bool) *worker {
	w := &worker{world: t.world, stashes: stashes}

	for _, c := range on {
		switch c := c.(type) {
		case target:
			w.down = append(w.down, c.From(in))
		case *supervision.GroupChild[Msg, int]:
			w.crowd = c.From(in)
		}
	}

	return w
}

// note keeps what the audit must know of a child.
func (t *tree) note(c supervision.Child, path string, on []supervision.Child) {
	t.paths[c] = path
	t.accounts = append(t.accounts, path)

	for _, other := range on {
		t.dependencies = append(t.dependencies, audit.Dependency{Dependent: path, On: t.paths[other]})
	}
}

// cope is the directive of those whose supervisor is the root.
func cope(err error) supervision.Directive {
	if d := decide(err); d != supervision.EscalateFailure {
		return d
	}

	return supervision.RestartChild
}

// complete fills in what all specs have in common.
func complete(s supervision.Spec, restart supervision.Restart, on []supervision.Child) supervision.Spec {
	s.Restart, s.DependsOn, s.Decide, s.Backoff = restart, on, decide, backoff()
	s.Deadlines = supervision.Deadlines{Start: deadline, Drain: drain, Flush: deadline, Close: deadline}

	return s
}

func bound(capacity int, policy mailbox.Overflow) *mailbox.Options {
	return &mailbox.Options{Capacity: capacity, Overflow: policy}
}

func budget(restarts int) supervision.Budget {
	return supervision.Budget{Restarts: restarts, Within: time.Second}
}

func backoff() supervision.Backoff {
	return supervision.Backoff{Initial: time.Millisecond, Max: 50 * time.Millisecond, Stable: time.Second}
}
