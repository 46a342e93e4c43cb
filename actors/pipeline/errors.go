package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
)

var (
	// ErrTimeout is why the context of an item has ended whose time is over. It is the cause of that context, and matches
	// a [*TimeoutError].
	ErrTimeout = errors.New("the time for the item is over")
	// ErrHanging is the failure of a pipeline that has a stage with too many workers that hang.
	ErrHanging = errors.New("too many workers hang")
	// ErrUnpaired is the cause of the dead letter of an item that reached a zip whose other side has ended.
	ErrUnpaired = errors.New("the other side of the zip has ended")
	// ErrStopped is what items are given back to their source with that were still on their way when the pipeline ended.
	ErrStopped = errors.New("the pipeline has ended before the item was finished")
)

// errMadeNothing is why a stage does not start whose factory has returned neither an error nor anything else.
var errMadeNothing = errors.New("the factory returned nil, must return a function or a sink")

// TimeoutError says that an item took too long.
type TimeoutError struct {
	// Stage is the path of the stage.
	Stage string
	// After is how long it was given.
	After time.Duration
	// Stuck says that the worker did not return, and was abandoned.
	Stuck bool
}

// Error names the stage.
func (e *TimeoutError) Error() string {
	if e.Stuck {
		return fmt.Sprintf("%s: the worker did not return, the time for the item was over after %v", e.Stage, e.After)
	}

	return fmt.Sprintf("%s: the time for the item was over after %v", e.Stage, e.After)
}

// Is matches [ErrTimeout].
func (e *TimeoutError) Is(target error) bool { return target == ErrTimeout }

// FailedError is the failure of a pipeline: a stage with the policy [FailPipeline] could not handle an item.
type FailedError struct {
	// Stage is the path of the stage.
	Stage string
	// Err is what it failed with.
	Err error
}

// Error names the stage.
func (e *FailedError) Error() string {
	return e.Stage + ": the pipeline has failed: " + chain.Text(e.Err)
}

// Unwrap returns what the stage failed with.
func (e *FailedError) Unwrap() error { return e.Err }
