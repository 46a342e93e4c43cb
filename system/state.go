package system

import (
	"fmt"

	"github.com/troupe-go/troupe/internal/lifecycle"
)

// State is how an actor or a supervisor is, seen from outside. The zero value is not a state.
//
// An actor is starting, then running, or degraded; backing-off and starting again when it failed; stopping on the way
// to stopped, failed or abandoned, its last states. A supervisor is what its children are going through together: it
// starts them, they run, or it stops them; and it backs off like an actor when it is to be restarted itself.
type State uint8

const (
	// Starting: the factory or the Start hook runs, or is to run for the first time when the node's turn comes; of a
	// supervisor, its children start.
	Starting State = iota + 1
	// Running: handles messages; of a supervisor, looks after its children, of which some may be down.
	Running
	// Degraded: handles messages, but its Health hook says that something is wrong, or did not answer in time.
	Degraded
	// BackingOff: is down and comes back: when its back-off is over, or when its turn comes in the restart of its group
	// or of its supervisor.
	BackingOff
	// Stopping: is on its way down: it has failed and ends, it is halted for the restart of a group, it works off its
	// queue, or one of the last hooks runs.
	Stopping
	// Stopped: has ended for good, and that was not because of a failure.
	Stopped
	// Failed: has ended because of a failure, its own or that of its supervisor, and is not restarted; if its supervisor
	// gave up and is restarted in its turn, it comes back with it.
	Failed
	// Abandoned: has ended for good, but an incarnation of it did not return by its deadline and hangs. When that comes
	// back at last, the state is stopped or failed.
	Abandoned
)

var stateNames = [...]string{
	"", "starting", "running", "degraded", "backing-off", "stopping", "stopped", "failed", "abandoned",
}

// String returns the state's name.
func (s State) String() string {
	if s == 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("State(%d)", uint8(s))
	}

	return stateNames[s]
}

// MarshalText returns the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// stateOf returns the state of a node that is as the machine says. Above is the state of its supervisor, and up how the
// machine sees that; ending says that the system is stopping. Whether the node is degraded the machine cannot know.
func stateOf(v, up *lifecycle.View, above State, ending bool) State {
	switch v.State {
	case lifecycle.Starting:
		return Starting
	case lifecycle.Running:
		if ending && !v.Actor { // its children stop in an order that does not ask for their supervisors
			return Stopping
		}

		return Running
	case lifecycle.BackingOff:
		return BackingOff
	case lifecycle.Stopped:
		return endState(v)
	case lifecycle.Idle:
		return idleState(v, up, above, ending)
	case lifecycle.Ending, lifecycle.Halting, lifecycle.Leaving, lifecycle.Draining, lifecycle.Drained,
		lifecycle.Flushing, lifecycle.Flushed, lifecycle.Closing, lifecycle.Finishing:
	}

	return Stopping
}

// endState returns the state of a node that has ended for good.
func endState(v *lifecycle.View) State {
	switch {
	case len(v.Abandoned) > 0:
		return Abandoned
	case v.Failed:
		return Failed
	default:
		return Stopped
	}
}

// idleState returns the state of a node nothing of which is running.
func idleState(v, up *lifecycle.View, above State, ending bool) State {
	switch {
	case ending: // what was left of it has gone, and it waits for the others
		if end := endState(v); end != Stopped {
			return end
		}

		return Stopping
	case up == nil: // the root, before the boot
		return Starting
	case up.State == lifecycle.Halting && up.Failed:
		return Failed
	case up.State == lifecycle.Halting:
		return BackingOff
	case up.State == lifecycle.Starting || up.State == lifecycle.Running:
		if v.Since.IsZero() { // has never been anything else
			return Starting
		}

		return BackingOff
	default: // what is in a supervisor that is down shares its fate
		return above
	}
}
