package system

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Report says how a system stopped and what became of every message. It prints as a table ([Report.WriteTo]) and
// marshals to JSON. Durations are in seconds there.
type Report struct {
	// System is the name of the root.
	System string `json:"system"`
	// Part is the path of what was stopped, if that was not the whole system.
	Part string `json:"part,omitempty"`
	// Unaccounted is how many accepted messages are counted under no name, over all actors. It is 0.
	Unaccounted int64 `json:"unaccounted"`
	// Clean says that the stop went well: it was asked for and not forced, no step of it failed or ran out of time, and
	// no incarnation hangs. A drain has run out of time if a message is left that waits; not if it was only a Drain hook
	// that went on until then. Messages that failed while the system ran are in the figures.
	Clean bool `json:"clean"`
	// Forced says that the shutdown was forced.
	Forced bool `json:"forced"`
	// Exit is the exit code for the program: [ExitClean], [ExitFailed] or [ExitForced].
	Exit int `json:"exit_code"`
	// Signals that came, the first ones.
	Signals []SignalReport `json:"signals,omitempty"`
	// Cause is the failure the system stopped for; empty if it was asked to stop.
	Cause string `json:"cause,omitempty"`
	// Errors are the hooks that failed and the actors that were abandoned while it stopped.
	Errors []string `json:"errors,omitempty"`
	// Uptime from the start of the tree to the shutdown.
	Uptime Seconds `json:"uptime_seconds"`
	// Phases of the shutdown, in their order.
	Phases []PhaseReport `json:"phases"`
	// Actors in the tree's order.
	Actors []ActorReport `json:"actors"`
	// Tasks in the order of Options.Tasks.
	Tasks []TaskReport `json:"tasks,omitempty"`
	// Total over all actors.
	Total Figures `json:"total"`
	// Restarts over all actors and supervisors.
	Restarts int `json:"restarts"`
	// DeadLetters is what the office has counted, by reason. Besides accepted messages that were lost it has those
	// that came too late and those for nobody, whose senders may know.
	DeadLetters map[mailbox.Reason]uint64 `json:"dead_letters"`
	// Unpublished is how many of them protoactor's event stream was not told of, see [Office.Unpublished].
	Unpublished uint64 `json:"unpublished,omitempty"`

	err    error
	gaveUp bool // on somebody, in the shutdown
}

// Seconds is a duration that marshals as a number of seconds.
type Seconds time.Duration

// PhaseReport is one phase of the shutdown.
type PhaseReport struct {
	// Name: intake, drain, flush or close.
	Name string `json:"name"`
	// Began is the time since the shutdown began.
	Began Seconds `json:"began_seconds"`
	// Took is how long it lasted.
	Took Seconds `json:"took_seconds"`
}

// Figures are what became of messages.
type Figures struct {
	// Accepted messages; all others but Refused add up to it.
	Accepted  uint64 `json:"accepted"`
	Processed uint64 `json:"processed"`
	Failed    uint64 `json:"failed"`
	// DeadLettered are accepted messages that were not handled, by reason; the failed ones are not among them. Nil if
	// there are none.
	DeadLettered map[mailbox.Reason]uint64 `json:"dead_lettered,omitempty"`
	// Dropped are accepted messages that the policy of a full lane dropped.
	Dropped uint64 `json:"dropped"`
	Stashed uint64 `json:"stashed"`
	Queued  uint64 `json:"queued"`
	// Refused are messages that were not accepted, by reason; their senders were told. Nil if there are none.
	Refused     map[mailbox.Reason]uint64 `json:"refused,omitempty"`
	Unaccounted int64                     `json:"unaccounted"`
}

// ActorReport is how one actor stopped.
type ActorReport struct {
	Figures

	Path string `json:"path"`
	// State it ended in, which is stopped: also an actor that was given up on is removed.
	State       string `json:"state"`
	Incarnation uint64 `json:"incarnation"`
	Restarts    int    `json:"restarts"`
	// Drained is how many messages it handled after the shutdown, or the stop of the part, began.
	Drained uint64 `json:"drained"`
	// Drain, Flush and Close are its steps; nil if it did not come to one. Actors whose steps are the same can share them.
	Drain *StepReport `json:"drain,omitempty"`
	Flush *StepReport `json:"flush,omitempty"`
	Close *StepReport `json:"close,omitempty"`
	// Abandoned are its incarnations that did not return by their deadline and have not come back.
	Abandoned []AbandonedReport `json:"abandoned,omitempty"`
	// EverAbandoned counts them with those that have come back.
	EverAbandoned int `json:"ever_abandoned,omitempty"`
	// Departed is how many children of a group this is about, which had gone before the shutdown: what they have counted
	// is reported together, under the group's path with "/*".
	Departed int `json:"departed,omitempty"`
}

