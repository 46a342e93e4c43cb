package system

import (
	"log/slog"
	"sync"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// maxNotes bounds the notes that wait to be logged; what comes when there are as many is counted instead.
const maxNotes = 256

// journal logs what the machine notes, on a goroutine of its own: a log handler is other people's code, and must hold
// up neither an actor nor a decision.
type journal struct {
	logger *slog.Logger

	mu    sync.Mutex
	notes []supervision.Event // at most maxNotes
	lost  int                 // notes there was no room for

	wake    chan struct{} // has room for one: there may be something to log
	closing chan struct{}
	stopped chan struct{}
}

func newJournal(logger *slog.Logger) *journal {
	j := &journal{
		logger: logger, wake: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}

	go j.logAll()

	return j
}

// add takes a note. It does not block.
func (j *journal) add(n supervision.Event) {
	if message(n.Kind) == "" {
		return
	}

	j.mu.Lock()

	if len(j.notes) < maxNotes {
		j.notes = append(j.notes, n)
	} else {
		j.lost++
	}

	j.mu.Unlock()

	select {
	case j.wake <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}

// logAll is the journal's goroutine. It ends when the journal is closed and everything is logged.
func (j *journal) logAll() {
	defer close(j.stopped)

	for open := true; open; {
		select {
		case <-j.wake:
		case <-j.closing:
			open = false
		}

		j.mu.Lock()
		notes, lost := j.notes, j.lost
		j.notes, j.lost = nil, 0
		j.mu.Unlock()

		for _, n := range notes {
			j.log(n)
		}

		if lost > 0 {
			j.logger.Warn("events not logged, there were too many", slog.Int("count", lost))
		}
	}
}

// message is what is logged of an event of a kind; empty if nothing is.
func message(k supervision.EventKind) string {
	switch k {
	case supervision.Restarting:
		return "failed, restarts"
	case supervision.GaveUp, supervision.HookFailed, supervision.Abandoned:
		return k.String()
	default:
		return ""
	}
}

// log calls the handler; that it panics is its own affair.
func (j *journal) log(n supervision.Event) {
	defer func() { _ = recover() }()

	attrs := []slog.Attr{slog.String("actor", n.Path)}

	if n.Err != nil {
		attrs = append(attrs, slog.String("error", text(n.Err)))
	}

	if n.Kind == supervision.Restarting {
		attrs = append(attrs, slog.Duration("delay", n.Delay), slog.Int("budget_left", n.Left))
	}

	j.logger.LogAttrs(background, slog.LevelWarn, message(n.Kind), attrs...)
}

// close logs what is left and ends the goroutine. It returns false if that is stuck in the handler and had to be left
// behind.
func (j *journal) close() bool { return ended(j.closing, j.stopped) }

// ended ends a goroutine that listens to closing and closes stopped. It is patient for [ForcedGrace].
func ended(closing, stopped chan struct{}) bool {
	close(closing)

	patience := time.NewTimer(ForcedGrace)
	defer patience.Stop()

	select {
	case <-stopped:
		return true
	case <-patience.C:
		return false
	}
}
