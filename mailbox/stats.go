package mailbox

// Stats is what a mailbox has counted since it was made. All figures are messages of both lanes together.
//
// The law of conservation: Accepted = Processed + Failed + DeadLettered + Stashed + Queued + Handling, where Handling
// is 0 whenever the receiver is at rest. [Stats.Unaccounted] is the difference, which is 0.
type Stats struct {
	// Accepted is what senders were told was accepted.
	Accepted uint64
	// Processed is what the receiver handled without an error.
	Processed uint64
	// Failed is what the receiver handled with an error or a panic.
	Failed uint64
	// DeadLettered is what was accepted and could not be handled, by reason.
	DeadLettered Counts
	// Stashed is what the receiver has put aside.
	Stashed uint64
	// Queued is what waits in the lanes.
	Queued uint64
	// Handling is 1 while the receiver has a message in hand, else 0.
	Handling uint64
	// Refused is what senders were told was not accepted, by reason; it is not part of the law.
	Refused Counts
}

// Unaccounted returns how many accepted messages are counted under no name: 0, or there is a bug.
func (s *Stats) Unaccounted() int64 {
	known := s.Processed + s.Failed + s.DeadLettered.Total() + s.Stashed + s.Queued + s.Handling

	return int64(s.Accepted - known) //nolint:gosec // wraps to the signed difference, as intended
}
