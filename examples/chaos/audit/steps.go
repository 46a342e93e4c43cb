package audit

import (
	"slices"
	"strings"
	"time"
)

// steps are when the last instance at a path was flushed and closed, in ticks of Audit.clock.
type steps struct {
	flushBegan, flushEnded, closeBegan, closeEnded int

	early bool // it ended in its own time: it failed or stopped itself
}

// Dependency says that one actor, group or pool depends on another.
type Dependency struct{ Dependent, On string }

// Stop is told that the system is about to be stopped: from now on the order counts.
func (a *Audit) Stop() {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.stopping = time.Now()
}

// step notes that a hook begins, and its end before leave. Called with mu held.
func (a *Audit) step(l *Life, flush bool, leave func()) func() {
	if a.stopping.IsZero() {
		return leave
	}

	s := a.steps[l.path]
	if s == nil {
		s = new(steps)
		a.steps[l.path] = s
	}

	s.early = !l.flushed || l.leaving

	began, ended := &s.closeBegan, &s.closeEnded
	if flush {
		began, ended = &s.flushBegan, &s.flushEnded
	}

	a.clock++
	*began, *ended = a.clock, 0

	return func() {
		a.mu.Lock()
		a.clock++
		*ended = a.clock
		a.mu.Unlock()
		leave()
	}
}

// CheckOrder is called when the system has stopped. Excused says that a step of an actor ran out of time, so that
// nobody waited for it.
func (a *Audit) CheckOrder(all []Dependency, excused func(path string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	for _, d := range all {
		for dependent, s := range a.steps {
			for on, t := range a.steps {
				if t.early || !below(dependent, d.Dependent) || !below(on, d.On) || a.hungAtStop(dependent) || a.hungAtStop(on) ||
					excused(dependent) || excused(on) {
					continue
				}

				a.inOrder("flushed", dependent, on, s.flushEnded, t.flushBegan)
				a.inOrder("closed", dependent, on, s.closeEnded, t.closeBegan)
			}
		}
	}
}

// inOrder is called with mu held. A tick of 0 is a hook that was not called.
func (a *Audit) inOrder(what, dependent, on string, ended, began int) {
	if ended != 0 && began != 0 && began < ended {
		a.violatef("L3", "%s was %s before %s, which depends on it", on, what, dependent)
	}
}

func below(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

// hungAtStop reports whether an actor hung on purpose after the stop began. Called with mu held.
func (a *Audit) hungAtStop(path string) bool {
	return slices.ContainsFunc(a.hangs[path], func(s span) bool { return s.ended.IsZero() || s.ended.After(a.stopping) })
}
