package supervision

import (
	"fmt"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Event is something that happened in the life of an actor or a supervisor.
type Event struct {
	// Kind says what happened, and with that which of the other fields are set.
	Kind EventKind
	// Path of the actor or supervisor, or "task:" and the name of a task of the shutdown.
	Path string
	// Time it happened.
	Time time.Time
	// Incarnation of an actor it happened to; 0 if it was to none.
	Incarnation uint64
	// Err is the cause, of every kind that has one.
	Err error
	// Delay before the next attempt: Restarting.
	Delay time.Duration
	// Left is how many restarts the supervisor's budget still allows: Restarting.
	Left int
	// Step that did not go well: HookFailed, "drain", "flush" or "close"; of a task, its phase.
	Step string
	// Reason of a dead letter: DeadLettered.
	Reason mailbox.Reason
}

// EventKind says what happened. The zero value is not a kind.
type EventKind uint8

const (
	// Started: an incarnation of an actor has started, or a supervisor with all its children.
	Started EventKind = iota + 1
	// Failed: an incarnation has failed with Err, also in its start. What its supervisor does about it follows.
	Failed
	// Resumed: an actor has failed with Err and goes on, as Spec.Decide has chosen.
	Resumed
	// Restarting: the supervisor restarts a child, after Delay; Left restarts are left in its budget.
	Restarting
	// GaveUp: a supervisor fails with Err, a [*BudgetError] or what was escalated, and stops its children.
	GaveUp
	// Halted: an incarnation has ended by its supervisor's order; its queue is kept for the next.
	Halted
	// HookFailed: a step of a stop, Step, or a task ended with Err.
	HookFailed
	// Stopped: an actor or a supervisor has ended for good.
	Stopped
	// Abandoned: an incarnation, or a task, did not return by its deadline; Err is a [*DeadlineError].
	Abandoned
	// Returned: an abandoned incarnation, or task, has come back.
	Returned
	// DeadLettered: a message became a dead letter, for Reason and with Err.
	DeadLettered
)

var eventKindNames = [...]string{
	"", "started", "failed", "resumed", "restarting", "gave up", "halted", "hook failed", "stopped", "abandoned",
	"returned", "dead-lettered",
}

// String returns the kind's name.
func (k EventKind) String() string {
	if k == 0 || int(k) >= len(eventKindNames) {
		return fmt.Sprintf("EventKind(%d)", uint8(k))
	}

	return eventKindNames[k]
}

// EventKinds returns all kinds, in a fixed order.
func EventKinds() []EventKind {
	all := make([]EventKind, 0, len(eventKindNames)-1)
	for k := Started; int(k) < len(eventKindNames); k++ {
		all = append(all, k)
	}

	return all
}
