package mailbox

import (
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
)

// Overflow says what happens to a message that finds its lane full. The zero value is unset and means [Block].
type Overflow uint8

const (
	// Block makes the sender wait for room until its context ends. It is the default.
	Block Overflow = iota + 1
	// Reject refuses the message at once with a [*FullError].
	Reject
)

// String returns the policy's name.
func (o Overflow) String() string {
	switch o {
	case 0:
		return "unset"
	case Block:
		return "block"
	case Reject:
		return "reject"
	default:
		return fmt.Sprintf("Overflow(%d)", uint8(o))
	}
}

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
}

// Defaults returns the options of a mailbox for which none were given.
func Defaults() Options {
	return Options{Capacity: DefaultCapacity, Control: DefaultControl, Overflow: Block, ControlOverflow: Block}
}

// Validate reports every field that is out of range, joined; each error names the field and the rule.
func (o Options) Validate() error {
	var errs []error

	if o.Capacity < 1 || o.Capacity > MaxCapacity {
		errs = append(errs, fmt.Errorf("mailbox.Options.Capacity: %d is out of range, must be from 1 to %d",
			o.Capacity, MaxCapacity))
	}

	if o.Control < 0 || o.Control > MaxCapacity {
		errs = append(errs, fmt.Errorf("mailbox.Options.Control: %d is out of range, must be from 1 to %d, or 0 for %d",
			o.Control, MaxCapacity, DefaultControl))
	}

	if o.Overflow > Reject {
		errs = append(errs, fmt.Errorf("mailbox.Options.Overflow: %v is not a policy, must be block or reject", o.Overflow))
	}

	if o.ControlOverflow > Reject {
		errs = append(errs, fmt.Errorf("mailbox.Options.ControlOverflow: %v is not a policy, must be block or reject",
			o.ControlOverflow))
	}

	return errors.Join(errs...)
}

// withDefaults fills in what is unset. Called on validated options.
func (o Options) withDefaults() Options {
	if o.Control == 0 {
		o.Control = DefaultControl
	}

	if o.Overflow == 0 {
		o.Overflow = Block
	}

	if o.ControlOverflow == 0 {
		o.ControlOverflow = Block
	}

	return o
}
