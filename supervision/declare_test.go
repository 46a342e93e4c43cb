package supervision_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// idle is an actor that does nothing.
type idle struct{}

func (idle) Receive(*actors.Context[int], int) error { return nil }

func newIdle(supervision.Deps) (idle, error) { return idle{}, nil }

// actor declares one that does nothing.
func actor(name string, on ...supervision.Child) *supervision.ActorChild[int] {
	return supervision.Actor(name, newIdle, supervision.Spec{DependsOn: on})
}

// budget is one that is valid.
var budget = supervision.Budget{Restarts: 3, Within: 10 * time.Second}

// tree declares a valid one.
func tree(name string, children ...supervision.Child) *supervision.Tree {
	return &supervision.Tree{Name: name, Budget: budget, Children: children}
}

// compile compiles a tree that is valid.
func compile(t require.TestingT, root *supervision.Tree) *supervision.Plan {
	plan, err := supervision.Compile(*root)
	require.NoError(t, err)

	return plan
}

// problems returns the lines of what is wrong with a tree.
func problems(t *testing.T, root *supervision.Tree) []string {
	t.Helper()

	plan, err := supervision.Compile(*root)
	if err == nil {
		return nil
	}

	require.Nil(t, plan)

	for _, one := range joined(err) {
		var (
			spec  *supervision.SpecError
			cycle *supervision.CycleError
		)

		require.True(t, errors.As(one, &spec) || errors.As(one, &cycle), "%v is typed", one)
	}

	return strings.Split(err.Error(), "\n")
}

func joined(err error) []error {
	j, _ := err.(interface{ Unwrap() []error })
	if j == nil {
		return nil
	}

	return j.Unwrap()
}

// paths returns the paths of the actors in the order they start in.
func paths(plan *supervision.Plan) []string {
	var (
		all   []string
		visit func(id int)
	)

	visit = func(id int) {
		if plan.Nodes[id].IsActor() {
			all = append(all, plan.Nodes[id].Path)
		}

		for _, c := range plan.Nodes[id].Children {
			visit(c)
		}
	}

	visit(0)

	return all
}
