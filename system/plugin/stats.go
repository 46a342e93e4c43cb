package plugin

import "sync"

// Stats are what has become of a plugin's calls and streams, over all its instances. At any moment
//
//	Calls = Answered + Invalid + Failed + Late + Lost + Refused + GivenUp + InFlight
//
// A call that is given to a plugin again counts again.
type Stats struct {
	// Calls that have left the mailbox.
	Calls uint64 `json:"calls"`
	// Answered without an error; streams that the plugin has ended without one.
	Answered uint64 `json:"answered"`
	// Invalid messages, and those of a type or size that is not taken.
	Invalid uint64 `json:"invalid"`
	// Failed with an error of the plugin.
	Failed uint64 `json:"failed"`
	// Late: not answered by the plugin's deadline.
	Late uint64 `json:"late"`
	// Lost: in the plugin's hands when its instance was given up.
	Lost uint64 `json:"lost"`
	// Refused by the breaker.
	Refused uint64 `json:"refused"`
	// GivenUp: the caller's context had ended before the plugin's deadline.
	GivenUp uint64 `json:"given_up"`
	// InFlight are in the plugin's hands.
	InFlight uint64 `json:"in_flight"`
	// Instances that were made.
	Instances uint64 `json:"instances"`
	// Faults are the instances that were given up.
	Faults uint64 `json:"faults"`
}

// Unaccounted returns how many calls are counted under no name. It is 0.
func (s Stats) Unaccounted() int64 {
	sum := s.Answered + s.Invalid + s.Failed + s.Late + s.Lost + s.Refused + s.GivenUp + s.InFlight

	return int64(s.Calls - sum) //nolint:gosec // small either way
}

// counters are Stats that are being counted. Safe for concurrent use.
type counters struct {
	mu    sync.Mutex
	stats Stats
}

// now returns them.
func (c *counters) now() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.stats
}

// count changes them in one step.
func (c *counters) count(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()

	f(&c.stats)
}

// outcome is what a call comes to.
type outcome func(*Stats)

// The outcomes of calls.
func answered(s *Stats) { s.Answered++ }
func invalid(s *Stats)  { s.Invalid++ }
func failed(s *Stats)   { s.Failed++ }
func late(s *Stats)     { s.Late++ }
func lost(s *Stats)     { s.Lost++ }
func givenUp(s *Stats)  { s.GivenUp++ }

// ended counts a call that was in flight.
func (c *counters) ended(o outcome) { c.count(func(s *Stats) { s.InFlight--; o(s) }) }
