package plugin

import (
	"sync"
	"time"

	"github.com/troupe-go/troupe/actors"
)

// call is the message that an instance's actor is sent: a message for the plugin with the reply port of whoever waits.
type call struct {
	msg   Message
	reply actors.Reply[Message]
	// until is when the caller's context ends; zero if it has no deadline.
	until time.Time
	// began is set once the plugin has the message.
	began *mark
	// stream is set for a stream, which is answered when it begins.
	stream *duplex
}

// fate is what has become of a flight. It only goes on: flying, told, landed.
type fate uint8

const (
	flying fate = iota
	told        // the caller was answered, but the plugin has not returned
	landed      // the plugin has returned
)

// flight is a call in the plugin's hands.
type flight struct {
	call

	settle func(error) // of the breaker
	had    time.Duration
	late   time.Time // when the caller is told that there is no answer; zero for a stream
	hung   time.Time // when the instance is given up for it; zero for a stream whose caller still waits
	health bool      // it is a health check, and nobody waits for it
	ours   bool      // late is the plugin's deadline and not the caller's
	fate   fate
	index  int // in flights.all
}

// flights are the calls in the hands of one instance: as many as Spec.Concurrency, and a health check. Safe for
// concurrent use.
type flights struct {
	mu     sync.Mutex
	all    []*flight
	calls  int           // those among them that are no health checks
	wake   time.Time     // when the guard looks next; zero if it does not
	sooner chan struct{} // tells the guard to look before that; has room for one
	closed bool          // no more take off
	empty  chan struct{} // closed when all calls have landed, once somebody waits for it
}

// add takes off, unless all were told that it is over.
func (s *flights) add(f *flight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.closed {
		return false
	}

	f.index = len(s.all)
	s.all = append(s.all, f)

	if !f.health {
		s.calls++
	}

	s.hurry(f)

	return true
}

// hurry makes the guard look in time for a flight. Called with mu held.
func (s *flights) hurry(f *flight) {
	if at := f.next(); !at.IsZero() && (s.wake.IsZero() || at.Before(s.wake)) {
		s.wake = at

		select {
		case s.sooner <- struct{}{}:
		default: // it is told already
		}
	}
}

// next returns when there is something to do about a flight, or zero.
func (f *flight) next() time.Time {
	if f.fate == flying && !f.late.IsZero() {
		return f.late
	}

	return f.hung
}

// expect sets when a flight that had no end is to be over.
func (s *flights) expect(f *flight, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()

	f.hung = at
	s.hurry(f)
}

// land ends a flight. It reports whether the caller is still to be answered.
func (s *flights) land(f *flight) (answer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	answer = f.fate == flying
	f.fate = landed

	last := s.all[len(s.all)-1]
	s.all[f.index], last.index = last, f.index
	s.all[len(s.all)-1] = nil
	s.all = s.all[:len(s.all)-1]

	if !f.health {
		s.calls--
	}

	if s.calls == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}

	return answer
}

// busy reports whether a call is in the plugin's hands.
func (s *flights) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.calls > 0
}

// drained returns a channel that is closed once no call is in the plugin's hands.
func (s *flights) drained() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()

	c := make(chan struct{})

	if s.calls == 0 {
		close(c)
	} else {
		s.empty = c
	}

	return c
}

// look returns the flights whose callers are to be told that they are late, one that hangs, if there is one, and when
// to look again, zero if there is nothing to look for. Those late are told from then on.
func (s *flights) look(now time.Time) (late []*flight, hangs *flight, again time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, f := range s.all {
		if f.fate == flying && !f.late.IsZero() && !now.Before(f.late) {
			f.fate = told
			late = append(late, f)
		}

		if !f.hung.IsZero() && !now.Before(f.hung) {
			hangs = f
		}

		if at := f.next(); again.IsZero() || !at.IsZero() && at.Before(again) {
			again = at
		}
	}

	s.wake = again

	return late, hangs, again
}

// tell returns all flights whose callers are not told yet: from then on they are, and no more take off.
func (s *flights) tell() (all []*flight) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.closed = true

	for _, f := range s.all {
		if f.fate == flying {
			f.fate = told
			all = append(all, f)
		}
	}

	return all
}

// streams returns the streams among them.
func (s *flights) streams() (all []*flight) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, f := range s.all {
		if f.stream != nil {
			all = append(all, f)
		}
	}

	return all
}
