package system

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	// DefaultEvents is how many events are kept when Options.Events is 0.
	DefaultEvents = 1024
	// MaxEvents is the most events that can be kept.
	MaxEvents = 1 << 20
	// ForcedGrace is what is left of the grace period, at most, once a shutdown is forced.
	ForcedGrace = time.Second
)

// The shares of the grace period, in tenths. What a phase does not use is left to the later ones.
const (
	drainTenths = 6
	flushTenths = 2
	closeTenths = 2
	tenths      = drainTenths + flushTenths + closeTenths
)

// Options configure a system. The zero value is a sound default.
type Options struct {
	// Grace is how long a shutdown may take in all: six tenths for the drain, two for the flush, two for the close.
	// 0 means [DefaultGrace].
	Grace time.Duration
	// Letters is how many dead letters are kept to be looked at; older ones go, counted. 0 means [DefaultLetters].
	Letters int
	// Events is how many events are kept to be looked at; older ones go, counted. 0 means [DefaultEvents].
	Events int
	// OnEvent is called with every event, those of the tree's first start included, one after the other in their order,
	// on a goroutine of the system. Up to 1024 events wait for it; what comes when there are as many is not told, and
	// counted by [Events.Missed]. It must not wait for the shutdown, which waits for it, for [ForcedGrace] at most. That
	// it panicked or ended its goroutine is one of the shutdown's errors; it is told of the next event all the same.
	OnEvent func(supervision.Event)
	// Logger gets the events: at level error that a supervisor gave up or an incarnation was abandoned; at warn
	// failures, restarts, failed hooks and dead letters; at debug starts and stops. Of each kind it gets ten lines at
	// once and one a second in the long run; the attribute not_logged counts what was left out. That its handler panicked
	// or ended its goroutine is one of the shutdown's errors; it gets the next line all the same. What errors it returns is
	// its own affair. nil means slog.Default(), one with [slog.DiscardHandler] turns the log off.
	Logger *slog.Logger
	// Signals that make [Run] and [System.Wait] shut down, and force it when they come again; nil means SIGINT and
	// SIGTERM, an empty slice none.
	Signals []os.Signal
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

	errs = append(errs,
		checkKept("Letters", o.Letters, MaxLetters, DefaultLetters),
		checkKept("Events", o.Events, MaxEvents, DefaultEvents))

	return errors.Join(errs...)
}

// checkKept checks how many of something are to be kept.
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

func shares(grace time.Duration) supervision.Shares {
	return supervision.Shares{
		Drain: grace * drainTenths / tenths, Flush: grace * flushTenths / tenths, Close: grace * closeTenths / tenths,
	}
}
