package audit

import (
	"github.com/asynkron/protoactor-go/actor"
)

// told is somebody who was said to have ended.
type told struct {
	watcher string
	pid     *actor.PID
}

// Watch is told before an actor watches another. The token travels in the message.
func (l *Life) Watch(pid *actor.PID) (token uint64) {
	token = l.audit.ids.Add(1)

	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	l.watches[token] = pid

	return token
}

// Watching reports whether the instance watches somebody already: to watch again only replaces the message.
func (l *Life) Watching(pid *actor.PID) bool {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	for _, p := range l.watches {
		if p == pid {
			return true
		}
	}

	return false
}

// Unwatched is told after a watch was ended.
func (l *Life) Unwatched(token uint64) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	delete(l.watches, token)
}

// Terminated is told that the message of a watch came.
func (l *Life) Terminated(token uint64) {
	l.audit.mu.Lock()
	defer l.audit.mu.Unlock()

	pid, ok := l.watches[token]
	delete(l.watches, token)

	if !ok {
		l.audit.violatef("A7", "%s was told twice of one end, or of one that it does not watch", l.path)

		return
	}

	l.audit.told = append(l.audit.told, told{l.path, pid})
}

// checkTold is called at rest with mu held: who was said to have ended is not there.
func (a *Audit) checkTold(alive map[*actor.PID]bool) {
	for _, t := range a.told {
		if alive[t.pid] {
			a.violatef("A7", "%s was told that %s has ended, which is there", t.watcher, t.pid.GetId())
		}
	}

	a.told = nil
}

// untold returns who waits to be told that somebody has ended. Called with mu held.
func (a *Audit) untold(alive map[*actor.PID]bool) string {
	for path, lives := range a.lives {
		for _, pid := range lives[len(lives)-1].watches {
			if !alive[pid] {
				return path + " was not told that " + pid.GetId() + " has ended"
			}
		}
	}

	return ""
}
