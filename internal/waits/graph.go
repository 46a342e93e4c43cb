package waits

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Graph is who waits for whom in one system. All methods are safe for concurrent use.
type Graph struct {
	marks *marked // immutable

	size atomic.Int32 // of edges; written under mu

	// mu is the outermost lock: it is held while the parties and their waits are asked, which lock what is theirs.
	mu sync.Mutex
	// edges are the waits by the queue of who waits. Guarded by mu. There are as many as actors that wait.
	edges map[any]*Edge
	// halting are those that are told to halt, by their queues. Guarded by mu. There are as many as actors that are about
	// to come down.
	halting map[any]struct{}
	halts   atomic.Int32 // their number; written under mu
}

// New makes an empty graph.
func New() *Graph {
	return &Graph{
		marks: marks(), edges: make(map[any]*Edge),
		halting: make(map[any]struct{}),
	}
}

// Party is an incarnation of an actor: it waits for others, and others wait for it.
type Party interface {
	// Path is the actor's.
	Path() string
	// Queue is the identity of the actor's mailbox, a pointer: what others wait for. It may be a [Queue].
	Queue() any
	// Abandoned says that the queue is another incarnation's to work off.
	Abandoned() bool
	// Helped says that goroutines of the actor's own are running: they can answer what it has been asked.
	Helped() bool
}

// Queue is a queue that can tell whose it is. Owner returns who works it off, and may be an [Owner].
type Queue interface{ Owner() any }

// Owner is an actor that can be down: until there is an incarnation of it that is up, nobody works off its queue.
type Owner interface {
	// Down reports whether the actor is down, and its path. One that starts for the first time, or is gone for good, is
	// not.
	Down() (path string, is bool)
}

// Wait is what a party waits for.
type Wait interface {
	// For returns the queue of the actor that must go on before the wait can end, and whether that actor has in its
	// hands what it would take, so that a goroutine of its own will do too. It returns nil if the wait is over.
	For() (queue any, inHands bool)
}

// Breaker is a Wait that can be ended by somebody else.
type Breaker interface {
	Wait
	// Break tells who waits of the cycle it is on. It must not block.
	Break(c Cycle)
}

// Kind says how somebody waits.
type Kind uint8

// The kinds.
const (
	Answer Kind = iota + 1 // for an answer
	Room                   // for room in a queue
	Turn                   // for the end of a turn of another actor, which runs on its goroutine
)

// Cycle are parties that wait for each other: each for the next one, the last for the first.
type Cycle []Link

// Link is one party of a cycle.
type Link struct {
	Path string
	Kind Kind
}

// Edge is one wait of one party. The methods of a nil edge do nothing: it is that of somebody who is no actor.
type Edge struct {
	graph *Graph
	party Party
	queue any // of party
	kind  Kind
	wait  Wait
	to    any             // the queue of the actor that must go on, whatever wait says of that; or nil
	done  <-chan struct{} // closed when the party gives up, though it may not have come to that; or nil
	below *Edge           // whom it holds up with it: the party whose goroutine the turn runs on; or nil
}

// Set makes e an edge that has not been entered. The party gives up when done is closed.
func (g *Graph) Set(e *Edge, p Party, k Kind, w Wait, done <-chan struct{}) {
	*e = Edge{graph: g, party: p, queue: p.Queue(), kind: k, wait: w, done: done}
}

// Below says that the party of e runs its turn on the goroutine of another, which waits with it. It returns the edge
// of that one.
func (e *Edge) Below(p Party) *Edge {
	e.below = &Edge{}
	e.graph.Set(e.below, p, Turn, nil, nil)
	e.below.to = e.queue // as long as who runs the turn waits

	return e.below
}

// Enter adds the edge, unless it closes a cycle: then it returns that, beginning with its party, and the party must not
// wait.
func (e *Edge) Enter() Cycle {
	if e == nil {
		return nil
	}

	g := e.graph
	g.mu.Lock()
	defer g.mu.Unlock()

	cycle := g.enter(e)
	if cycle != nil {
		g.leave(e)
	} else {
		g.release()
	}

	g.size.Store(int32(len(g.edges))) //nolint:gosec // as many as there are goroutines at most

	return cycle.links()
}

// enter adds the edge and returns the cycle it closes. That an actor waits twice means that somebody uses its context
// who is not it; then the first is believed. Called with mu held.
func (g *Graph) enter(e *Edge) round {
	for b := e; b != nil; b = b.below {
		if old := g.edges[b.queue]; old != nil && !old.party.Abandoned() {
			break
		}

		g.edges[b.queue] = b
	}

	if g.edges[e.queue] != e {
		return nil
	}

	return g.around(e.queue)
}

// Leave removes the edge, before its party goes on.
func (e *Edge) Leave() {
	if e == nil {
		return
	}

	g := e.graph
	g.mu.Lock()
	defer g.mu.Unlock()

	g.leave(e)
	g.size.Store(int32(len(g.edges))) //nolint:gosec // as above
}

// leave is Leave with mu held.
func (g *Graph) leave(e *Edge) {
	for ; e != nil; e = e.below {
		if g.edges[e.queue] == e {
			delete(g.edges, e.queue)
		}
	}
}

// Check returns the cycle that the edge would close if what its party asks for were queued at the owner of queue.
func (e *Edge) Check(queue any) Cycle {
	if e == nil {
		return nil
	}

	g := e.graph
	g.mu.Lock()
	defer g.mu.Unlock()

	e.to = queue
	cycle := g.enter(e).links()
	g.leave(e)
	e.to = nil

	return cycle
}

// Recheck looks for a cycle again, because something that could have helped those who wait for the owner of queue does
// so no more. Who waits for it in a cycle is told. It also looks for waits of those that are told to halt.
func (g *Graph) Recheck(queue any) {
	if g.size.Load() == 0 {
		return
	}

	g.mu.Lock()
	defer g.mu.Unlock()

	cycle := g.around(queue)
	if cycle == nil {
		g.release()

		return
	}

	last := len(cycle) - 1
	if b, ok := cycle[last].wait.(Breaker); ok {
		b.Break(slices.Concat(cycle[last:], cycle[:last]).links())
	}
}

// round are the edges of a cycle.
type round []*Edge

// around follows the waits from the owner of queue, and returns them if they come back to it. Called with mu held.
func (g *Graph) around(queue any) round {
	var few [8]*Edge

	path := few[:0]

	for at, inHands := queue, false; at != nil && len(path) <= len(g.edges); {
		e, to, held := g.step(at, inHands)

		switch {
		case e == nil:
			return nil
		case at == queue && len(path) > 0:
			return append(round(nil), path...)
		}

		path = append(path, e)
		at, inHands = to, held
	}

	return nil
}

// step returns the edge that leaves the owner of a queue, which is waited for by others, and where it leads; nil if the
// owner can go on, or do what they wait for if that is in its hands. Called with mu held.
func (g *Graph) step(at any, inHands bool) (e *Edge, to any, held bool) {
	e = g.edges[at]

	if e == nil || e.party.Abandoned() || inHands && e.party.Helped() || e.over() {
		return nil, nil, false
	}

	if to = e.to; to == nil {
		to, held = e.wait.For()
	}

	if to == nil {
		return nil, nil, false
	}

	return e, to, held
}

// over reports whether the party gives up.
func (e *Edge) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// links returns what is told of the edges. Called with mu held.
func (r round) links() Cycle {
	if r == nil {
		return nil
	}

	c := make(Cycle, len(r))
	for i, e := range r {
		c[i] = Link{Path: e.party.Path(), Kind: e.kind}
	}

	return c
}
