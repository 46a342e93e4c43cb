package supervision

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
)

// ErrHanging says that [MaxAbandoned] incarnations of one actor hang: they did not return by their deadlines and have
// not come back. The system stops, because every restart would leave one more behind.
var ErrHanging = errors.New("too many abandoned incarnations hang")

// ErrGroupDown says that a child cannot be added to a group now, because the group is starting, halting or waits to be
// restarted.
var ErrGroupDown = errors.New("the group is not running")

// ErrNotStarted says that a child of a group or a member of a pool was stopped by somebody else before it had started.
var ErrNotStarted = errors.New("was stopped before it had started")

// GroupFullError says that a group or a pool has as many children as it may.
type GroupFullError struct {
	// Path of the group.
	Path string
	// MaxChildren is the bound.
	MaxChildren int
	// Hanging of them have ended, but an incarnation of theirs did not return by its deadline. They take up their places
	// until it does, so that what hangs is bounded too.
	Hanging int
}

// Error names the group and the bound.
func (e *GroupFullError) Error() string {
	text := fmt.Sprintf("%s: the group is full, it may have %d children at a time", e.Path, e.MaxChildren)
	if e.Hanging > 0 {
		text += fmt.Sprintf(", with those that have ended but hang: %d", e.Hanging)
	}

	return text
}

// MaxAbandoned is how many incarnations of one actor may hang before the system stops.
const MaxAbandoned = 8

// SpecError is one thing wrong with a declared tree.
type SpecError struct {
	// Path of the child or supervisor.
	Path string
	// Field of its declaration.
	Field string
	// Problem says what is wrong and what the rule is.
	Problem string
}

// Error names path, field and problem.
func (e *SpecError) Error() string { return e.Path + ": " + e.Field + ": " + e.Problem }

// CycleError says that dependencies go round.
type CycleError struct {
	// Path leads from a child along its dependencies back to it.
	Path []string
	// Inside says which dependencies between what is inside of two subtrees make one subtree depend on the other: a
	// subtree starts and stops as a whole.
	Inside []string
}

// Error shows the cycle; of a long one both ends of Path.
func (e *CycleError) Error() string {
	text := "DependsOn: dependency cycle: " + way(e.Path)
	if len(e.Inside) > 0 {
		text += ", a subtree starts and stops as a whole: " + strings.Join(e.Inside, ", ")
	}

	return text
}

// BudgetError says that a supervisor gave up: its children failed more often than its budget allows.
type BudgetError struct {
	// Path of the supervisor.
	Path string
	// Budget that is exhausted.
	Budget Budget
	// Failures that counted, oldest first; the last is the one too many.
	Failures []error
}

// Error names the supervisor, the budget and the last failure.
func (e *BudgetError) Error() string {
	last := "none"
	if n := len(e.Failures); n > 0 {
		last = Text(e.Failures[n-1])
	}

	return fmt.Sprintf("%s: restart budget exhausted: more than %d restarts within %v; last failure: %s",
		e.Path, e.Budget.Restarts, e.Budget.Within, last)
}

// Unwrap returns the failures that counted.
func (e *BudgetError) Unwrap() []error { return e.Failures }

// FailureError is the failure of one child.
type FailureError struct {
	// Path of the child.
	Path string
	// Err is its cause.
	Err error
}

// Error names the child and the cause.
func (e *FailureError) Error() string { return e.Path + ": " + Text(e.Err) }

// Unwrap returns the cause.
func (e *FailureError) Unwrap() error { return e.Err }

// Text returns what an error of a user's says, also if saying so panics, as that of a nil pointer in a non-nil error
// does, or ends its goroutine. Of errors that were joined it has those that do neither.
func Text(err error) string { return chain.Text(err) }

// DeadlineError says that an actor did not return from a step in time and was abandoned.
type DeadlineError struct {
	// Step that was not finished: start, drain, flush, close or end.
	Step string
	// After is how long it was given.
	After time.Duration
}

// Error names the step and the time.
func (e *DeadlineError) Error() string {
	return fmt.Sprintf("%s did not finish within %v", e.Step, e.After)
}
