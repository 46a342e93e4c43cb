package mailbox

import "fmt"

// Reason says why a message became a dead letter. The set is closed.
type Reason uint8

const (
	// NoActor: nobody of that name was ever there.
	NoActor Reason = iota + 1
	// Stopping: the target works off what it has and takes nothing new.
	Stopping
	// Stopped: the target has ended; also what it left in its queue when it was stopped without draining.
	Stopped
	// Full: the lane had no room and the sender could not wait.
	Full
	// Dropped: the lane was full and its policy was to drop this message.
	Dropped
	// Failed: handling the message ended in an error or a panic; the cause is in the letter.
	Failed
	// Deadline: the target's deadline passed before the message could be handled.
	Deadline
	// Abandoned: the message was in the hands of an actor that did not return by its deadline.
	Abandoned
	// Undecodable: the message is not of a type the target accepts.
	Undecodable
	// Quarantined: handling the message failed at every attempt it was given; the cause is that of the last.
	Quarantined
	// StageTimeout: handling an item took longer than its pipeline stage allows.
	StageTimeout

	reasons = int(StageTimeout) + 1
)

var reasonNames = [reasons]string{
	"", "no such actor", "stopping", "stopped", "full", "dropped", "failed", "deadline", "abandoned", "undecodable",
	"quarantined", "stage timeout",
}

// String returns the reason as it is printed in reports.
func (r Reason) String() string {
	if r == 0 || int(r) >= reasons {
		return fmt.Sprintf("Reason(%d)", uint8(r))
	}

	return reasonNames[r]
}

// MarshalText returns the reason's name, so that maps keyed by Reason read well as JSON.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts the name of a reason.
func (r *Reason) UnmarshalText(text []byte) error {
	for i := 1; i < reasons; i++ {
		if reasonNames[i] == string(text) {
			*r = Reason(i)

			return nil
		}
	}

	return fmt.Errorf("mailbox.Reason: %q is not a dead-letter reason", text)
}

// Reasons returns all reasons, in a fixed order.
func Reasons() []Reason {
	all := make([]Reason, 0, reasons-1)
	for r := NoActor; int(r) < reasons; r++ {
		all = append(all, r)
	}

	return all
}

// Counts holds a number per reason.
type Counts [reasons]uint64

// Of returns the number counted under r.
func (c Counts) Of(r Reason) uint64 {
	if int(r) >= reasons {
		return 0
	}

	return c[r]
}

// Total returns the sum over all reasons.
func (c Counts) Total() uint64 {
	var sum uint64
	for _, n := range c {
		sum += n
	}

	return sum
}

// Map returns the reasons with a number above zero.
func (c Counts) Map() map[Reason]uint64 {
	m := make(map[Reason]uint64)

	for i, n := range c {
		if n > 0 {
			m[Reason(i)] = n
		}
	}

	return m
}
