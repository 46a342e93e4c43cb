package lifecycle_test

import (
	"slices"

	"github.com/troupe-go/troupe/internal/lifecycle"
)

// timed reports whether a node must have a timer: whatever it is in the middle of has a deadline.
func (l *law) timed(id int) bool {
	switch l.state(id) {
	case lifecycle.BackingOff:
		return true
	case lifecycle.Starting, lifecycle.Halting:
		return l.world.fake(id) != nil
	case lifecycle.Ending, lifecycle.Leaving, lifecycle.Draining, lifecycle.Flushing, lifecycle.Closing:
		return true
	default:
		return false
	}
}

// progress checks that a supervisor that starts or halts has somebody to wait for.
func (l *law) progress() {
	for id := range l.world.plan.Nodes {
		if s := l.state(id); l.world.fakes[id] != nil || s != lifecycle.Starting && s != lifecycle.Halting {
			continue
		}

		if w := l.world; !w.crowd.populating[id] && !slices.ContainsFunc(w.children(id), func(c int) bool {
			return l.timed(c) || l.state(c) == lifecycle.Finishing ||
				w.fake(c) == nil && (l.state(c) == lifecycle.Starting || l.state(c) == lifecycle.Halting)
		}) {
			l.brokenf("%s is %v and waits for nobody", l.world.path(id), l.state(id))
		}
	}
}

// letGo checks that an actor is let go for a reason and in its turn, or that this is taken back by a shutdown.
func (l *law) letGo(f *fake, takenBack bool) {
	x := f.current()

	switch {
	case x.letGo != takenBack:
		l.brokenf("%s #%d was let go: %v, that is taken back: %v", f.spec.Path, x.number, x.letGo, takenBack)
	case takenBack && !l.groups.stopping():
		l.brokenf("that %s is let go is taken back by no shutdown", f.spec.Path)
	case !takenBack && l.shut: // not by what was due before the shutdown, in the same step
		l.brokenf("%s is let go in a shutdown", f.spec.Path)
	case l.state(f.id) == lifecycle.Halting:
		l.brokenf("%s is let go, or that is taken back, though it halts", f.spec.Path)
	}

	if f.id < len(l.world.fakes) && !takenBack {
		l.groups.halt(f)
	}

	x.letGo = !takenBack
}

// allWait checks that nobody is let go any more.
func (l *law) allWait() {
	for id := range l.world.machine.All() {
		if f := l.world.fake(id); f != nil && f.current() != nil && f.current().isLetGo() {
			l.brokenf("%s is still let go", f.spec.Path)
		}
	}
}

func (x *life) isLetGo() bool { return x.letGo && !x.over && !x.abandoned }

// awaited checks that an actor which a supervisor that halts waits for, and has not told to, has been let go.
func (l *law) awaited() {
	for s := range l.world.plan.Nodes {
		if l.world.fakes[s] != nil || l.state(s) != lifecycle.Halting {
			continue
		}

		for _, c := range slices.Backward(l.world.machine.Children(s)) {
			switch l.state(c) { //nolint:exhaustive // in the others it is not there, or told to come down
			case lifecycle.Idle, lifecycle.BackingOff:
				continue
			case lifecycle.Ending, lifecycle.Leaving, lifecycle.Draining, lifecycle.Flushing, lifecycle.Closing:
				if x := l.world.fake(c).current(); !x.letGo && !x.halted {
					l.brokenf("%s waits for %s #%d, which is not let go", l.world.path(s), l.world.path(c), x.number)
				}
			}

			break
		}
	}
}

// end checks what must hold when all is over.
func (l *law) end() {
	w := l.world

	if done := w.machine.Began(lifecycle.Done); !done.Equal(w.now) || done.After(l.limit) {
		l.brokenf("it ends at %v, the limit is %v", done.Sub(w.start), l.limit.Sub(w.start))
	}

	w.crowd.end()

	for _, f := range w.fakes {
		if f == nil {
			continue
		}

		if !f.finished || l.state(f.id) != lifecycle.Stopped {
			l.brokenf("%s is %v at the end", f.spec.Path, l.state(f.id))
		}

		for _, x := range f.lives {
			if !x.over && !x.abandoned {
				l.brokenf("%s #%d is still there at the end", f.spec.Path, x.number)
			}

			if x.flushDue && x.flushes == 0 || x.flushes > 0 && x.closes == 0 && !x.abandoned {
				l.brokenf("%s #%d was flushed %d times and closed %d times", f.spec.Path, x.number, x.flushes, x.closes)
			}
		}
	}
}
