package lifecycle

import "fmt"

// State is what an actor or a supervisor is doing. The zero value is not a state.
//
// An actor:
//
//	Idle → Starting → Running → Draining → Drained → Flushing → Flushed → Closing → Finishing → Stopped
//	          ↑          │ failure
//	      BackingOff ← Ending          any step past its deadline → abandoned, then Idle or Finishing
//	          ↑          │ order
//	         Idle   ← Halting
//
// A supervisor is Idle, Starting (its children), Running, Halting (its children), BackingOff or Stopped.
type State uint8

// The states.
const (
	Idle       State = iota + 1 // no incarnation; may be started
	Starting                    // the factory or the Start hook runs
	Running                     // handles messages
	Ending                      // failed; goroutines and Close are awaited
	BackingOff                  // waits for its next attempt
	Halting                     // ends by its supervisor's order; the queue is kept
	Leaving                     // has been told to handle no more messages, to be stopped alone
	Draining                    // works off its queue, refuses new messages
	Drained                     // has worked off its queue
	Flushing                    // the Flush hook runs
	Flushed                     // the Flush hook has returned
	Closing                     // the Close hook runs
	Finishing                   // is being removed
	Stopped                     // is gone
)

var stateNames = [...]string{
	"", "idle", "starting", "running", "ending", "backing-off", "halting", "leaving", "draining", "drained", "flushing",
	"flushed", "closing", "finishing", "stopped",
}

// String returns the state's name.
func (s State) String() string {
	if s == 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("State(%d)", uint8(s))
	}

	return stateNames[s]
}

// Phase is what the system as a whole is doing. The zero value is not a phase.
type Phase uint8

// The phases, in their order.
const (
	Booting Phase = iota + 1 // the tree starts for the first time
	Serving                  // the tree runs
	Intake                   // messages from outside are refused from now on
	Drain                    // actors work off their queues, dependents first
	Flush                    // Flush hooks run, dependents first
	Close                    // Close hooks run, dependents first
	Done                     // everything has ended
)

var phaseNames = [...]string{"", "boot", "serve", "intake", "drain", "flush", "close", "done"}

// String returns the phase's name.
func (p Phase) String() string {
	if p == 0 || int(p) >= len(phaseNames) {
		return fmt.Sprintf("Phase(%d)", uint8(p))
	}

	return phaseNames[p]
}
