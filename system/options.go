package system

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/supervision"
)

// Limits and defaults of [Options].
const (
	// DefaultGrace is the grace period when Options.Grace is 0. It fits Kubernetes' default of 30 s.
	DefaultGrace = 25 * time.Second
	// DefaultLetters is how many dead letters the office keeps when Options.Letters is 0.
	DefaultLetters = 1024
	// MaxLetters is the most dead letters an office can keep.
	MaxLetters = 1 << 20
	// DefaultReplays is how often a message is replayed at most when Options.Replays is 0.
	DefaultReplays = 3
	// MaxReplays is the most that Options.Replays can be.
	MaxReplays = 1000
	// DefaultEvents is how many events are kept when Options.Events is 0.
	DefaultEvents = 1024
	// MaxEvents is the most events that can be kept.
	MaxEvents = 1 << 20
	// ForcedGrace is what is left of the grace period, at most, once a shutdown is forced.
	ForcedGrace = time.Second
)

// The shares of the grace period, in tenths, if there are tasks in the intake; else its share is the drain's. What a
// phase does not use is left to the later ones.
const (
	intakeTenths = 2
	drainTenths  = 4
	flushTenths  = 2
	closeTenths  = 2
	tenths       = intakeTenths + drainTenths + flushTenths + closeTenths
)

// Options configure a system. The zero value is a sound default.
type Options struct {
	// Grace is how long a shutdown may take in all. 0 means [DefaultGrace]; [math.MaxInt64] is no limit.
	Grace time.Duration
	// Shares of the grace period that each phase has for itself; what it does not use the later ones have besides. They
	// must add up to Grace at most. If none is set: two tenths for the intake if it has tasks, what it leaves up to six
	// tenths for the drain, two for the flush, two for the close.
	Shares supervision.Shares
	// Tasks are what is to be done in the phases of a shutdown besides stopping the actors.
	Tasks []*supervision.Task
	// Letters is how many dead letters are kept to be looked at; older ones go, counted. 0 means [DefaultLetters].
	Letters int
	// Replays is how often a message can be brought back from the dead letters by [Office.Replay] at most; one that has
	// died as often is refused. 0 means [DefaultReplays].
	Replays int
	// OnLetters is called with every dead letter, those of the tree's first start included, and with every letter that
	// was replayed, in their order: with all that has come up since the last call, on a goroutine of the system. It is the
	// place to keep letters beyond the process, say with package system/deadletters. Up to 4096 letters wait for it; what
	// comes when there are as many it is not told of, counted by [Office.Missed]. It must not wait for the shutdown,
	// which waits for it, for [ForcedGrace] at most. The first error it returns is one of the shutdown's errors.
	OnLetters func([]LetterEvent) error
	// Events is how many events are kept to be looked at; older ones go, counted. 0 means [DefaultEvents].
	Events int
	// OnEvent is called with every event, those of the tree's first start included, one after the other in their order,
	// on a goroutine of the system. Up to 1024 events wait for it; what comes when there are as many is not told, and
	// counted by [Events.Missed]. It must not wait for the shutdown, which waits for it, for [ForcedGrace] at most. That
	// it panicked or ended its goroutine is one of the shutdown's errors; it is told of the next event all the same.
	OnEvent func(supervision.Event)
	// Logger gets the events: at level error that a supervisor gave up or an incarnation was abandoned; at warn
	// failures, restarts, failed hooks and dead letters; at debug starts and stops. Of each kind it gets ten lines at
	// once and one a second in the long run; the attribute not_logged counts what was left out. That its handler
	// panicked or ended its goroutine is one of the shutdown's errors; it gets the next line all the same. What errors
	// it returns is its own affair. nil means slog.Default(), one with [slog.DiscardHandler] turns the log off.
	Logger *slog.Logger
	// Signals that make [Run] and [System.Wait] shut down, and force it when they come again; nil means SIGINT and
	// SIGTERM, an empty slice none. Those that come before Run or Wait listens do what the program has told them to, or
	// end it.
	Signals []os.Signal
	// Interrupts is for a program whose first act is to listen for signals itself, so that none that comes while it
	// prepares or starts ends it: the channel that it gets them on. If it is set Signals is not looked at, and [Start],
	// Run and System.Wait take them from there. The channel should hold two. All that comes from it is a signal, nil
	// too; that it is closed is none.
	//
	//	interrupts := make(chan os.Signal, 2)
	//	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	Interrupts <-chan os.Signal
	// Prepare is called with the protoactor system before any actor is registered in it. It is the place to start
	// protoactor's remote: an actor registered before the address is final would keep the wrong one.
	Prepare func(*actor.ActorSystem) error
	// ReportFile is where the report of the shutdown is written as JSON, whole or not at all; empty means nowhere. If
	// it cannot be written, that is one of the shutdown's errors.
	ReportFile string
	// OnReport is called once with the report of the shutdown, before anybody else gets it: the place to emit it
	// as metrics, say with package system/telemetry. It runs on a goroutine of the system and
	// must not wait for the shutdown, which waits for it, also past the grace period.
	OnReport func(*Report)
}

