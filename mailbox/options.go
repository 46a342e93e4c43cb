package mailbox

import (
	"cmp"
	"errors"
	"fmt"
)

// Limits and defaults of [Options].
const (
	// DefaultCapacity is the data lane's capacity in [Defaults], in messages.
	DefaultCapacity = 64
	// DefaultControl is the control lane's capacity when Options.Control is 0, in messages.
	DefaultControl = 16
	// MaxCapacity is the largest capacity a lane can have, in messages.
	MaxCapacity = 1 << 20
	// DefaultFairness is what Options.Fairness means when it is 0, in messages.
	DefaultFairness = 16
	// Strict as Options.Fairness lets control messages starve data.
	Strict = -1
	// DefaultThroughput is what Options.Throughput means when it is 0, in messages.
	DefaultThroughput = 256
	// MaxThroughput is the largest throughput, in messages.
	MaxThroughput = 1 << 20
)

// Options declare a mailbox. A nil *Options means [Defaults]; when Options are given, Capacity must be set.
type Options struct {
	// Capacity of the data lane: exactly so many messages wait, the one being handled not among them.
	// From 1 to [MaxCapacity]. Memory follows use, not capacity.
	Capacity int
	// Control is the capacity of the control lane, from 1 to [MaxCapacity]; 0 means [DefaultControl].
	Control int
	// Overflow is the data lane's policy; unset means [Block].
	Overflow Overflow
	// ControlOverflow is the control lane's policy; unset means [Block].
	ControlOverflow Overflow
	// Fairness is how many control messages at most are taken in a row while data messages wait, from 1 to
	// [MaxCapacity]; 0 means [DefaultFairness]. So the data message at the head of its lane waits for no more than
	// Fairness control messages. [Strict] sets no bound: data waits while there is any control message.
	Fairness int
	// Throughput is how many messages at most are taken in a row before the goroutine lets others run, so that a busy
	// actor does not hold up the rest on a machine with few cores; from 1 to [MaxThroughput], 0 means
	// [DefaultThroughput].
	Throughput int
	// Dispatch says which goroutine the receiver runs on; unset means [OnDemand].
	Dispatch Dispatch
}

// Defaults returns the options of a mailbox for which none were given.
func Defaults() Options { return Options{Capacity: DefaultCapacity}.withDefaults() }

// Validate reports every field that is out of range, joined; each error names the field and the rule.
func (o Options) Validate() error {
	var errs []error

	wrong := func(field string, value any, rule string, args ...any) {
		errs = append(errs, fmt.Errorf("mailbox.Options.%s: %v %s", field, value, fmt.Sprintf(rule, args...)))
	}

	if o.Capacity < 1 || o.Capacity > MaxCapacity {
		wrong("Capacity", o.Capacity, "is out of range, must be from 1 to %d", MaxCapacity)
	}

	if o.Control < 0 || o.Control > MaxCapacity {
		wrong("Control", o.Control, "is out of range, must be from 1 to %d, or 0 for %d", MaxCapacity, DefaultControl)
	}

	if o.Fairness < Strict || o.Fairness > MaxCapacity {
		wrong("Fairness", o.Fairness, "is out of range, must be from 1 to %d, 0 for %d, or mailbox.Strict (%d)",
			MaxCapacity, DefaultFairness, Strict)
	}

	if o.Throughput < 0 || o.Throughput > MaxThroughput {
		wrong("Throughput", o.Throughput, "is out of range, must be from 1 to %d, or 0 for %d",
			MaxThroughput, DefaultThroughput)
	}

	const policies = "is not a policy, must be block, reject, drop newest or drop oldest"

	if o.Overflow > DropOldest {
		wrong("Overflow", o.Overflow, policies)
	}

	if o.ControlOverflow > DropOldest {
		wrong("ControlOverflow", o.ControlOverflow, policies)
	}

	if o.Dispatch > Synchronous {
		wrong("Dispatch", o.Dispatch, "is not a dispatch, must be on demand, dedicated, pinned or synchronous")
	}

	return errors.Join(errs...)
}

// settings are what of the options is needed after the data lane was made, in the size they have.
type settings struct {
	Control, Fairness, Throughput int32
	ControlOverflow               Overflow
	Dispatch                      Dispatch
}

// settings returns those of complete options.
func (o Options) settings() settings {
	return settings{
		Control: int32(o.Control), Fairness: int32(o.Fairness), Throughput: int32(o.Throughput), //nolint:gosec // bounded
		ControlOverflow: o.ControlOverflow, Dispatch: o.Dispatch,
	}
}

// withDefaults fills in what is unset. Called on validated options.
func (o Options) withDefaults() Options {
	o.Control = cmp.Or(o.Control, DefaultControl)
	o.Overflow = cmp.Or(o.Overflow, Block)
	o.ControlOverflow = cmp.Or(o.ControlOverflow, Block)
	o.Fairness = cmp.Or(o.Fairness, DefaultFairness)
	o.Throughput = cmp.Or(o.Throughput, DefaultThroughput)
	o.Dispatch = cmp.Or(o.Dispatch, OnDemand)

	return o
}
