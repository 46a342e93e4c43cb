package supervision

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Plan is a valid tree, flattened: what [Compile] makes and package system runs. It is read-only.
type Plan struct {
	// Nodes holds the root first, and every supervisor before its children.
	Nodes []Node
}

// Node is a supervisor or an actor of a [Plan], with all defaults filled in.
type Node struct {
	// Path in the tree, such as "/shop/orders".
	Path string
	// Parent is the supervisor's index in Plan.Nodes; -1 for the root.
	Parent int
	// Children are the indices of a supervisor's children in start order; nil for an actor.
	Children []int
	// DependsOn are the indices of the nodes this one depends on.
	DependsOn []int
	// Dependents are the indices of those siblings that depend on this one, or on what is in it, themselves or through
	// what is in them; not those that do so through other siblings.
	Dependents []int
	// Restart type under the parent.
	Restart Restart
	// Backoff under the parent.
	Backoff Backoff
	// Strategy of a supervisor.
	Strategy Strategy
	// Budget of a supervisor.
	Budget Budget
	// MaxChildren is how many children a group may have at a time, which come and go at run time; 0 for other nodes.
	MaxChildren int
	// Size is how many members a pool, which is a group, starts with; 0 for other nodes.
	Size int
	// Child is what the children of a group have in common; nil for other nodes.
	Child *Node
	// Deadlines of an actor; a zero Drain or Flush means what the phase has left.
	Deadlines Deadlines
	// Mailbox of an actor.
	Mailbox mailbox.Options

	actor *actorDeclaration
}

// IsActor tells actors from supervisors.
func (n *Node) IsActor() bool { return n.actor != nil }

// Mount makes the actors of the plan in a host, registered with protoactor and not started. It returns them by their
// index in Plan.Nodes (nil for supervisors), and the view that code outside the tree has of them. It is for package
// system: users cannot name a host.
func (p *Plan) Mount(host node.Host) ([]node.Node, Deps, error) {
	nodes := make([]node.Node, len(p.Nodes))
	refs := &references{nodes: make(map[Child]node.Node, len(p.Nodes))}

	for i := range p.Nodes {
		decl := p.Nodes[i].actor
		if decl == nil {
			continue
		}

		n, err := decl.mount(node.Place{
			ID: i, Path: p.Nodes[i].Path, Host: host, Mailbox: decl.spec.Mailbox,
			Goroutines: decl.goroutines(), Decide: decl.decide(),
		}, refs)
		if err != nil {
			for _, made := range nodes[:i] {
				if made != nil {
					made.Discard()
				}
			}

			return nil, Deps{}, err
		}

		nodes[i], refs.nodes[decl.child] = n, n
	}

	return nodes, Deps{view: &view{refs: refs, gate: host.Intake()}}, nil
}

func (d *actorDeclaration) goroutines() int {
	if d.spec.Goroutines == 0 {
		return DefaultGoroutines
	}

	return d.spec.Goroutines
}

func (d *actorDeclaration) decide() func(error) node.Directive {
	if d.spec.Decide == nil {
		return nil
	}

	return func(err error) node.Directive { return node.Directive(d.spec.Decide(err)) }
}

func (d Deadlines) withDefaults() Deadlines {
	if d.Start == 0 {
		d.Start = DefaultStartDeadline
	}

	if d.Close == 0 {
		d.Close = DefaultCloseDeadline
	}

	return d
}

// Shares are the lengths of the phases of a shutdown.
type Shares struct{ Drain, Flush, Close time.Duration }