func (o Options) validate() error {
	var errs []error

	if o.Grace < 0 {
		errs = append(errs, fmt.Errorf("system.Options.Grace: %v is negative", o.Grace))
	}

	for i, s := range o.Signals {
		if s == nil {
			errs = append(errs, fmt.Errorf("system.Options.Signals[%d]: is nil", i))
		}
	}

	errs = append(errs,
		o.checkShares(),
		checkKept("Letters", o.Letters, MaxLetters, DefaultLetters),
		checkKept("Replays", o.Replays, MaxReplays, DefaultReplays),
		checkKept("Events", o.Events, MaxEvents, DefaultEvents))

	return errors.Join(errs...)
}

// checkKept checks how many of something there may be.
func checkKept(option string, n, most, otherwise int) error {
	if n < 0 || n > most {
		return fmt.Errorf("system.Options.%s: %d is out of range, must be from 1 to %d, or 0 for %d",
			option, n, most, otherwise)
	}

	return nil
}

func (o Options) withDefaults() Options {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}

	if o.Letters == 0 {
		o.Letters = DefaultLetters
	}

	if o.Replays == 0 {
		o.Replays = DefaultReplays
	}

	if o.Events == 0 {
		o.Events = DefaultEvents
	}

	if o.Logger == nil {
		o.Logger = slog.Default()
	}

	if o.Signals == nil {
		o.Signals = []os.Signal{os.Interrupt, syscall.SIGTERM}
	}

	return o
}

// checkShares checks that the phases fit the grace period.
func (o Options) checkShares() error {
	if o.Shares == (supervision.Shares{}) {
		return nil
	}

	var (
		errs  []error
		grace = cmp.Or(o.Grace, DefaultGrace)
		left  = max(0, grace)
		over  time.Duration // as far as that is a duration
	)

	for _, s := range []struct {
		name  string
		share time.Duration
	}{{"Intake", o.Shares.Intake}, {"Drain", o.Shares.Drain}, {"Flush", o.Shares.Flush}, {"Close", o.Shares.Close}} {
		switch {
		case s.share < 0:
			errs = append(errs, fmt.Errorf("system.Options.Shares.%s: %v is negative", s.name, s.share))
		case s.share == 0 && s.name != "Intake":
			errs = append(errs, fmt.Errorf("system.Options.Shares.%s: is not set, must be as the others are", s.name))
		}

		fits := max(0, min(s.share, left))
		left -= fits
		over += min(max(0, s.share)-fits, math.MaxInt64-over)
	}

	if over > 0 {
		errs = append(errs, fmt.Errorf("system.Options.Shares: they add up to %v more than Grace, %v", over, grace))
	}

	return errors.Join(errs...)
}

// tenthsOf returns n tenths of d, rounded down, also of one that is too long to be multiplied.
func tenthsOf(d time.Duration, n int64) time.Duration {
	ns := int64(d)

	return time.Duration(ns/tenths*n + ns%tenths*n/tenths)
}

// shares returns the lengths of the phases of a shutdown.
func (o Options) shares(p *supervision.Plan) supervision.Shares {
	if o.Shares != (supervision.Shares{}) {
		return o.Shares
	}

	s := supervision.Shares{
		Intake: tenthsOf(o.Grace, intakeTenths), Drain: tenthsOf(o.Grace, drainTenths),
		Flush: tenthsOf(o.Grace, flushTenths), Close: tenthsOf(o.Grace, closeTenths),
	}

	if !slices.ContainsFunc(p.Tasks, func(t supervision.PlannedTask) bool { return t.Phase == supervision.PhaseIntake }) {
		s.Intake, s.Drain = 0, s.Intake+s.Drain
	}

	return s
}
