package system

import "github.com/troupe-go/troupe/supervision"

// NewEvents returns the events of no system.
func NewEvents(o Options) *Events { return newEvents(o.withDefaults()) }

// Put takes an event.
func (e *Events) Put(event supervision.Event) { e.put(event) }

// Close ends all streams.
func (e *Events) Close() []error { return e.close() }

// Timed reports whether the timer of a system is set, and stops it.
func Timed(s *System) bool {
	c := s.conductor

	c.mu.Lock()
	defer c.mu.Unlock()

	return c.timer != nil && c.timer.Stop()
}

// Kept returns how much a system remembers of the children of its groups, by what it is.
func Kept(s *System) map[string]int {
	c := s.conductor

	c.mu.Lock()
	defer c.mu.Unlock()

	return map[string]int{
		"starting": len(c.groups.starting), "leaving": len(c.groups.leaving),
		"nodes": len(c.nodes), "stuck": len(c.stuck), "departed": len(c.groups.departed),
	}
}
