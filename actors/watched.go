package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/mailbox"
)

// tellWatchers tells everybody who watches the actor that it has ended. Called when its mailbox is closed: who joins
// makes seldom first and looks at the mailbox then, so that nobody who is let in is missed here.
func (c *cell[M]) tellWatchers() {
	s := c.seldom.Load()
	if s == nil {
		return
	}

	for _, w := range s.watchers.end(&c.mu) {
		w.terminated(c.end())
	}
}

// end says how the actor has ended. Called when it has.
func (c *cell[M]) end() Terminated {
	t := Terminated{Path: c.place.Path, PID: c.PID(), Reason: ReasonStopped}

	if inc := c.current.Load(); inc != nil {
		if err := inc.failure(); err != nil {
			t.Reason, t.Err = ReasonFailed, &mailbox.SendError{Target: c.place.Path, Err: err}
		}
	}

	return t
}

// join implements watched.
func (c *cell[M]) join(w watcher) (end Terminated, ended bool) {
	if c.needs().watchers.join(&c.mu, w, c.box.Closed) {
		return end, false
	}

	return c.end(), true
}

// leave implements watched.
func (c *cell[M]) leave(w watcher) { c.needs().watchers.leave(&c.mu, w) }

// watchers are those who are to be told of an end. Guarded by the mutex of what they watch, which the methods lock.
type watchers struct {
	all   map[any]watcher // one entry per watching process, by its PID, and per watch of ours
	ended bool            // nobody is taken in any more
}

// join takes a watcher in, unless it comes too late: after end, or when what is watched has closed and end is to come.
func (l *watchers) join(mu *sync.Mutex, w watcher, closed func() bool) (ok bool) {
	mu.Lock()

	ok = !l.ended && (closed == nil || !closed())
	if ok {
		if l.all == nil {
			l.all = make(map[any]watcher)
		}

		l.all[w.key()] = w
	}

	mu.Unlock()

	if ok && !w.wanted() { // it was ended before it was in the list
		l.leave(mu, w)
	}

	return ok
}

func (l *watchers) leave(mu *sync.Mutex, w watcher) {
	mu.Lock()
	defer mu.Unlock()

	delete(l.all, w.key())
}

// end returns those who are to be told.
func (l *watchers) end(mu *sync.Mutex) map[any]watcher {
	mu.Lock()
	defer mu.Unlock()

	all := l.all
	l.all, l.ended = nil, true

	return all
}

// outsider is a process of protoactor that watches an actor.
type outsider[M any] struct {
	cell *cell[M]
	pid  *actor.PID
}

func (o outsider[M]) key() any     { return o.pid.String() }
func (o outsider[M]) wanted() bool { return true }

func (o outsider[M]) terminated(Terminated) { o.tell(actor.TerminatedReason_Stopped) }

// tell tells the process, with the very PID that those who made the actor hold.
func (o outsider[M]) tell(why actor.TerminatedReason) {
	if p, ok := o.cell.place.Host.Protoactor().ProcessRegistry.Get(o.pid); ok {
		p.SendSystemMessage(o.pid, &actor.Terminated{Who: o.cell.PID(), Why: why})
	}
}

// stranger is a process of protoactor that an actor watches. What it says of its end comes to [process].
type stranger[M any] struct {
	cell *cell[M]
	pid  *actor.PID
}

func isStranger[M any](w watched) bool {
	_, is := w.(stranger[M])

	return is
}

// join implements watched. The process knows the actor, not the watch.
func (s stranger[M]) join(watcher) (end Terminated, ended bool) {
	p, ok := s.cell.place.Host.Protoactor().ProcessRegistry.Get(s.pid)
	if !ok {
		return terminatedStranger(s.pid, ReasonNotFound), true
	}

	p.SendSystemMessage(s.pid, &actor.Watch{Watcher: s.cell.PID()})

	return end, false
}

// leave implements watched.
func (s stranger[M]) leave(watcher) {
	if p, ok := s.cell.place.Host.Protoactor().ProcessRegistry.Get(s.pid); ok {
		p.SendSystemMessage(s.pid, &actor.Unwatch{Watcher: s.cell.PID()})
	}
}

// leaveStrangers tells the processes of protoactor that were watched until the incarnation ended that they are not any
// more. The runner does: there may be code of others behind a process. Those of an abandoned incarnation are not told,
// its successor may watch them too; when they end, nobody listens.
func (n *notices[M]) leaveStrangers() {
	n.mu.Lock()
	strangers := n.strangers
	n.strangers = nil
	n.mu.Unlock()

	for _, s := range strangers {
		s.leave(nil)
	}
}
