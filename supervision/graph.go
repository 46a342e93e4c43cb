package supervision

import (
	"cmp"
	"errors"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/topo"
)

// order sorts the children of every supervisor so that what is depended on comes first, and reports cycles. A
// dependency between two actors of different supervisors orders the two children of their nearest common supervisor
// that they are in or are.
func (c *compiler) order() {
	edges := make(map[int][]lifted) // by supervisor

	for id := range c.plan.Nodes {
		for _, on := range c.plan.Nodes[id].DependsOn {
			above, a, b := c.lift(id, on)
			edges[above] = append(edges[above], lifted{from: b, to: a, user: id, on: on})
		}
	}

	for id := range c.plan.Nodes {
		if len(edges[id]) > 0 {
			c.sort(id, edges[id])
		}
	}
}

// lifted is a dependency as an edge between two children of one supervisor, from what is depended on to its dependent.
type lifted struct {
	from, to int
	user, on int // the dependency as declared
}

// lift returns the nearest common supervisor of two nodes and the children of it that they are in.
func (c *compiler) lift(a, b int) (above, childA, childB int) {
	up := make(map[int]int) // supervisor of a to the child that a is in
	for n := a; n >= 0; n = c.plan.Nodes[n].Parent {
		up[c.plan.Nodes[n].Parent] = n
	}

	for n := b; ; n = c.plan.Nodes[n].Parent {
		if child, ok := up[c.plan.Nodes[n].Parent]; ok {
			return c.plan.Nodes[n].Parent, child, n
		}
	}
}

func (c *compiler) sort(id int, edges []lifted) {
	g := make(digraph)

	for _, child := range c.plan.Nodes[id].Children {
		g[int64(child)] = nil
	}

	for _, e := range edges {
		g[int64(e.from)] = append(g[int64(e.from)], int64(e.to))
	}

	// Node numbers grow in the order of declaration, which decides where dependencies do not.
	sorted, err := topo.SortStabilized(g, func(nodes []graph.Node) {
		slices.SortFunc(nodes, func(a, b graph.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	})

	if cyclic, ok := errors.AsType[topo.Unorderable](err); ok {
		for _, component := range cyclic {
			c.errs = append(c.errs, c.cycle(g, component, edges))
		}

		return
	}

	order := make([]int, len(sorted))
	for i, n := range sorted {
		order[i] = int(n.ID())
	}

	c.plan.Nodes[id].Children = order

	for _, e := range edges {
		if from := &c.plan.Nodes[e.from]; !slices.Contains(from.Dependents, e.to) {
			from.Dependents = append(from.Dependents, e.to)
		}
	}
}

// cycle describes one cycle in a strongly connected component.
func (c *compiler) cycle(g digraph, component []graph.Node, edges []lifted) *CycleError {
	trail := cycleIn(g, component)
	slices.Reverse(trail) // edges lead to dependents, the error follows dependencies

	err := &CycleError{}

	for i, n := range trail {
		err.Path = append(err.Path, c.plan.Nodes[n].Path)

		if i == 0 {
			continue
		}

		e := edges[slices.IndexFunc(edges, func(e lifted) bool { return int64(e.from) == n && int64(e.to) == trail[i-1] })]
		if e.user != e.to || e.on != e.from {
			err.Inside = append(err.Inside, c.plan.Nodes[e.user].Path+" depends on "+c.plan.Nodes[e.on].Path)
		}
	}

	return err
}

// cycleIn returns one cycle in a strongly connected component: it begins and ends with the same member.
func cycleIn(g digraph, component []graph.Node) []int64 {
	member := make(map[int64]bool, len(component))
	for _, n := range component {
		member[n.ID()] = true
	}

	var (
		seen  = make(map[int64]int)
		trail []int64
	)

	// Every member has a successor in the component, so the walk must meet itself.
	at := component[0].ID()
	for {
		if first, met := seen[at]; met {
			return append(trail[first:], at)
		}

		seen[at] = len(trail)
		trail = append(trail, at)
		at = g[at][slices.IndexFunc(g[at], func(n int64) bool { return member[n] })]
	}
}

// each returns what every actor in a node is like that has actors; those of a group are stopped side by side.
func (n *Node) each() *Node {
	if n.Child != nil {
		return n.Child
	}

	return n
}

// hasActors reports whether a node is an actor or a group, which stands for its children.
func (n *Node) hasActors() bool { return n.IsActor() || n.Child != nil }

// digraph is a small adjacency list that gonum can sort.
type digraph map[int64][]int64

type vertex int64

func (v vertex) ID() int64 { return int64(v) }

type edge struct{ from, to vertex }

func (e edge) From() graph.Node         { return e.from }
func (e edge) To() graph.Node           { return e.to }
func (e edge) ReversedEdge() graph.Edge { return edge{e.to, e.from} }

func (g digraph) Node(id int64) graph.Node {
	if _, ok := g[id]; !ok {
		return nil
	}

	return vertex(id)
}

func (g digraph) Nodes() graph.Nodes {
	all := make([]graph.Node, 0, len(g))
	for id := range g {
		all = append(all, vertex(id))
	}

	slices.SortFunc(all, func(a, b graph.Node) int { return cmp.Compare(a.ID(), b.ID()) })

	return iterator.NewOrderedNodes(all)
}

func (g digraph) From(id int64) graph.Nodes {
	all := make([]graph.Node, 0, len(g[id]))
	for _, to := range g[id] {
		all = append(all, vertex(to))
	}

	return iterator.NewOrderedNodes(all)
}

func (g digraph) To(id int64) graph.Nodes {
	var all []graph.Node

	for from, to := range g {
		if slices.Contains(to, id) {
			all = append(all, vertex(from))
		}
	}

	return iterator.NewOrderedNodes(all)
}

func (g digraph) HasEdgeFromTo(from, to int64) bool { return slices.Contains(g[from], to) }

func (g digraph) HasEdgeBetween(x, y int64) bool {
	return g.HasEdgeFromTo(x, y) || g.HasEdgeFromTo(y, x)
}

func (g digraph) Edge(from, to int64) graph.Edge {
	if !g.HasEdgeFromTo(from, to) {
		return nil
	}

	return edge{vertex(from), vertex(to)}
}
