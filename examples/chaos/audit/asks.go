package audit

import (
	"errors"
	"slices"
	"time"

	"github.com/troupe-go/troupe/actors"
)

// ask is one that waits.
type ask struct {
	asker    string
	answered bool // with success, by an actor that was not to return
}

// AskFigures count asks.
type AskFigures struct{ Begun, Answered, Failed int }

// answerOf is the only right answer to a question.
func answerOf(token uint64) uint64 { return ^token }

// Ask is told before an ask. The token travels in the message, also when the duty to answer is passed on.
func (a *Audit) Ask(asker string) (token uint64) {
	token = a.ids.Add(1)

	a.mu.Lock()
	defer a.mu.Unlock()

	a.asks[token] = &ask{asker: asker}
	a.asked.Begun++

	return token
}

// Answer returns the answer to a question.
func (a *Audit) Answer(token uint64) uint64 { return answerOf(token) }

// Answered is told that a reply was sent without an error, by an actor that may still do so.
func (a *Audit) Answered(token uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()

	q := a.asks[token]

	switch {
	case q == nil: // the asker has gone on
	case q.answered:
		a.violatef("A3", "a second answer to %s was taken", q.asker)
	default:
		q.answered = true
	}
}

// Asked is told what an ask returned. Ended says that its context had.
func (a *Audit) Asked(token, value uint64, err error, ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	q := a.asks[token]
	delete(a.asks, token)

	switch {
	case q == nil:
		a.violatef("A3", "an ask has returned twice")
	case err == nil && value != answerOf(token):
		a.violatef("A3", "%s got the answer to another question: %d, not %d", q.asker, value, answerOf(token))
	case err == nil:
		a.asked.Answered++
	case q.answered && !ended && !errors.As(err, new(*actors.DeadlockError)) && !errors.Is(err, actors.ErrHalting):
		a.violatef("A3", "%s was answered and got an error: %v", q.asker, err)
	default:
		a.asked.Failed++
	}
}

// Asking reports whether an ask still waits.
func (a *Audit) Asking(token uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.asks[token] != nil
}

// Asks returns the figures of all asks.
func (a *Audit) Asks() AskFigures {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.asked
}

// circle is an actor that asks whoever waits for it.
type circle struct {
	now   int
	ended time.Time
}

// Circle is told that an actor is about to ask whoever waits for its answer, until the returned function is called.
func (a *Audit) Circle(path string) (ended func()) {
	a.mu.Lock()
	defer a.mu.Unlock()

	c := a.circles[path]
	if c == nil {
		c = new(circle)
		a.circles[path] = c
	}

	c.now++

	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()

		c.now--
		c.ended = time.Now()
	}
}

// Deadlock is told of an error that a send or an ask of an actor returned. Only a [*actors.DeadlockError] counts.
func (a *Audit) Deadlock(path string, err error) {
	var d *actors.DeadlockError
	if !errors.As(err, &d) {
		return
	}

	a.mu.Lock()
	defer a.mu.Unlock()

	a.found++

	if !slices.ContainsFunc(d.Cycle, func(w actors.Wait) bool {
		c := a.circles[w.Path]

		return c != nil && (c.now > 0 || time.Since(c.ended) < slack)
	}) {
		a.violatef("M7", "%s was told of a deadlock that there is not: %v", path, d)
	}
}

// Deadlocks returns how many deadlocks were found.
func (a *Audit) Deadlocks() int {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.found
}
