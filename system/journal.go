package system

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
)

// Bounds of what is logged, for each kind of event by itself, so that a flood of one does not drown the others.
const (
	logBurst     = 10 // lines at once
	logPerSecond = 1  // lines in the long run
	logRoom      = 64 // events that wait to be logged
)

// A failure is not logged by itself if its restart follows within logPatience. At most maxHeld wait for that.
const (
	logPatience = 100 * time.Millisecond
	maxHeld     = 64
)

// journal logs events, on a goroutine of its own: a log handler is other people's code, and must hold up neither an
// actor nor a decision.
type journal struct {
	handler slog.Handler
	events  *Subscription[supervision.Event]
	kinds   []kindLog // by kind
	held    []supervision.Event
	stopped chan struct{}
	trouble first // with the handler; to be read when stopped is closed
}

// kindLog is how much of a kind of event is logged.
type kindLog struct {
	waiting atomic.Int64  // events in the subscription
	left    atomic.Uint64 // events left out since the last line
	// The rest is guarded by the stream's lock.
	limit  *rate.Limiter
	closed time.Time // when the limiter allows the next line, if it has refused one
}

// newJournal returns nil if the logger is known to discard everything.
func newJournal(logger *slog.Logger, s *stream[supervision.Event]) *journal {
	if logger.Handler() == slog.DiscardHandler {
		return nil
	}

	j := &journal{
		handler: logger.Handler(), kinds: make([]kindLog, len(s.counts)), stopped: make(chan struct{}),
	}

	for i := range j.kinds {
		j.kinds[i].limit = rate.NewLimiter(logPerSecond, logBurst)
	}

	j.events = s.subscribe(logRoom*len(j.kinds), j.admit)

	goOn(j.run, func() { j.trouble.note(fmt.Errorf("%w has ended its goroutine", errHandler)) }, j.stopped)

	return j
}

// admit takes an event into the subscription if it is its kind's turn to be logged, and there is room for it. A flood
// goes no further than here. It is called with the stream's lock held, so never twice at a time.
func (j *journal) admit(class uint8, at time.Time) bool {
	k := &j.kinds[class]
	if k.waiting.Load() >= logRoom || !k.turn(at) {
		k.left.Add(1)

		return false
	}

	k.waiting.Add(1)

	return true
}

// turn reports whether there may be a line. In a flood it does not ask the limiter, which costs 90 ns.
func (k *kindLog) turn(at time.Time) bool {
	if at.Before(k.closed) {
		return false
	}

	if k.limit.AllowN(at, 1) {
		return true
	}

	next := k.limit.ReserveN(at, 1)
	k.closed = at.Add(next.DelayFrom(at))
	next.CancelAt(at)

	return false
}

// run is the journal's goroutine. It ends when the stream does and everything is logged.
func (j *journal) run() {
	patience := time.NewTimer(logPatience)
	defer patience.Stop()

	for {
		select {
		case e, open := <-j.events.C():
			if !open {
				j.release()
				j.summarise()

				return
			}

			j.kinds[e.Kind].waiting.Add(-1)
			none := len(j.held) == 0
			j.take(e)

			if none && len(j.held) > 0 {
				patience.Reset(logPatience)
			}
		case <-patience.C:
			j.release()
		}
	}
}

// take logs an event, or holds it if it is a failure: the line of its restart says all that its own would.
func (j *journal) take(e supervision.Event) {
	switch e.Kind {
	case supervision.DeadLettered: // comes between a failure and its restart
	case supervision.GaveUp:
		j.release() // what led to it comes first
	default:
		j.resolve(e)
	}

	if e.Kind != supervision.Failed {
		j.log(e)

		return
	}

	if len(j.held) == maxHeld {
		j.release()
	}

	j.held = append(j.held, e)
}

