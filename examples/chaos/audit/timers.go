package audit

import "time"

// ticking is a timer that may tick.
type ticking struct {
	set   time.Time
	d     time.Duration
	every bool
	ticks int
}

// Timer is told before a timer is set. The token travels in the tick.
func (l *Life) Timer(d time.Duration, every bool) (token uint64) {
	token = l.audit.ids.Add(1)

	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.ticking[token] = &ticking{set: time.Now(), d: d, every: every}

	return token
}

// Timers returns how many timers may tick.
func (l *Life) Timers() int {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	return len(l.ticking)
}

// Cancelled is told after a timer was cancelled or could not be set.
func (l *Life) Cancelled(token uint64) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	delete(l.ticking, token)
}

// Tick is told that a tick came.
func (l *Life) Tick(token uint64) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	t := l.ticking[token]
	if t == nil {
		l.audit.violatef("A5", "%s got a tick of a timer that was cancelled, is over, or is another incarnation's", l.path)

		return
	}

	t.ticks++
	if since := time.Since(t.set); since < time.Duration(t.ticks)*t.d {
		l.audit.violatef("A5", "%s got tick %d of a timer of %v after %v", l.path, t.ticks, t.d, since)
	}

	if !t.every {
		delete(l.ticking, token)
	}
}

// SetIdle is told that the idle timeout was set.
func (l *Life) SetIdle(d time.Duration) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.idle = d
}

// Idle is told that the idle timeout came, by the Receive that got it.
func (l *Life) Idle() {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	if since := time.Since(l.rested); l.idle == 0 || since < l.idle {
		l.audit.violatef("A5", "%s got its idle timeout of %v after %v", l.path, l.idle, since)
	}
}
