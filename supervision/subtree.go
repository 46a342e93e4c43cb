package supervision

import (
	"reflect"

	"github.com/troupe-go/troupe/internal/chain"
)

// Subtree is a child that another package declares in words of its own, such as a pipeline: the tree that it stands for
// is made when the tree around it is compiled, and what is wrong with it is reported with all the rest. Embed a pointer
// to one to make a type a [Child]. The declaration's identity is the pointer to the type that embeds it.
type Subtree struct {
	name      string
	dependsOn []Child
	build     func(path string) (Tree, error)
	trial     Trial
}

// NewSubtree declares a subtree. Build is called once for each [Compile], with the path that the tree will have; its
// name and dependencies are set for it. It returns all that is wrong at once, joined, as [*SpecError] values. A nil
// function and one that panics are reported, too. Trial may be nil.
func NewSubtree(name string, dependsOn []Child, build func(path string) (Tree, error), trial Trial) *Subtree {
	return &Subtree{name: name, dependsOn: dependsOn, build: build, trial: trial}
}

func (s *Subtree) declaration() declaration {
	if s == nil {
		return declaration{}
	}

	return declaration{name: s.name, subtree: s}
}

// tree makes the tree. It is nil if there is none at all.
func (s *Subtree) tree(path string) (made *Tree, err error) {
	if s.build == nil {
		return nil, &SpecError{Path: path, Field: "build", Problem: "is nil, must make the tree"}
	}

	defer func() {
		if v := recover(); v != nil {
			made, err = nil, &SpecError{Path: path, Field: "build", Problem: "must not panic: " + chain.Print(v)}
		}
	}()

	t, err := s.build(path)
	t.Name, t.DependsOn = s.name, s.dependsOn

	return &t, err
}

// declarationOf returns what a child says of itself: nothing if it is nil, also if it is a nil pointer to a type that
// embeds a [Subtree].
func declarationOf(c Child) declaration {
	if v := reflect.ValueOf(c); c == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return declaration{}
	}

	return c.declaration()
}