// resolve decides about the failure that is held of the actor that something else has happened to.
func (j *journal) resolve(e supervision.Event) {
	i := slices.IndexFunc(j.held, func(h supervision.Event) bool { return h.Path == e.Path })
	if i < 0 {
		return
	}

	failed := j.held[i]
	j.held = slices.Delete(j.held, i, i+1)

	if e.Kind != supervision.Restarting || e.Incarnation != failed.Incarnation {
		j.log(failed)
	}
}

// release logs the failures that are held. Each is let go before the handler sees it, which may not return.
func (j *journal) release() {
	for len(j.held) > 0 {
		e := j.held[0]
		j.held = slices.Delete(j.held, 0, 1)
		j.log(e)
	}
}

// summarise says what was left out and not told of in a later line.
func (j *journal) summarise() {
	for kind := range j.kinds {
		of := level(supervision.EventKind(kind))
		if n := j.kinds[kind].left.Swap(0); n > 0 && j.enabled(of) {
			j.write(of, time.Now(), "events not logged",
				slog.String("kind", supervision.EventKind(kind).String()), slog.Uint64("not_logged", n))
		}
	}
}

// level of the line of an event.
func level(k supervision.EventKind) slog.Level {
	switch k {
	case supervision.Started, supervision.Halted, supervision.Stopped:
		return slog.LevelDebug
	case supervision.Returned:
		return slog.LevelInfo
	case supervision.GaveUp, supervision.Abandoned:
		return slog.LevelError
	case supervision.Failed, supervision.Resumed, supervision.Restarting, supervision.HookFailed,
		supervision.DeadLettered:
		return slog.LevelWarn
	}

	return slog.LevelWarn
}

// log logs an event.
func (j *journal) log(e supervision.Event) {
	if !j.enabled(level(e.Kind)) {
		return
	}

	attrs := attributes(e)
	if left := j.kinds[e.Kind].left.Swap(0); left > 0 {
		attrs = append(attrs, slog.Uint64("not_logged", left))
	}

	j.write(level(e.Kind), e.Time, e.Kind.String(), attrs...)
}

func attributes(e supervision.Event) []slog.Attr {
	attrs := []slog.Attr{slog.String("actor", e.Path)}

	if e.Incarnation > 0 {
		attrs = append(attrs, slog.Uint64("incarnation", e.Incarnation))
	}

	switch e.Kind {
	case supervision.Restarting:
		attrs = append(attrs, slog.Duration("delay", e.Delay), slog.Int("budget_left", e.Left))
	case supervision.HookFailed:
		attrs = append(attrs, slog.String("step", e.Step))
	case supervision.DeadLettered:
		attrs = append(attrs, slog.String("reason", e.Reason.String()))
	default:
	}

	if e.Err != nil {
		attrs = append(attrs, slog.String("error", reason(e)))
	}

	return attrs
}

// reason says why something happened to an actor, without saying again to which.
func reason(e supervision.Event) string {
	if f, ok := e.Err.(*supervision.FailureError); ok && f.Path == e.Path { //nolint:errorlint // not what it wraps
		return text(f.Err)
	}

	return text(e.Err)
}

var errHandler = errors.New("log: its handler")

// recovered takes note of a panic of the handler. To be deferred.
func (j *journal) recovered() {
	if v := recover(); v != nil { //nolint:revive // deferred by name, two functions below
		j.trouble.note(fmt.Errorf("%w panicked: %s", errHandler, chain.Print(v)))
	}
}

// enabled asks the handler. One that panics is not.
func (j *journal) enabled(l slog.Level) (yes bool) {
	defer j.recovered()

	return j.handler.Enabled(background, l)
}

// write calls the handler; what error it returns is its own affair: there is nowhere to log it.
func (j *journal) write(l slog.Level, at time.Time, message string, attrs ...slog.Attr) {
	defer j.recovered()

	r := slog.NewRecord(at, l, message, 0)
	r.AddAttrs(attrs...)

	_ = j.handler.Handle(background, r)
}
