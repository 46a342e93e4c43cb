package audit

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Life is one instance of an actor.
type Life struct {
	audit *Audit
	path  string

	// All that follows is guarded by Audit.mu.
	inside  string // what runs, or ""
	hung    int    // hangs that were drawn for it
	hanging int    // of these, that have not ended
	failed  bool
	leaving bool // it has stopped itself, in its own time
	flushed bool
	closed  bool
	newer   bool // there is a successor
	rested  time.Time
	idle    time.Duration
	ticking map[uint64]*ticking
	watches map[uint64]*actor.PID
}

// span is when something was going on; a zero end is now.
type span struct{ began, ended time.Time }

const (
	maxSpans = 32
	// slack is how much later than a hang or a stall its consequence can be heard of.
	slack = time.Second
)

// Born is told by the factory that an instance was made.
func (a *Audit) Born(path string) *Life {
	a.mu.Lock()
	defer a.mu.Unlock()

	l := &Life{
		audit: a, path: path, ticking: make(map[uint64]*ticking), watches: make(map[uint64]*actor.PID), rested: time.Now(),
	}

	for _, old := range a.lives[path] {
		old.newer = true

		if old.hung == 0 && !a.stalled(time.Now()) {
			a.violatef("S7", "a new instance of %s was made while the old one was not closed (in %q)", path, old.inside)
		}
	}

	a.lives[path] = append(a.lives[path], l)

	return l
}

// Enter is told that a method of the instance begins. The returned function is called at its end.
func (l *Life) Enter(what string) (leave func()) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	switch {
	case l.inside != "":
		l.audit.violatef("A1", "%s: %s was called while %s was running", l.path, what, l.inside)
	case l.closed:
		l.audit.violatef("L3", "%s: %s was called after Close", l.path, what)
	}

	l.inside = what

	return func() {
		l.audit.mu.Lock()
		defer l.audit.mu.Unlock()

		if l.inside = ""; what == "Receive" {
			l.rested = time.Now()
		}
	}
}

// Failed is told that the instance is about to fail, so that it must not be flushed.
func (l *Life) Failed() {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.failed = true
}

// Leaves is told that the instance stops itself.
func (l *Life) Leaves() {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.leaving = true
}

// Flush is told that Flush was called.
func (l *Life) Flush() (ended func()) {
	leave := l.Enter("Flush")

	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	if l.flushed || l.failed {
		l.audit.violatef("L3", "%s: Flush of an instance that was flushed (%v) or has failed (%v)",
			l.path, l.flushed, l.failed)
	}

	l.flushed = true

	return l.audit.step(l, true, leave)
}

// Close is told that Close was called.
func (l *Life) Close() (ended func()) {
	leave := l.Enter("Close")

	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.closed = true

	return l.audit.step(l, false, func() {
		leave()
		l.audit.dead(l)
	})
}

// dead forgets an instance whose Close has returned.
func (a *Audit) dead(l *Life) {
	a.mu.Lock()
	defer a.mu.Unlock()

	left := slices.DeleteFunc(a.lives[l.path], func(o *Life) bool { return o == l })
	a.lives[l.path] = left

	if len(left) == 0 {
		delete(a.lives, l.path)
	}
}

// Hang is told that the instance hangs on purpose, until the returned function is called.
func (l *Life) Hang() (ended func()) {
	a, began := l.audit, time.Now()

	a.mu.Lock()
	defer a.mu.Unlock()

	l.hung++
	l.hanging++

	all := a.hangs[l.path]
	if len(all) == maxSpans {
		all = slices.Delete(all, 0, 1)
	}

	a.hangs[l.path] = append(all, span{began: began})

	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()

		for i := range a.hangs[l.path] {
			if s := &a.hangs[l.path][i]; s.began.Equal(began) {
				s.ended = time.Now()
			}
		}

		l.hanging--
	}
}

// Superseded reports whether there is a newer instance, so that nothing this one does may have an effect.
func (l *Life) Superseded() bool {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	return l.newer
}

// Abandon is told that the framework gave up on an incarnation of an actor.
func (a *Audit) Abandon(path string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.abandoned++

	if !within(a.hangs[path], at) && !a.stalled(at) {
		a.violatef("S7", "%s was abandoned without cause: it did not hang", path)
	}
}

// Return is told that an abandoned incarnation came back.
func (a *Audit) Return() {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.returned++
}

// Abandoned returns how many incarnations were abandoned and how many of them came back.
func (a *Audit) Abandoned() (abandoned, returned int) {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.abandoned, a.returned
}

func within(all []span, at time.Time) bool {
	return slices.ContainsFunc(all, func(s span) bool {
		return !at.Before(s.began) && (s.ended.IsZero() || at.Before(s.ended.Add(slack)))
	})
}

// stalled reports whether the machine let the program wait at about that time. Called with mu held.
func (a *Audit) stalled(at time.Time) bool { return within(a.stalls, at) }

const (
	beat = 20 * time.Millisecond
	// stall is how late the beat must be to be the cause of a deadline that was missed.
	stall = 100 * time.Millisecond
)

// Pulse watches for times at which the machine lets the program wait, until ctx ends: a deadline that was missed then
// has a cause. It blocks.
func (a *Audit) Pulse(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()

	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}

		now := time.Now()
		if now.Sub(last) >= stall {
			a.Stall(last, now)
		}

		last = now
	}
}

// Stall is told that the machine let the program wait.
func (a *Audit) Stall(began, ended time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()

	if len(a.stalls) == maxSpans {
		a.stalls = slices.Delete(a.stalls, 0, 1)
	}

	a.stalls = append(a.stalls, span{began, ended})
	a.longest = max(a.longest, ended.Sub(began))
}
