package lifecycle

import (
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Effect is something to be done, in the order given. Exactly one of the types in this file; what there may be very
// much of comes as a pointer.
type Effect interface{ effect() }

// Begin starts an incarnation of an actor.
type Begin struct {
	ID          int
	Incarnation uint64
	Deadline    time.Time
}

// Seal makes an actor refuse new messages.
type Seal struct{ ID int }

// Order posts commands to an actor, and tells it when the step is to be over. Without a command it does only that.
type Order struct {
	ID       int
	Command  mailbox.Command
	Deadline time.Time
	// Sleeps says, of Flush and Close, that nobody has been there to obey since the actor was drained by [Config].AtOnce:
	// its hook is to be called. If somebody is there after all, the answer is Woken.
	Sleeps bool
}

// Sweep is an order for each of many actors that sleep, as said there. It is not changed once the step is over.
type Sweep struct {
	Command  mailbox.Command
	IDs      []int
	Deadline time.Time
}

// LetGo says that an actor, which is on its way down and has not been told to halt, does not wait for actors that are
// down, because its supervisor awaits it: they may come up only when it is down. TakenBack says that it does again. It
// is over with the incarnation.
type LetGo struct {
	ID        int
	TakenBack bool
}

// Cancel ends the contexts of what an actor is doing.
type Cancel struct {
	ID    int
	Cause error
}

// Abandon gives up on an actor's incarnation. If nothing of it is running any more, Machine.Returned is to be called.
type Abandon struct {
	ID          int
	Incarnation uint64
	Cause       error
}

// RunTask runs a task, which is to return before the deadline; TaskOver is the answer.
type RunTask struct {
	Task     int
	Deadline time.Time
}

// CancelTask ends a task's context.
type CancelTask struct {
	Task  int
	Cause error
}

// AbandonTask gives up on a task.
type AbandonTask struct{ Task int }

// CloseIntake refuses messages from outside the tree.
type CloseIntake struct{}

// Booted says that the whole tree has started.
type Booted struct{}

// Ended says that everything has ended; Machine.Outcome knows how.
type Ended struct{}

// Populate asks for a pool's members to be added, and then for Populated.
type Populate struct{ ID, Size int }

// Spawned says how the first start of a child went that was added to a group. One that failed is not there.
type Spawned struct {
	ID  int
	Err error
}

// Parted says that a part of the tree has been stopped, as StopPart asked for.
type Parted struct {
	Ask int
	// Members are how the actors and supervisors of it ended; the path is missing of those that are gone.
	Members []Member
}

// Member is one of a part that has been stopped.
type Member struct {
	View

	ID int
}

// Removed says that a child of a group has ended for good and its id is used no more.
type Removed struct {
	ID, Parent              int
	Restarts, EverAbandoned int
}

// Happened tells those who watch what has happened to a node.
type Happened struct {
	supervision.Event

	ID int // of the node
}

func (*Begin) effect()      {}
func (Seal) effect()        {}
func (*Order) effect()      {}
func (*Sweep) effect()      {}
func (LetGo) effect()       {}
func (Cancel) effect()      {}
func (Abandon) effect()     {}
func (CloseIntake) effect() {}
func (RunTask) effect()     {}
func (CancelTask) effect()  {}
func (AbandonTask) effect() {}
func (Booted) effect()      {}
func (Ended) effect()       {}
func (Populate) effect()    {}
func (*Spawned) effect()    {}
func (Parted) effect()      {}
func (Removed) effect()     {}
func (*Happened) effect()   {}

// boxes are where the effects of one type are that a step decides on. The next step uses them again: most need few, and
// a step of hundreds of thousands takes them by the dozen.
type boxes[T any] struct{ used []T }

// put puts an effect into a box.
func (b *boxes[T]) put(e T) *T {
	const first, most = 8, 64

	if len(b.used) == cap(b.used) { // somebody holds on to these
		b.used = make([]T, 0, min(max(first, 2*cap(b.used)), most)) //nolint:mnd // twice as many
	}

	b.used = append(b.used, e)

	return &b.used[len(b.used)-1]
}

// reset makes all boxes free.
func (b *boxes[T]) reset() { b.used = b.used[:0] }
