package supervision

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Plan is a valid tree, flattened: what [Compile] makes and package system runs. It is read-only. The zero Plan and a
// nil one are empty: that cannot be mounted.
type Plan struct {
	// Nodes holds the root first, and every supervisor before its children.
	Nodes []Node
	// Tasks of the shutdown, in the order they were given.
	Tasks []PlannedTask
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
	group *groupDeclaration
}

// IsActor tells actors from supervisors; groups and pools are supervisors.
func (n *Node) IsActor() bool { return n.actor != nil }

// Mount makes the actors of the plan in a host, registered with protoactor and not started. It is for package system:
// users cannot name a host.
func (p *Plan) Mount(host node.Host) (*Mounted, error) {
	switch {
	case p == nil || len(p.Nodes) == 0:
		return nil, errNoPlan
	case host == nil:
		return nil, errNoHost
	}

	m := &Mounted{
		Nodes: make([]node.Node, len(p.Nodes)),
		refs: &references{
			host: host, plan: p, nodes: make(map[Child]node.Node), groups: make(map[Child]int),
			fronts: make(map[int]node.Front), members: make(map[int]*node.Common),
		},
	}

	for i := range p.Nodes {
		if err := m.mount(i, &p.Nodes[i]); err != nil {
			m.discard()

			return nil, err
		}
	}

	return m, nil
}

var (
	errNoPlan = errors.New("supervision.Plan.Mount: the plan is empty, Compile makes one")
	errNoHost = errors.New("supervision.Plan.Mount: the host is nil")
)

// Mounted is a plan whose actors are there. The zero Mounted and a nil one have none.
type Mounted struct {
	// Nodes are the actors by their index in Plan.Nodes; nil for others.
	Nodes []node.Node

	refs *references
}

func (m *Mounted) mount(i int, spec *Node) (err error) {
	host := m.refs.host

	switch {
	case spec.actor != nil:
		m.Nodes[i], err = spec.actor.mount(node.Place{ID: i, Path: spec.Path, Common: spec.actor.common(host)}, m.refs)
		m.refs.nodes[spec.actor.child] = m.Nodes[i]
	case spec.group != nil:
		m.refs.groups[spec.group.child], m.refs.members[i] = i, spec.group.members.common(host)

		if front := spec.group.front; front != nil {
			m.refs.fronts[i], err = front(node.Place{ID: i, Path: spec.Path, Common: m.refs.members[i]})
		}
	}

	return err
}

func (m *Mounted) discard() {
	for _, n := range m.Nodes {
		if n != nil {
			n.Discard()
		}
	}

	for _, f := range m.refs.fronts {
		if f != nil {
			f.Discard()
		}
	}
}

// Intake is the view that code outside the tree has of the actors.
func (m *Mounted) Intake() Deps {
	if m.empty() {
		return Deps{}
	}

	return Deps{view: &view{refs: m.refs, gate: m.refs.host.Intake()}}
}

func (m *Mounted) empty() bool { return m == nil || m.refs == nil }

// Front returns what stands for the pool of an index in Plan.Nodes, or nil.
func (m *Mounted) Front(pool int) node.Front {
	if m.empty() {
		return nil
	}

	return m.refs.fronts[pool]
}

// FrontAt returns what stands for the pool at a path, or nil.
func (m *Mounted) FrontAt(path string) node.Front {
	if m.empty() {
		return nil
	}

	for id, f := range m.refs.fronts {
		if m.refs.path(id) == path {
			return f
		}
	}

	return nil
}

// Member makes a member of the pool of an index in Plan.Nodes. That there is none is an error.
func (m *Mounted) Member(pool, id int, path string) (node.Node, error) {
	if m.empty() || m.refs.fronts[pool] == nil {
		return nil, fmt.Errorf("%s: the plan has no pool number %d", path, pool)
	}

	return m.refs.member(pool, id, path)
}

// member makes a member of a pool.
func (r *references) member(pool, id int, path string) (node.Node, error) {
	return r.plan.Nodes[pool].group.members.mount(node.Place{ID: id, Path: path, Common: r.members[pool]}, r)
}

func (d *actorDeclaration) common(host node.Host) *node.Common {
	return &node.Common{Host: host, Mailbox: d.spec.Mailbox, Limits: &d.limits, Decide: d.decide(), Holder: d.holder}
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
type Shares struct{ Intake, Drain, Flush, Close time.Duration }
