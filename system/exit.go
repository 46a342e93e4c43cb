package system

import (
	"errors"
	"os"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/lifecycle"
)

// The exit codes of a program, as [ExitCode] returns them.
const (
	// ExitClean: everything went well.
	ExitClean = 0
	// ExitFailed: it did not start, stopped because of a failure, or something failed while it stopped.
	ExitFailed = 1
	// ExitForced: the shutdown was forced, or an actor or a task was given up on or hangs.
	ExitForced = 3
)

// ErrForced says that a shutdown was forced.
var ErrForced = errors.New("the shutdown was forced")

// ErrInterrupted says that a signal came while the tree started, which then was stopped in order.
var ErrInterrupted = errors.New("a signal came while the tree started")

// ErrHangs says that there are incarnations of actors that were abandoned before the shutdown and have not come back.
var ErrHangs = errors.New("incarnations hang that were abandoned before the shutdown")

// StopError is the error of [Run], [System.Wait] and [System.Shutdown] once the system has stopped and not all went
// well. It wraps all that did not.
type StopError struct {
	// Report of the shutdown.
	Report *Report
}

// Error says all that did not go well.
func (e *StopError) Error() string {
	err := e.Unwrap()
	if err == nil {
		return "stopped" // of no system's
	}

	return text(err)
}

// Unwrap returns it; nil if the report does not say what it was.
func (e *StopError) Unwrap() error {
	if e.Report == nil {
		return nil
	}

	return e.Report.failure()
}

// ExitCode returns the exit code of a program for what [Run], [Start], [System.Wait] or [System.Shutdown] returned:
//
//	os.Exit(system.ExitCode(system.Run(ctx, tree, options)))
//
// It is that of the report if the error has one, else [ExitFailed], or [ExitClean] if it is nil or [ErrInterrupted].
func ExitCode(err error) int {
	if err == nil {
		return ExitClean
	}

	stop, found := chain.As[*StopError](err)

	switch {
	case found && stop != nil && stop.Report != nil:
		return stop.Report.Exit
	case chain.Is(err, ErrInterrupted):
		return ExitClean
	default:
		return ExitFailed
	}
}

// maxSignals is how many signals a report shows at most: the first of them.
const maxSignals = 8

// SignalReport is a signal that came.
type SignalReport struct {
	// Signal is its name.
	Signal string `json:"signal"`
	// Came is the time since the shutdown began.
	Came Seconds `json:"came_seconds"`
	// Did says what it did: shutdown, force, or nothing.
	Did string `json:"did"`

	at time.Time
}

// interrupt handles a signal, whatever it is.
func (c *conductor) interrupt(sig os.Signal) {
	name := chain.Print(sig) // it may be nil, and String may panic

	c.do(func() lifecycle.Input {
		r := SignalReport{Signal: name, Did: "shutdown", at: time.Now()}

		switch {
		case c.machine.Forced():
			r.Did = "nothing"
		case c.machine.Phase() >= lifecycle.Intake:
			r.Did = "force"
		}

		if len(c.signals) < maxSignals {
			c.signals = append(c.signals, r)
		}

		return lifecycle.Interrupt{}
	})
}
