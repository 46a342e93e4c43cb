package supervision

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
)

// Phase is one of the phases of a shutdown, in their order. The zero value is not a phase.
type Phase uint8

const (
	// PhaseIntake stops what comes from outside. It lasts as long as its tasks; then references that are held outside the
	// tree refuse.
	PhaseIntake Phase = iota + 1
	// PhaseDrain works the queues off.
	PhaseDrain
	// PhaseFlush runs the Flush hooks.
	PhaseFlush
	// PhaseClose runs the Close hooks.
	PhaseClose
)

var phaseNames = [...]string{unset, "intake", "drain", "flush", "close"}

// String returns the phase's name.
func (p Phase) String() string {
	if int(p) >= len(phaseNames) {
		return fmt.Sprintf("Phase(%d)", uint8(p))
	}

	return phaseNames[p]
}

// OnFailure says what the failure of a [Task] means for the tasks after it. The zero value is unset and means
// [Recover].
type OnFailure uint8

const (
	// Recover: the failure is in the report, and everything goes on. It is the default.
	Recover OnFailure = iota + 1
	// Abort: the tasks that come after it, by AfterTasks, directly or through others, are not run. The actors have their
	// steps all the same, and so have all other tasks.
	Abort
)

// String returns the name.
func (f OnFailure) String() string {
	switch f {
	case 0:
		return unset
	case Recover:
		return "recover"
	case Abort:
		return "abort"
	default:
		return fmt.Sprintf("OnFailure(%d)", uint8(f))
	}
}

// MaxTasks is how many tasks a system can have.
const MaxTasks = 1000

// Task is something a service does besides in a phase of a shutdown: stop a listener, close a pool of connections. It
// is run exactly once, on a goroutine of its own, also if the tree did not start; not if the tree or a task is not
// valid, for then nothing has begun.
//
// Akka's CoordinatedShutdown has the like. There a phase that may not recover ends the shutdown where it stands; here a
// failure never costs an actor its steps, and [Abort] concerns the tasks only that build on the one that failed.
type Task struct {
	// Name, unique among the tasks; [MaxName] says what a name is. Errors, events and stacks call it "task:" with the
	// name.
	Name string
	// Phase it belongs to. The phase lasts until it is over. It must be set.
	Phase Phase
	// After are children of the tree: the task begins when their part of its phase is over; that of a tree, a group or a
	// pool when all in it have done theirs. So a task of the close phase begins when they have closed. In the intake
	// phase actors have no part.
	After []Child
	// AfterTasks are tasks of the same or an earlier phase: the task begins when they are over.
	AfterTasks []*Task
	// Deadline of the task; 0 means the time the phase has left. In its last tenth ctx has ended. If Run has not returned
	// by then, it is left behind: the report names it, with its stack, and what comes after it begins.
	Deadline time.Duration
	// OnFailure says what an error, a panic or a missed deadline means for the tasks after it; unset means [Recover].
	OnFailure OnFailure
	// Run does it. ctx ends when there is no time left. An actor's reference from System.Intake can be used in the intake
	// phase only.
	Run func(ctx context.Context) error
}

// CloserTask returns a task that closes c in the close phase, after what is given. It does not matter if c has been
// closed before: the errors that say so are none.
func CloserTask(name string, c io.Closer, after ...Child) *Task {
	t := &Task{Name: name, Phase: PhaseClose, After: after}

	if c != nil {
		t.Run = func(context.Context) error {
			if err := c.Close(); !chain.Is(err, fs.ErrClosed) && !chain.Is(err, net.ErrClosed) &&
				!chain.Is(err, io.ErrClosedPipe) {
				return err //nolint:wrapcheck // the runtime adds the task's name
			}

			return nil
		}
	}

	return t
}

// TaskPath returns what errors, events and stacks call the task of a name.
func TaskPath(name string) string { return "task:" + name }

// PlannedTask is a task of a [Plan], with its dependencies as indices.
type PlannedTask struct {
	Name  string
	Phase Phase
	// After are indices in Plan.Nodes.
	After []int
	// AfterTasks are indices in Plan.Tasks.
	AfterTasks []int
	Deadline   time.Duration
	OnFailure  OnFailure
	Run        func(ctx context.Context) error
}
