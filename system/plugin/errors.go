package plugin

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
)

var (
	// ErrNotLoaded is returned where there is no plugin: none was loaded, or it was unloaded.
	ErrNotLoaded = errors.New("no plugin is loaded")
	// ErrLoaded is returned by Load where there is a plugin already; see Upgrade.
	ErrLoaded = errors.New("a plugin is loaded already")
	// ErrNotQuarantined is returned by Release for a plugin that is not quarantined.
	ErrNotQuarantined = errors.New("the plugin is not quarantined")
	// ErrBusy is returned while another load, unload, upgrade or release of the same plugin is under way.
	ErrBusy = errors.New("the plugin is being loaded, unloaded, upgraded or released")
	// ErrOpen is returned for a call that the breaker has refused.
	ErrOpen = errors.New("the breaker is open: too many calls have failed")
	// ErrUnhandled is returned for a message of a type that the plugin's manifest does not handle.
	ErrUnhandled = errors.New("the plugin does not handle messages of this type")
	// ErrNoStreams is returned for a stream where the protocol agreed on has none.
	ErrNoStreams = errors.New("the protocol has no streams")
	// ErrExited is the failure of a plugin that has ended the goroutine of a call with runtime.Goexit.
	ErrExited = errors.New("runtime.Goexit called in a plugin")
	// ErrNoPlugin is the failure of a factory that returns nil.
	ErrNoPlugin = errors.New("the factory has made no plugin")
)

// Fault says why an instance was given up. The zero value is not a fault.
type Fault uint8

const (
	// NotStarted: it could not be started; the process, the handshake, the negotiation or Start has failed.
	NotStarted Fault = iota + 1
	// Panicked: a call has panicked or ended its goroutine, in the host's process.
	Panicked
	// Hung: a call has not returned, or a health check was not answered, in time.
	Hung
	// Crashed: its process has ended.
	Crashed
	// Oversized: its process has taken more memory than it may.
	Oversized
	// Cut: it was to stop, and had calls in its hands when the time for that was over.
	Cut
)

var faultNames = [...]string{"", "not started", "panicked", "hung", "crashed", "oversized", "cut short"}

// String returns the fault in words.
func (f Fault) String() string {
	if f == 0 || int(f) >= len(faultNames) {
		return fmt.Sprintf("Fault(%d)", uint8(f))
	}

	return faultNames[f]
}

// InstanceError says that an instance of a plugin was given up. Who had a call in its hands gets it, and the call may
// have been handled or not.
type InstanceError struct {
	// Path of the instance's actor.
	Path string
	// Fault is why.
	Fault Fault
	// Err is its cause.
	Err error

	load *load
}

// Error names the instance, the fault and the cause.
func (e *InstanceError) Error() string {
	return fmt.Sprintf("%s: plugin %v: %s", e.Path, e.Fault, chain.Print(e.Err))
}

// Unwrap returns the cause.
func (e *InstanceError) Unwrap() error { return e.Err }

// CallError is what a plugin has answered a message with, or why it was not given the message.
type CallError struct {
	// Path of the instance's actor.
	Path string
	// Type of the message.
	Type string
	// Err is the plugin's error; of a plugin in its own process a [*RemoteError].
	Err error
}

// Error names the instance, the type and the cause.
func (e *CallError) Error() string {
	return fmt.Sprintf("%s: %q: %s", e.Path, e.Type, chain.Print(e.Err))
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// DeadlineError says that a plugin has not answered in time.
type DeadlineError struct {
	// After is how long it had.
	After time.Duration
}

// Error says how long it had.
func (e *DeadlineError) Error() string { return fmt.Sprintf("no answer within %v", e.After) }

// SizeError says that a payload is longer than it may be.
type SizeError struct {
	// Size of the payload in bytes; 0 if it is not known.
	Size int
	// Most it may be.
	Most int
}

// Error names both.
func (e *SizeError) Error() string {
	if e.Size == 0 {
		return fmt.Sprintf("the payload is longer than %d bytes", e.Most)
	}

	return fmt.Sprintf("the payload has %d bytes, %d are allowed", e.Size, e.Most)
}

// QuarantinedError says that a plugin is out of use: its restart budget was exhausted, or too many instances of it
// hang. [Handle.Release] brings it back.
type QuarantinedError struct {
	// Path of the plugin's supervisor.
	Path string
	// Err is the last failure.
	Err error
}

// Error names the plugin and the last failure.
func (e *QuarantinedError) Error() string { return e.Path + ": quarantined: " + chain.Print(e.Err) }

// Unwrap returns the last failure.
func (e *QuarantinedError) Unwrap() error { return e.Err }

// PanicError is a panic of a plugin in the host's process.
type PanicError struct {
	// Value is what was passed to panic.
	Value any
	// Stack is where.
	Stack []byte
}

// Error says what was panicked with.
func (e *PanicError) Error() string { return "panic: " + chain.Print(e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)

	return err
}
