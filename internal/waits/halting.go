package waits

import "cmp"

// Releaser is a Wait that is ended because it holds up a party that is told to halt.
type Releaser interface {
	Wait
	// Release ends the wait for the actor of that path, unless it is over. It must not block.
	Release(path string)
}

// Halt says that p has been told to halt, or is awaited as if it had been, and may be waiting. As long as it is up, it
// does not wait for an actor that is down, nor for one that does: those may come up only when it is down. It takes no
// lock but the graph's and those of the parties and the waits.
func (g *Graph) Halt(p Party) {
	g.mu.Lock()
	defer g.mu.Unlock()

	if !p.Abandoned() {
		g.halting[p.Queue()] = struct{}{}
		g.count()
		g.release()
	}
}

// GoOn takes Halt back: nobody awaits p.
func (g *Graph) GoOn(p Party) { g.forget(p) }

// Down says that p has ended, as the owner of its queue says from now on. It costs nothing while nobody is told to
// halt: who is told later looks who is down, which is so by then. Both are sequentially consistent.
func (g *Graph) Down(p Party) { g.forget(p) }

// Abandon is Down for a party that does not know it yet. It must be abandoned already.
func (g *Graph) Abandon(p Party) { g.Forget(p.Queue()) }

// Up says that p begins to work off its queue.
func (g *Graph) Up(p Party) { g.forget(p) }

// Forget says that the owner of the queue is gone for good.
func (g *Graph) Forget(queue any) {
	if g.halts.Load() == 0 {
		return
	}

	g.mu.Lock()
	defer g.mu.Unlock()

	delete(g.halting, queue)
	g.count()
	g.release()
}

// forget says that p is not halting, and may be down. What one says that is abandoned was said too late: the queue is
// another's.
func (g *Graph) forget(p Party) {
	if g.halts.Load() == 0 {
		return
	}

	g.mu.Lock()
	defer g.mu.Unlock()

	if !p.Abandoned() {
		delete(g.halting, p.Queue())
		g.count()
		g.release()
	}
}

// count notes how many are halting. Called with mu held.
func (g *Graph) count() { g.halts.Store(int32(len(g.halting))) } //nolint:gosec // as many as there are actors at most

// release ends the waits of those that are told to halt and would wait for one that is down. It is called with mu held
// whenever there may be one more. There are no more of them than supervisors that are halting a child.
func (g *Graph) release() {
	for queue := range g.halting {
		g.releaseOne(queue)
	}
}

// releaseOne follows the waits from the owner of queue. If they come to one that is down, it ends the first; if that is
// for a turn, which cannot be ended, what the turn waits for. Called with mu held.
func (g *Graph) releaseOne(queue any) {
	var (
		first Releaser
		path  string // of whom first waits for
	)

	at, inHands := queue, false

	for range len(g.edges) + 1 {
		if down, is := isDown(at); is {
			if first != nil {
				first.Release(cmp.Or(path, down))
			}

			return
		}

		e, to, held := g.step(at, inHands)
		if e == nil {
			return
		}

		if first != nil && path == "" {
			path = e.party.Path()
		}

		if first == nil {
			first, _ = e.wait.(Releaser)
		}

		at, inHands = to, held
	}
}

// isDown reports whether the owner of a queue is down, and its path.
func isDown(queue any) (path string, is bool) {
	if q, ok := queue.(Queue); ok {
		if o, ok := q.Owner().(Owner); ok {
			return o.Down()
		}
	}

	return "", false
}
