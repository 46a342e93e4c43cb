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
