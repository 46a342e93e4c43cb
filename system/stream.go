package system

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxBuffer is the most values a [Subscription] can hold.
const MaxBuffer = 1 << 20

// stream keeps the most recent of the values put into it, counts all of them by class, and hands each to the
// subscribers, in order. Nothing about it waits or calls other people's code.
type stream[T any] struct {
	capacity int

	mu          sync.Mutex // taken last: nobody takes another lock while holding it
	ring        []T        // the most recent values, at most capacity of them
	taken       uint64     // values ever put; the next one's number
	counts      []uint64   // values ever put, by class
	subscribers []*Subscription[T]
	closed      bool
}

// admission says whether a subscriber wants a value of a class that came up at a time.
type admission func(class uint8, at time.Time) bool

func newStream[T any](capacity, classes int) *stream[T] {
	return &stream[T]{capacity: capacity, counts: make([]uint64, classes)}
}

// put takes a value that came up at a time. It costs some 20 ns, and as much again for each subscriber.
func (s *stream[T]) put(class uint8, at time.Time, v *T) {
	s.mu.Lock()
	defer s.mu.Unlock()

	switch {
	case len(s.ring) < s.capacity:
		s.ring = append(s.ring, *v)
	case s.capacity > 0:
		s.ring[s.taken%uint64(s.capacity)] = *v
	}

	s.taken++

	if int(class) < len(s.counts) {
		s.counts[class]++
	}

	for _, sub := range s.subscribers {
		if sub.admit != nil && !sub.admit(class, at) {
			continue
		}

		select {
		case sub.values <- *v:
		default:
			sub.missed.Add(1)
		}
	}
}

// recent returns the values that are kept, oldest first.
func (s *stream[T]) recent() []T {
	if s == nil {
		return nil // of no system; so for the methods below
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	all := make([]T, 0, len(s.ring))
	for i := s.taken - uint64(len(s.ring)); i < s.taken; i++ {
		all = append(all, s.ring[i%uint64(s.capacity)]) //nolint:gosec // capacity is positive
	}

	return all
}

// dropped returns how many values are no longer kept because newer ones needed the room.
func (s *stream[T]) dropped() uint64 {
	if s == nil {
		return 0
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	return s.taken - uint64(len(s.ring))
}

// count returns how many values of a class were ever put.
func (s *stream[T]) count(class uint8) uint64 {
	if s == nil {
		return 0
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	if int(class) >= len(s.counts) {
		return 0
	}

	return s.counts[class]
}

// subscribe returns a stream of those values from now on that admit, called with mu held, wants; nil wants all.
func (s *stream[T]) subscribe(buffer int, admit admission) *Subscription[T] {
	sub := &Subscription[T]{stream: s, values: make(chan T, min(max(buffer, 1), MaxBuffer)), admit: admit}

	if s == nil {
		close(sub.values)

		return sub
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	if s.closed {
		close(sub.values)
	} else {
		s.subscribers = append(s.subscribers, sub)
	}

	return sub
}

// close ends all subscriptions. What is put later is still kept and counted.
func (s *stream[T]) close() {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, sub := range s.subscribers {
		close(sub.values)
	}

	s.subscribers, s.closed = nil, true
}

// Subscription is a bounded stream of what happens from the moment of subscribing on: letters from [Office.Subscribe],
// events from [Events.Subscribe]. A subscriber that falls behind misses values, which are counted; it holds up nobody.
// All methods are safe for concurrent use; each value goes to one reader. The zero Subscription has nothing: its
// channel is closed.
type Subscription[T any] struct {
	stream *stream[T]
	values chan T
	admit  admission
	missed atomic.Uint64
}

// C is the channel the values come through. It is closed by Close and when the system has stopped; what is in it by
// then can still be read.
func (s *Subscription[T]) C() <-chan T {
	if s.values == nil {
		closed := make(chan T)
		close(closed)

		return closed
	}

	return s.values
}

// All yields the values as they come, until the channel is closed. Breaking off does not close the subscription.
func (s *Subscription[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range s.C() {
			if !yield(v) {
				return
			}
		}
	}
}

// Missed returns how many values did not get into the stream, because its buffer was full.
func (s *Subscription[T]) Missed() uint64 { return s.missed.Load() }

// Close ends the subscription. It can be called again.
func (s *Subscription[T]) Close() {
	if s.stream == nil {
		return // the zero value, which nobody has subscribed with
	}

	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()

	if i := slices.Index(s.stream.subscribers, s); i >= 0 {
		s.stream.subscribers = slices.Delete(s.stream.subscribers, i, i+1)
		close(s.values)
	}
}
