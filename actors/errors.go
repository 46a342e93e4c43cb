package actors

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
)

var (
	// ErrNoRef is returned by the zero [Ref], which refers to no actor.
	ErrNoRef = errors.New("reference to no actor")
	// ErrReplied is returned by a second reply.
	ErrReplied = errors.New("reply already sent")
	// ErrNoReply is returned by the zero [Reply], which nobody waits for.
	ErrNoReply = errors.New("reply to no one")
	// ErrAbandoned is what the references and the context of an actor answer that did not return by its deadline.
	ErrAbandoned = node.ErrAbandoned
	// ErrNotRunning is returned where an actor has no running instance: it is starting, backing off or stopped.
	ErrNotRunning = errors.New("not running")
	// ErrHalting is why an actor that is being halted, such as in the restart of its group, is not kept waiting, nor one
	// that is awaited for that and is being stopped already: the one it waits for, for an answer or for room, is down, or
	// waits itself for one that is, and may come up only when this one has come down. It arrives in a
	// [*mailbox.SendError] that names the target. What an [Ask] has sent may have been accepted, and is then a question
	// whose asker waits no longer; a message that waited for room was not.
	ErrHalting = errors.New("no longer waited for by an actor that is being halted: it is down, or waits for one that is")
	// ErrNilFunc is returned where a nil function is given, wrapped with the actor's path and the method.
	ErrNilFunc = errors.New("nil function")
	// ErrDuration is returned where a duration must be positive and is not.
	ErrDuration = errors.New("duration must be positive")
	// ErrWatchSelf is returned to an actor that would watch itself: it cannot be told of its own end.
	ErrWatchSelf = errors.New("an actor cannot watch itself")
	// ErrExited is the failure of an actor whose goroutine was ended by runtime.Goexit.
	ErrExited = errors.New("runtime.Goexit called in an actor")
	// ErrNoCause is what an asker gets that was answered by [Reply.Fail] with a nil error.
	ErrNoCause = errors.New("failed without a cause")
)

// errEnded is the cause of the contexts of an incarnation that has ended in an orderly way.
var errEnded = errors.New("actor ended")

// misuse says which method of which actor, or of a reference to it, was given what it cannot take. The path is empty
// for a context or a reference of no actor.
func misuse(path, method string, err error) error {
	if path == "" {
		return fmt.Errorf("%s: %w", method, err)
	}

	return fmt.Errorf("%s: %s: %w", path, method, err)
}

// PanicError is a panic of user code, caught at the edge of its actor.
type PanicError struct {
	// Value is what was passed to panic.
	Value any
	// Stack is where; it is symbolised only when it is printed. It may be another error's too, so it is not to be
	// written to.
	Stack Stack
}

// Error says what was panicked with.
func (e *PanicError) Error() string { return "panic: " + chain.Print(e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)

	return err
}

// GoroutineLimitError says that an actor has as many goroutines as it may.
type GoroutineLimitError struct {
	// Path of the actor.
	Path string
	// Limit is the most goroutines it may have at a time.
	Limit int
}

// Error names the actor and the limit.
func (e *GoroutineLimitError) Error() string {
	return fmt.Sprintf("%s: all %d goroutines the actor may have are running", e.Path, e.Limit)
}

// TimerLimitError says that an actor has as many timers as it may.
type TimerLimitError struct {
	// Path of the actor.
	Path string
	// Limit is the most timers it may have at a time.
	Limit int
}

// Error names the actor and the limit.
func (e *TimerLimitError) Error() string {
	return fmt.Sprintf("%s: all %d timers the actor may have are set", e.Path, e.Limit)
}

// WatchLimitError says that an actor watches as many others as it may.
type WatchLimitError struct {
	// Path of the actor.
	Path string
	// Limit is the most actors it may watch at a time.
	Limit int
}

// Error names the actor and the limit.
func (e *WatchLimitError) Error() string {
	return fmt.Sprintf("%s: the actor watches %d others, as many as it may", e.Path, e.Limit)
}

// call runs a hook on a goroutine of its own and waits for it: runtime.Goexit cannot be stopped as a panic can, and
// must not take the runner's goroutine along. Where that is worth it, [runner.inline] does without.
func call(f func() error) error {
	err := ErrExited // unless f returns or panics
	over := make(chan struct{})

	go func() {
		defer close(over)

		waits.Run(&hook{f, &err})
	}()
	<-over

	return err
}

// hook is user code that is not called in a turn's loop, and what came of it.
type hook struct {
	f   func() error
	err *error
}

// Loop implements [waits.Loop].
//
//go:noinline
func (h *hook) Loop() { *h.err = protect(h.f) }

// protect calls user code and turns a panic into an error.
func protect(f func() error) (err error) {
	returned := false

	defer func() {
		if returned {
			return
		}

		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()

	err = f()
	returned = true

	return err
}
