package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Defaults and limits of [Spec].
const (
	DefaultConcurrency  = 8
	DefaultCallDeadline = 5 * time.Second
	DefaultHangAfter    = time.Second
	DefaultStart        = 10 * time.Second
	DefaultStop         = 5 * time.Second
	DefaultProbe        = 10 * time.Second
	// DefaultMessage is the longest payload when Spec.MaxMessage is 0, in bytes.
	DefaultMessage = 4 << 20
	// MaxMessage is the most that Spec.MaxMessage can be.
	MaxMessage = 1 << 30
	// MaxConcurrency is the most calls a plugin can have in its hands.
	MaxConcurrency = 4096
	// MaxHanging is how many instances of one plugin may hang in the host's process before it is quarantined, whatever
	// its budget: each keeps its goroutines and its memory.
	MaxHanging = 4
	// MaxRedeliver is how often a call can be given to a plugin again.
	MaxRedeliver = 100
)

// Spec says how a plugin is contained. The zero value is a sound default.
type Spec struct {
	// Offer is what the host brings to the negotiation.
	Offer Offer
	// Config is handed to the plugin when it starts.
	Config []byte
	// Mailbox holds the calls that wait for the plugin; nil means [mailbox.Defaults]. With the policies that drop, a
	// dropped call is answered with a [*mailbox.DroppedError].
	Mailbox *mailbox.Options
	// Concurrency is how many calls and streams the plugin has in its hands at most, from 1 to [MaxConcurrency]; 0 means
	// [DefaultConcurrency].
	Concurrency int
	// Deadline is how long the plugin has for a call once it has it; the caller's context can end before. 0 means
	// [DefaultCallDeadline]. A stream has as long as its caller's context.
	Deadline time.Duration
	// HangAfter is how much longer than that a call can take to return before the instance is given up as hanging. 0
	// means [DefaultHangAfter].
	HangAfter time.Duration
	// MaxMessage is the longest payload that is sent or taken, in bytes, up to [MaxMessage]; 0 means [DefaultMessage].
	// One that is longer is a [*SizeError], for that call only.
	MaxMessage int
	// Breaker refuses calls for a while when too many fail.
	Breaker Breaker
	// Budget of restarts; none set means 5 within a minute. When it is exhausted the plugin is quarantined, until
	// [Handle.Release]. It never fails the supervisors above.
	Budget supervision.Budget
	// Backoff between restarts.
	Backoff supervision.Backoff
	// Redeliver is how often a call that was in the plugin's hands when its instance was given up is given to the next
	// one, from 0, the default, to [MaxRedeliver]: then its caller goes on waiting. What the plugin did before it does
	// again. With 0 the caller gets the [*InstanceError] at once. Streams are never given again.
	Redeliver int
	// Start bounds the start of an instance: of its process, the negotiation and the Start hook. 0 means [DefaultStart].
	Start time.Duration
	// Drain bounds working off what waits when the plugin is unloaded, upgraded or shut down. 0 means the time the drain
	// phase has left at a shutdown, and [supervision.DefaultDrainDeadline] otherwise. A stream that is open then gets no
	// more messages, and has as long as a call to end. The Drain hook has the time the flush phase has.
	Drain time.Duration
	// Stop bounds the Stop hook and the end of the process, which is killed then. 0 means [DefaultStop], or less if the
	// close phase of a shutdown has less.
	Stop time.Duration
	// Probe is how often the plugin's health is asked for; it has as long to answer. 0 means [DefaultProbe].
	Probe time.Duration
	// Required makes the system's start fail if the plugin does not start. Otherwise it is restarted, or quarantined,
	// while the host runs without it.
	Required bool
}

// Breaker says when calls are refused because others have failed; the calls of all instances count. A message that is
// at fault, see [Invalid], counts neither way, nor does a call that its caller has given up on, or that was lost with
// its instance: that is for the budget.
type Breaker struct {
	// Failures in a row that open it; 0 means 10. A negative number means that there is no breaker.
	Failures int
	// OpenFor is how long it refuses before it lets one call try; 0 means 5 s.
	OpenFor time.Duration
}

func (s Spec) withDefaults() Spec {
	s.Offer = s.Offer.withDefaults()
	s.Concurrency = cmp.Or(s.Concurrency, DefaultConcurrency)
	s.MaxMessage = cmp.Or(s.MaxMessage, DefaultMessage)
	s.Deadline = cmp.Or(s.Deadline, DefaultCallDeadline)
	s.HangAfter = cmp.Or(s.HangAfter, DefaultHangAfter)
	s.Start = cmp.Or(s.Start, DefaultStart)
	s.Stop = cmp.Or(s.Stop, DefaultStop)
	s.Probe = cmp.Or(s.Probe, DefaultProbe)
	s.Breaker.Failures = cmp.Or(s.Breaker.Failures, 10)
	s.Breaker.OpenFor = cmp.Or(s.Breaker.OpenFor, 5*time.Second)

	if s.Budget == (supervision.Budget{}) {
		s.Budget = supervision.Budget{Restarts: 5, Within: time.Minute}
	}

	return s
}

// validate reports everything that is wrong, with the defaults filled in.
func (s Spec) validate() error {
	errs := s.Offer.validate()

	wrong := func(bad bool, field string, value any, rule string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("plugin.Spec.%s: %v, %s", field, value, fmt.Sprintf(rule, args...)))
		}
	}

	wrong(s.Concurrency < 1 || s.Concurrency > MaxConcurrency, "Concurrency", s.Concurrency,
		"must be from 1 to %d, or 0 for %d", MaxConcurrency, DefaultConcurrency)
	wrong(s.Drain < 0, "Drain", s.Drain, "must not be negative")
	wrong(s.MaxMessage < 1 || s.MaxMessage > MaxMessage, "MaxMessage", s.MaxMessage,
		"must be from 1 to %d, or 0 for %d", MaxMessage, DefaultMessage)
	wrong(s.Redeliver < 0 || s.Redeliver > MaxRedeliver, "Redeliver", s.Redeliver, "must be from 0 to %d", MaxRedeliver)
	wrong(s.Budget.Restarts < 0 || s.Budget.Restarts > supervision.MaxRestarts, "Budget.Restarts", s.Budget.Restarts,
		"must be from 0 to %d", supervision.MaxRestarts)
	wrong(s.Budget.Within <= 0, "Budget.Within", s.Budget.Within, "must be positive")

	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Deadline", s.Deadline},
		{"HangAfter", s.HangAfter},
		{"Start", s.Start},
		{"Stop", s.Stop},
		{"Probe", s.Probe},
		{"Breaker.OpenFor", s.Breaker.OpenFor},
	} {
		wrong(d.value <= 0, d.field, d.value, "must be positive, or 0 for the default")
	}

	if s.Mailbox != nil {
		if err := s.Mailbox.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("plugin.Spec.Mailbox: %w", err))
		}
	}

	return errors.Join(errs...)
}
