package supervision

import (
	"errors"
	"slices"
	"sync"

	"github.com/troupe-go/troupe/internal/node"
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

	mu         sync.Mutex
	undeclared []UndeclaredError // guarded by mu; each once
}

// references are the actors of one running system. It is complete before the first factory is called, and read-only
// from then on.
type references struct{ nodes map[Child]node.Node }

func (v *view) resolve(c Child, name string) node.Node {
	if v.user == "" || slices.Contains(v.allowed, c) {
		return v.refs.nodes[c]
	}

	v.mu.Lock()
	defer v.mu.Unlock()

	err := UndeclaredError{Path: v.user, Dependency: name}
	if n := v.refs.nodes[c]; n != nil {
		err.Dependency = n.Path()
	}

	if !slices.Contains(v.undeclared, err) {
		v.undeclared = append(v.undeclared, err)
	}

	return nil
}

func (v *view) err() error {
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
