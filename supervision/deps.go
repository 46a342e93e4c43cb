package supervision

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Deps grants references: to an actor's factory those of its declared dependencies, and to code outside the tree
// those of every actor (system.System.Intake). The zero Deps grants nothing. Safe for concurrent use.
type Deps struct{ view *view }

// view is one holder's view of a system's actors.
type view struct {
	user    string // path of the actor it was made for; "" for the outside
	refs    *references
	gate    *node.Gate
	allowed []Child

	asked      atomic.Bool // for something that is not declared; written with mu held
	mu         sync.Mutex
	undeclared []UndeclaredError // guarded by mu; each once
}

// references are the actors, groups and pools of one running system. It is complete before the first factory is called,
// and read-only from then on.
type references struct {
	host   node.Host
	plan   *Plan
	nodes  map[Child]node.Node
	groups map[Child]int // indices in the plan
	fronts map[int]node.Front
	// members are what the children of a group or a pool have in common, by its index in the plan.
	members map[int]*node.Common
	sizing  sync.Map // of *resizing, by index of the pool
}

// grant returns what the actor at a path may refer to.
func (r *references) grant(path string, gate *node.Gate, allowed []Child) Deps {
	return Deps{view: &view{user: path, refs: r, gate: gate, allowed: allowed}}
}

func (r *references) path(id int) string { return r.plan.Nodes[id].Path }

// resolve returns the actor of a declaration, or nil.
func (v *view) resolve(c Child, name string) node.Node {
	if !v.grants(c, name) {
		return nil
	}

	return v.refs.nodes[c]
}

// group returns the index of a group or a pool.
func (v *view) group(c Child, name string) (id int, ok bool) {
	if !v.grants(c, name) {
		return 0, false
	}

	id, ok = v.refs.groups[c]

	return id, ok
}

// grants reports whether the holder may refer to a child, and notes that it has asked if not.
func (v *view) grants(c Child, name string) bool {
	if v.user == "" || slices.Contains(v.allowed, c) {
		return true
	}

	v.mu.Lock()
	defer v.mu.Unlock()

	err := UndeclaredError{Path: v.user, Dependency: name}

	if n := v.refs.nodes[c]; n != nil {
		err.Dependency = n.Path()
	} else if id, ok := v.refs.groups[c]; ok {
		err.Dependency = v.refs.path(id)
	}

	v.asked.Store(true)

	if !slices.Contains(v.undeclared, err) {
		v.undeclared = append(v.undeclared, err)
	}

	return false
}

// gateErr returns why the holder may not send any more, or nil.
func (v *view) gateErr(target string) error {
	if err := v.gate.Err(); err != nil {
		return &mailbox.SendError{Target: target, Err: err}
	}

	return nil
}

func (v *view) err() error {
	if !v.asked.Load() {
		return nil
	}

	v.mu.Lock()
	defer v.mu.Unlock()

	errs := make([]error, len(v.undeclared))
	for i := range errs {
		err := v.undeclared[i]
		errs[i] = &err
	}

	return errors.Join(errs...)
}

// UndeclaredError says that an actor's factory asked for a reference without declaring the dependency.
type UndeclaredError struct {
	// Path of the actor.
	Path string
	// Dependency is what it asked for: its path, or its name if it is not in the tree.
	Dependency string
}

// Error names both and the rule.
func (e *UndeclaredError) Error() string {
	return e.Path + ": asked for a reference to " + e.Dependency + ", which its Spec.DependsOn does not declare"
}
