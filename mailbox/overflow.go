package mailbox

import "fmt"

// Overflow says what happens to a message that finds its lane full. The zero value is unset and means [Block].
type Overflow uint8

const (
	// Block makes the sender wait for room until its context ends. It is the default.
	Block Overflow = iota + 1
	// Reject refuses the message at once with a [*FullError].
	Reject
	// DropNewest accepts the message and drops it: it becomes a dead letter with reason [Dropped].
	DropNewest
	// DropOldest accepts the message and drops the one that has waited longest, which becomes a dead letter with reason
	// [Dropped]. The message in hand and commands are never dropped. Its receiver takes messages one by one and not in
	// batches, so it is somewhat slower.
	DropOldest
)

var overflowNames = [...]string{"unset", "block", "reject", "drop newest", "drop oldest"}

// String returns the policy's name.
func (o Overflow) String() string {
	if int(o) >= len(overflowNames) {
		return fmt.Sprintf("Overflow(%d)", uint8(o))
	}

	return overflowNames[o]
}

// drops reports whether a lane of this policy drops accepted messages.
func (o Overflow) drops() bool { return o == DropNewest || o == DropOldest }
