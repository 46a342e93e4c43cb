package mailbox

// Stats is what a mailbox has counted since it was made. All figures are messages of both lanes together.
//
// The law of conservation: Accepted = Processed + Failed + DeadLettered + Dropped + Stashed + Queued + Handling, where
// Handling is 0 whenever the receiver is at rest. [Stats.Unaccounted] is the difference, which is 0.
type Stats struct {
	// Accepted is what senders were told was accepted.
	Accepted uint64
	// Processed is what the receiver handled without an error.
	Processed uint64
	// Failed is what the receiver handled with an error or a panic, and is not to be delivered again nor quarantined.
	Failed uint64
	// DeadLettered is what was accepted and could not be handled, by reason.
	DeadLettered Counts
	// Dropped is what was accepted and dropped by the policy of its lane.
	Dropped uint64
	// Stashed is what the receiver has put aside.
	Stashed uint64
	// Queued is what waits in the lanes, and what is to be taken before it: brought back from the stash or redelivered.
	Queued uint64
	// Handling is 1 while the receiver has a message in hand, else 0.
	Handling uint64
	// Refused is what senders were told was not accepted, by reason; it is not part of the law.
	Refused Counts
}

// Unaccounted returns how many accepted messages are counted under no name: 0, or there is a bug.
func (s *Stats) Unaccounted() int64 {
	known := s.Processed + s.Failed + s.DeadLettered.Total() + s.Dropped + s.Stashed + s.Queued + s.Handling

	return int64(s.Accepted - known) //nolint:gosec // wraps to the signed difference, as intended
}

// Add adds the figures of another mailbox; nil adds nothing.
func (s *Stats) Add(other *Stats) {
	if other == nil {
		return
	}

	s.Accepted += other.Accepted
	s.Processed += other.Processed
	s.Failed += other.Failed
	s.Dropped += other.Dropped
	s.Stashed += other.Stashed
	s.Queued += other.Queued
	s.Handling += other.Handling

	for i := range other.DeadLettered {
		s.DeadLettered[i] += other.DeadLettered[i]
		s.Refused[i] += other.Refused[i]
	}
}

// counts are the outcomes of messages that the receiver has taken. Guarded by Mailbox.mu.
type counts struct {
	processed uint64    // as the receiver has counted them, up to the last time it held mu
	rest      *outcomes // nil until there is one of them
}

// outcomes are those that most receivers never see.
type outcomes struct {
	own    uint64 // accepted from the receiver itself, and so taken
	failed uint64
	dead   Counts
}

// rare returns the outcomes, to be added to.
func (c *counts) rare() *outcomes {
	if c.rest == nil {
		c.rest = new(outcomes)
	}

	return c.rest
}

// known returns the outcomes.
func (c *counts) known() outcomes {
	if c.rest == nil {
		return outcomes{}
	}

	return *c.rest
}

func (c *counts) lost(r Reason) {
	if int(r) >= reasons {
		r = 0 // not a reason; counted all the same
	}

	c.rare().dead[r]++
}

// Queued returns how many messages wait in both lanes, with those that are to be taken before them.
func (b *Mailbox[M]) Queued() int {
	b.mu.Lock()
	defer b.mu.Unlock()

	return int(b.waiting()) //nolint:gosec // at most the sum of the capacities
}

// Load returns how many messages wait in both lanes, and one more while the receiver has a message in hand. IsSuspended
// says that the receiver takes none until it is told to go on, as while it is being restarted.
func (b *Mailbox[M]) Load() (messages int, isSuspended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	n := b.waiting()
	if b.claims()&inHand != 0 {
		n++
	}

	return int(n), b.status == suspended //nolint:gosec // at most the sum of two capacities, and one
}

// waiting is Queued with mu held.
func (b *Mailbox[M]) waiting() uint64 {
	_, n := b.aside.counted()
	n += b.queued(&b.data)

	if b.control != nil {
		n += b.control.count - b.control.gone
	}

	return n
}

// Taken returns how often the receiver has taken a message since the mailbox was made, those it has accepted from
// itself among them. One that is taken again, from the stash or because it is redelivered, counts once more.
func (b *Mailbox[M]) Taken() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()

	n := b.taken(b.claims())
	if b.aside != nil {
		n += b.aside.retaken
	}

	return n
}

// taken returns how many messages had been taken when claims was read, each once. Called with mu held.
func (b *Mailbox[M]) taken(claims uint64) uint64 {
	n := claims >> claimShift
	if !b.data.batched {
		n = b.data.gone - b.data.refusals().dropped
	}

	n += b.settled.known().own

	if c := b.control; c != nil {
		n += c.gone

		if c.overflow == DropOldest {
			n -= c.refusals().dropped
		}
	}

	return n
}

// processed returns how many messages had been settled as processed when claims was read: those taken, less the one in
// hand, those with another outcome and those that are to be taken again. Called with mu held.
func (b *Mailbox[M]) processed(claims uint64) uint64 {
	n := b.taken(claims)
	if o := b.settled.rest; o != nil {
		n -= o.failed + o.dead.Total()
	}

	stashed, again := b.aside.counted()
	n -= stashed + again

	if b.handling(claims) {
		n--
	}

	return n
}

// Stats returns a consistent snapshot of what was counted so far: one that was true at an instant during the call.
// While a turn is running, Processed is what the receiver has taken, less the message in hand and those with another
// outcome; when the receiver is at rest it is its own count of what it has handled, so that the law compares two
// witnesses.
func (b *Mailbox[M]) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()

	// With mu held nothing is accepted, and the receiver settles messages otherwise than as processed only under mu. It
	// can go on through its batch; claims, read once, is the instant.
	claims := b.claims()
	known := b.settled.known()
	s := Stats{
		Accepted: known.own, Processed: b.settled.processed, Failed: known.failed, DeadLettered: known.dead,
	}

	if b.status == busy {
		s.Processed = b.processed(claims)
	}

	if b.handling(claims) {
		s.Handling = 1
	}

	s.Stashed, s.Queued = b.aside.counted()

	b.addLane(&s, &b.data, claims)

	if b.control != nil {
		b.addLane(&s, b.control, claims)
	}

	return s
}

// Processed returns how many messages the receiver has handled without an error, as [Mailbox.Stats] does.
func (b *Mailbox[M]) Processed() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.status == busy {
		return b.processed(b.claims())
	}

	return b.settled.processed
}

// addLane adds what a lane has counted. Called with mu held.
func (b *Mailbox[M]) addLane(s *Stats, l *lane[M], claims uint64) {
	gone := l.gone
	if l.batched {
		gone = claims >> claimShift
	}

	s.Queued += l.count - gone
	s.Accepted += l.count

	r := l.refusals()
	s.Dropped += r.dropped

	if l.overflow == DropNewest {
		s.Accepted += r.dropped
	}

	s.Refused[Full] += r.refused
	s.Refused[Stopping] += r.late[0]
	s.Refused[Stopped] += r.late[1]
}