// StepReport is one step of an actor's stop.
type StepReport struct {
	// Began is the time since the shutdown began; negative for an actor that was stopped before.
	Began Seconds `json:"began_seconds"`
	// Took is how long it lasted. Hooks of actors that have never had a message are called by the handful where there are
	// many, and up to a millisecond is added to what each of them took.
	Took Seconds `json:"took_seconds"`
	// Error is what the hook returned, or that the step ran out of time.
	Error string `json:"error,omitempty"`
}

// AbandonedReport is an incarnation that did not return by its deadline.
type AbandonedReport struct {
	Incarnation uint64    `json:"incarnation"`
	Step        string    `json:"step"`
	At          time.Time `json:"at"`
	// Stack is where it hung when it was abandoned.
	Stack string `json:"stack"`
}

// Err returns nil if the shutdown was clean, and else what [Run] returns, a [*StopError]. That of a report that was
// read from JSON has the texts of the errors, and wraps [ErrForced] and [ErrHangs] only. A nil report and the zero one,
// which are of no shutdown, have none.
func (r *Report) Err() error {
	if r == nil || r.Clean || r.Exit == ExitClean && r.failure() == nil {
		return nil
	}

	return &StopError{Report: r}
}

// failure returns all that did not go well, joined, as far as the report says what.
func (r *Report) failure() error {
	if r.err != nil || r.Clean {
		return r.err
	}

	var errs []error

	if r.Cause != "" {
		errs = append(errs, errors.New(r.Cause))
	}

	for _, text := range r.Errors {
		switch {
		case r.Forced && text == ErrForced.Error():
			errs = append(errs, ErrForced)
		case text == ErrHangs.Error():
			errs = append(errs, ErrHangs)
		default:
			errs = append(errs, errors.New(text))
		}
	}

	return errors.Join(errs...)
}

// fail adds an error that came up after the report was made.
func (r *Report) fail(err error) {
	if err != nil {
		r.Errors = append(r.Errors, text(err))
		r.err = errors.Join(r.err, err)
		r.Clean = false
		r.Exit = max(r.Exit, ExitFailed)
	}
}

// maxErrors is how many errors of a stop are in its report and in what [Run] returns; how many more there were is said.
const maxErrors = 100

// makeReport is called when everything has ended. What may still change after that, because somebody who was abandoned
// comes back, is looked at with mu held; the texts of other people's errors are made without.
func (s *System) makeReport() *Report {
	c := s.conductor

	c.mu.Lock()
	m := c.machine
	ids := slices.AppendSeq(make([]int, 0, len(c.nodes)), m.All())
	tasks, stuck, signals := m.Tasks(), maps.Clone(c.stuck), slices.Clone(c.signals)
	c.mu.Unlock()

	counts := c.office.Counts()
	r := &Report{
		System: s.plan.Nodes[0].Path[1:], Forced: m.Forced(), DeadLetters: counts.Map(),
		Unpublished: c.office.Unpublished(),
		Uptime:      Seconds(m.Began(lifecycle.Intake).Sub(m.Began(lifecycle.Booting))),
		Signals:     signals, gaveUp: m.GaveUp(), Phases: phases(m),
		Tasks: taskReports(tasks, stuck, m.Began(lifecycle.Intake)),
	}

	for i := range r.Signals {
		r.Signals[i].Came = Seconds(r.Signals[i].at.Sub(m.Began(lifecycle.Intake)))
	}

	s.reportActors(r, ids, stuck)
	r.setErrors(m.Cause(), m.Errors())

	return r
}

// setErrors says what went wrong, and what follows from that.
func (r *Report) setErrors(cause error, errs []error) {
	if cause != nil {
		r.Cause = text(cause)
	}

	hang := slices.ContainsFunc(r.Actors, func(a ActorReport) bool { return len(a.Abandoned) > 0 })

	if more := len(errs) - maxErrors; more > 0 {
		errs = append(slices.Clone(errs[:maxErrors]), fmt.Errorf("and %d more", more))
	}

	switch {
	case r.Forced:
		errs = append(slices.Clone(errs), ErrForced)
	case hang && len(errs) == 0:
		errs = []error{ErrHangs}
	}

	for _, err := range errs {
		r.Errors = append(r.Errors, text(err))
	}

	r.err = errors.Join(append([]error{cause}, errs...)...)
	r.Clean = r.err == nil

	switch {
	case r.Forced || hang || r.gaveUp:
		r.Exit = ExitForced
	case !r.Clean:
		r.Exit = ExitFailed
	}
}

func phases(m *lifecycle.Machine) []PhaseReport {
	var all []PhaseReport

	start := m.Began(lifecycle.Intake)
	for p := lifecycle.Intake; p <= lifecycle.Close; p++ {
		began, end := m.Began(p), m.Began(p+1)
		if began.IsZero() {
			continue
		}

		if start.IsZero() {
			start = began
		}

		all = append(all, PhaseReport{Name: p.String(), Began: Seconds(began.Sub(start)), Took: Seconds(end.Sub(began))})
	}

	return all
}

func text(err error) string {
	if err == nil {
		return ""
	}

	return supervision.Text(err)
}
