package system

import (
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// NewEvents returns the events of no system.
func NewEvents(o Options) *Events { return newEvents(o.withDefaults()) }

// SharesOf returns the lengths of the phases of a shutdown that has no tasks.
func SharesOf(grace time.Duration) supervision.Shares {
	return Options{Grace: grace}.shares(new(supervision.Plan))
}

// Put takes an event.
func (e *Events) Put(event supervision.Event) { e.put(&event) }

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

// Parting returns how many parts are being stopped.
func Parting(s *System) map[string]int {
	c := s.conductor

	c.mu.Lock()
	defer c.mu.Unlock()

	return map[string]int{"parting": len(c.parting)}
}

// Shelf is a shelf of numbers.
type Shelf struct{ shelf }

// NewShelf returns one for so many.
func NewShelf(capacity int) *Shelf { return &Shelf{shelf{capacity: capacity}} }

// Put puts a number.
func (s *Shelf) Put(number uint64) { s.put(Letter{Number: number}) }

// Take takes it out, and reports whether it was there.
func (s *Shelf) Take(number uint64) bool {
	_, i, found := s.get(number)
	if found {
		s.clear(i)
	}

	return found
}

// After returns at most so many numbers from one on.
func (s *Shelf) After(from uint64, most int) []uint64 {
	all, _ := s.after(from, make([]Letter, 0, most))
	numbers := make([]uint64, len(all))

	for i := range all {
		numbers[i] = all[i].Number
	}

	return numbers
}

// Evicted returns how many had to make room.
func (s *Shelf) Evicted() uint64 { return s.evicted }

// Slots returns the size of the ring.
func (s *Shelf) Slots() int { return len(s.ring) }

// Inbox is an inbox of reports.
type Inbox struct{ inbox }

// Put puts a report of an actor. It returns whether it is the first.
func (i *Inbox) Put(id int) (first bool) { return i.put(node.Report{ID: id}) }

// Take takes the reports.
func (i *Inbox) Take() []node.Report { return i.take() }

// Hold keeps the state machine of a system from running until the returned function is called.
func Hold(s *System) (release func()) {
	s.conductor.mu.Lock()

	return s.conductor.mu.Unlock
}

// Tell reports something of an actor.
func Tell(s *System, r node.Report) { s.conductor.Report(r) }

// Waiting returns how many reports the state machine has not been given.
func Waiting(s *System) int {
	i := &s.conductor.inbox

	i.mu.Lock()
	defer i.mu.Unlock()

	return len(i.reports)
}

// Leave leaves a report without seeing to it that it is taken.
func Leave(s *System, r node.Report) { s.conductor.inbox.put(r) }

// NotCalled returns what a hand of the crew notes of a call that it did not make, because somebody is there.
func NotCalled(id int, command mailbox.Command) node.Report {
	return notCalled(&call{id: id, command: command})
}
