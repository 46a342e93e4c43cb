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

// Queued returns how many messages wait in both lanes.
func (b *Mailbox[M]) Queued() int {
	s := b.Stats()

	return int(s.Queued) //nolint:gosec // at most the sum of two capacities
}

// Stats returns what was counted so far. It is exact whenever the receiver is at rest, and off by no more than what is
// sent and taken during the call otherwise.
func (b *Mailbox[M]) Stats() Stats {
	b.data.mu.Lock()
	defer b.data.mu.Unlock()

	c := b.control.Load()
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
	}

	var s Stats

	if b.dead != nil {
		s.DeadLettered = *b.dead
	}

	// With both locks held nothing is accepted; if claims does not move while the outcomes are read, the receiver has
	// not moved either and the snapshot is consistent.
	const attempts = 16

	lease := b.lease.Load()
	for range attempts {
		claims := lease.claims.Load()
		s.Processed, s.Failed = b.processed.Load(), b.failed.Load()
		s.Queued = b.data.count - claimedOf(&b.data, claims)
		s.Accepted = b.data.count
		s.Handling = 0

		if claims&free == 0 {
			s.Handling = 1
		}

		if c != nil {
			s.Queued += c.count - claimedOf(c, claims)
			s.Accepted += c.count
		}

		if lease.claims.Load() == claims && s.Unaccounted() == 0 {
			break
		}
	}

	s.Refused = b.data.refusals()
	if c != nil {
		more := c.refusals()
		for i := range more {
			s.Refused[i] += more[i]
		}
	}

	return s
}

func (l *lane[M]) refusals() Counts {
	var c Counts

	c[Full], c[Stopping], c[Stopped] = l.refused[0], l.refused[1], l.refused[2]

	return c
}

func (b *Mailbox[M]) countDead(r Reason) {
	b.data.mu.Lock()
	defer b.data.mu.Unlock()

	if b.dead == nil {
		b.dead = new(Counts)
	}

	if int(r) >= reasons {
		r = 0 // not a reason; counted all the same
	}

	b.dead[r]++
}
