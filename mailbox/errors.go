package mailbox

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/chain"
)

// What a sender can be told. They arrive wrapped in a [*SendError] that names the target; match with errors.Is.
var (
	// ErrFull is what every [*FullError] is: the lane has no room and the sender does not wait for any.
	ErrFull = errors.New("mailbox full")
	// ErrStopping says that the target works off what it has accepted and takes nothing new.
	ErrStopping = errors.New("stopping")
	// ErrStopped says that the target has ended for good, or, if it is a pool, all of its members: a pool can get others.
	ErrStopped = errors.New("stopped")
	// ErrDropped is what every [*DroppedError] is: the message was dropped by the policy of its lane.
	ErrDropped = errors.New("dropped")
	// ErrNoMailbox says that a message was sent to the zero [Mailbox], or one that nobody has made with [New] or a
	// [Template].
	ErrNoMailbox = errors.New("no mailbox, New makes one")
	// ErrNoLane says that a message was sent to a lane other than [Data] and [Control].
	ErrNoLane = errors.New("no such lane")
)

// FullError says that a lane was full. It matches [ErrFull].
type FullError struct {
	// Target names the mailbox, for an actor its path.
	Target string
	// Lane that was full.
	Lane Lane
	// Capacity of that lane, in messages.
	Capacity int
}

// Error names the target, the lane and its capacity.
func (e *FullError) Error() string {
	return fmt.Sprintf("%s: %v lane is full, its capacity is %d", e.Target, e.Lane, e.Capacity)
}

// Is reports whether target is [ErrFull].
func (e *FullError) Is(target error) bool { return target == ErrFull }

// StashFullError says that the stash has no room for another message.
type StashFullError struct {
	// Target names the mailbox, for an actor its path.
	Target string
	// Capacity of the stash, in messages.
	Capacity int
}

// Error names the target and the capacity.
func (e *StashFullError) Error() string {
	return fmt.Sprintf("%s: stash is full, its capacity is %d", e.Target, e.Capacity)
}

// DroppedError is the cause of the dead letter of a message that its lane dropped, and what an asker learns of it. It
// matches [ErrDropped].
type DroppedError struct {
	// Target names the mailbox, for an actor its path.
	Target string
	// Lane that was full.
	Lane Lane
	// Policy by which the message was dropped: [DropNewest] or [DropOldest].
	Policy Overflow
	// Delivery is what the message's next delivery would have been; the zero value for one that was not sent before.
	Delivery Delivery
}

// Error names the target, the lane and the policy.
func (e *DroppedError) Error() string {
	return fmt.Sprintf("%s: %v lane is full, its policy is to %v", e.Target, e.Lane, e.Policy)
}

// Is reports whether target is [ErrDropped].
func (e *DroppedError) Is(target error) bool { return target == ErrDropped }

// SendError says why a message was not accepted.
type SendError struct {
	// Target names the mailbox, for an actor its path.
	Target string
	// Err is [ErrStopping], [ErrStopped] or [ErrNoLane]; for a reference also the fence of an abandoned sender, and for
	// an ask what became of its message.
	Err error
}

// Error names the target and the cause.
func (e *SendError) Error() string { return e.Target + ": " + chain.Print(e.Err) }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }
