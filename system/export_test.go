package system

import "github.com/troupe-go/troupe/supervision"

// NewEvents returns the events of no system.
func NewEvents(o Options) *Events { return newEvents(o.withDefaults()) }

// Put takes an event.
func (e *Events) Put(event supervision.Event) { e.put(event) }

// Close ends all streams.
func (e *Events) Close() []error { return e.close() }
