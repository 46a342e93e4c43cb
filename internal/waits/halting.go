package waits

import "cmp"

// Releaser is a Wait that is ended because it holds up a party that is told to halt.
type Releaser interface {
	Wait
	// Release ends the wait for the actor of that path, unless it is over. It must not block.
	Release(path string)
}

// standing is what the graph knows of actors apart from their waits, by their queues. Guarded by Graph.mu. There are as
// many as actors that are about to halt or have no incarnation, and are not gone for good.
type standing struct {
	halting map[any]struct{}
	down    map[any]string // their paths
}

// Halt says that p has been told to halt, or is awaited as if it had been, and may be waiting. As long as it is up, it
// does not wait for an actor that is down, nor for one that does: those may come up only when it is down. It takes no
// lock but the graph's and those of the parties and the waits.
func (g *Graph) Halt(p Party) {
	g.stand(p, func(q any) { g.halting[q] = struct{}{} })
}

// GoOn takes Halt back: nobody awaits p.
func (g *Graph) GoOn(p Party) {
	g.stand(p, func(q any) { delete(g.halting, q) })
}

// Down says that p has ended: until a successor of it is up, nobody works off its queue.
func (g *Graph) Down(p Party) {
	g.stand(p, func(q any) { g.fell(q, p) })
}

// Abandon is Down for a party that does not know it yet. It must be abandoned already.
func (g *Graph) Abandon(p Party) {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.fell(p.Queue(), p)
	g.release()
}

// fell is Down with mu held.
func (g *Graph) fell(queue any, p Party) {
	delete(g.halting, queue)
	g.down[queue] = p.Path()
}

// Up says that p begins to work off its queue.
func (g *Graph) Up(p Party) {
	g.stand(p, g.forget)
}

// Forget says that the owner of the queue is gone for good.
func (g *Graph) Forget(queue any) {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.forget(queue)
}

// forget is Forget with mu held.
func (g *Graph) forget(queue any) {
	delete(g.halting, queue)
	delete(g.down, queue)
}

// stand notes something of p. What one says that is abandoned was said too late: the queue is another's.
func (g *Graph) stand(p Party, note func(queue any)) {
	g.mu.Lock()
	defer g.mu.Unlock()

	if !p.Abandoned() {
		note(p.Queue())
		g.release()
	}
}

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
		if down, is := g.down[at]; is {
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
