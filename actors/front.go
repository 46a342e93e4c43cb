package actors

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// front stands for the members of a pool: its reference and its identity are theirs. It has no queue.
type front[M any] struct {
	place   node.Place
	pid     *actor.PID
	router  router[M]
	members atomic.Pointer[[]member[M]] // in the order they were admitted

	spares spares

	mu       sync.Mutex // held while members changes
	watchers watchers   // guarded by mu: of ours, by reference; a process of protoactor is not told
}

// member is one that takes part.
type member[M any] struct {
	cell *cell[M]
	salt uint64 // of its name, for hashing
}

// MountFront makes the front of a pool and registers it with protoactor. It is for package supervision: users cannot
// name a place.
func MountFront[M any](place node.Place, routing Routing[M]) (node.Front, error) {
	f := &front[M]{place: place, router: router[M]{Routing: routing, seed: maphash.MakeSeed()}}
	f.members.Store(&[]member[M]{})

	registry := place.Host.Protoactor().ProcessRegistry
	f.pid = actor.NewPID(registry.Address, place.Path[1:])

	if _, fresh := registry.Add(actor.NewActorProcess((*frontProcess[M])(f)), f.pid.GetId()); !fresh {
		return nil, &NameTakenError{Path: place.Path}
	}

	return f, nil
}

func (f *front[M]) Path() string    { return f.place.Path }
func (f *front[M]) PID() *actor.PID { return f.pid }

func (f *front[M]) Admit(n node.Node) {
	c, _ := n.(*cell[M])

	f.change(func(all []member[M]) []member[M] {
		return append(all, member[M]{c, maphash.String(f.router.seed, c.place.Path)})
	})
}

func (f *front[M]) Dismiss(n node.Node) {
	f.change(func(all []member[M]) []member[M] {
		return slices.DeleteFunc(all, func(m member[M]) bool { return node.Node(m.cell) == n })
	})
}

func (f *front[M]) Discard() {
	f.change(func([]member[M]) []member[M] { return nil })
	f.place.Host.Protoactor().ProcessRegistry.Remove(f.pid)

	for _, w := range f.watchers.end(&f.mu) {
		w.terminated(f.end())
	}
}

// end says how the pool has ended. Called when it has.
func (f *front[M]) end() Terminated {
	return Terminated{Path: f.place.Path, PID: f.pid, Reason: ReasonStopped}
}

// join implements watched.
func (f *front[M]) join(w watcher) (end Terminated, ended bool) {
	if f.watchers.join(&f.mu, w, nil) {
		return end, false
	}

	return f.end(), true
}

// leave implements watched.
func (f *front[M]) leave(w watcher) { f.watchers.leave(&f.mu, w) }

// change replaces the members by what of makes of a copy.
func (f *front[M]) change(of func([]member[M]) []member[M]) {
	f.mu.Lock()
	defer f.mu.Unlock()

	next := of(slices.Clone(*f.members.Load()))
	f.members.Store(&next)
}

// route returns the member that gets a message, or nil if there is none.
func (f *front[M]) route(m M) *cell[M] {
	if all := *f.members.Load(); len(all) > 0 {
		return f.router.choose(all, m)
	}

	return nil
}

// left reports whether an actor that has answered err takes part no more. Who has ended for good does not, whether the
// pool has heard of it yet or not. Whoever is chosen next has not left before, so that going on to others comes to an
// end.
func (f *front[M]) left(c *cell[M], err error) bool {
	if e, ok := err.(*mailbox.SendError); ok && e.Err == mailbox.ErrStopped { //nolint:errorlint // as mailboxes say it
		f.Dismiss(c)
	}

	return refusal(err) != 0 && !f.has(c)
}

// has reports whether an actor takes part.
func (f *front[M]) has(c *cell[M]) bool {
	return slices.ContainsFunc(*f.members.Load(), func(m member[M]) bool { return m.cell == c })
}

// frontProcess is a front as protoactor sees it; compare process.
type frontProcess[M any] front[M]

var _ actor.Mailbox = (*frontProcess[int])(nil)

// PostUserMessage hands a message from protoactor on to a member.
func (p *frontProcess[M]) PostUserMessage(message any) {
	unpack((*front[M])(p), message)
}

// take hands one message on to a member. A PoisonPill is not taken: a pool is stopped by its supervisor only.
func (f *front[M]) take(message, payload any, sender *actor.PID) {
	m, ok := payload.(M)
	if _, pill := payload.(*actor.PoisonPill); pill || !ok {
		f.undelivered(payload, sender, mailbox.Undecodable, node.ErrMismatch)

		return
	}

	var c *cell[M]

	// The key is the user's function, and nobody is here to take its panic.
	if err := protect(func() error {
		c = f.route(m)

		return nil
	}); err != nil {
		f.undelivered(payload, sender, mailbox.Undecodable, err)

		return
	}

	if c != nil {
		(*process[M])(c).take(message, payload, sender)
	} else {
		f.undelivered(payload, sender, mailbox.Stopped, mailbox.ErrStopped)
	}
}

// PostSystemMessage does nothing: what protoactor asks of an actor can be asked of the members.
func (p *frontProcess[M]) PostSystemMessage(any) {}

// RegisterHandlers does nothing: there is nothing to run.
func (p *frontProcess[M]) RegisterHandlers(actor.MessageInvoker, actor.Dispatcher) {}

// Start does nothing: the members are started by their supervisor.
func (p *frontProcess[M]) Start() {}

// UserMessageCount returns how many messages wait for all members.
func (p *frontProcess[M]) UserMessageCount() (n int) {
	for _, m := range *p.members.Load() {
		n += m.cell.Queued()
	}

	return n
}

func (f *front[M]) undelivered(m any, sender *actor.PID, reason mailbox.Reason, cause error) {
	f.place.Host.Undelivered(node.DeadLetter{
		Target: f.place.Path, PID: f.pid, Message: m, Sender: sender, Reason: reason, Cause: cause,
	})
}
