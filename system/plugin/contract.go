package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/chain"
)

// Message is what host and plugin exchange: bytes under the name of a type. What the bytes are is for the two to agree
// on; nothing here looks into them.
type Message struct {
	// Type of the message. A plugin is sent only those that its manifest handles.
	Type string
	// Payload is not changed by anybody once the message is sent.
	Payload []byte
}

// fits returns what is wrong with an answer whose payload can have most bytes, or nil.
func (m Message) fits(most int) error {
	switch {
	case len(m.Payload) > most:
		return &SizeError{len(m.Payload), most}
	case len(m.Type) > MaxName:
		return fmt.Errorf("the answer's type has %d bytes, %d are allowed", len(m.Type), MaxName)
	default:
		return nil
	}
}

// Plugin is the contract. The same value is served in the host's process by [InProcess] or as a program of its own by
// [Serve]. What else it can do it says by implementing [Starter], [Streamer], [HealthReporter], [Drainer] and
// [Stopper].
//
// Calls come side by side, up to [Spec.Concurrency] of them, each on a goroutine of its own; a plugin guards its state
// itself. Start comes before all others. A call whose context has ended and which does not return is a hang: the
// instance is given up and never called again. A panic gives up the instance too.
type Plugin interface {
	// Manifest says what the plugin is and can do. It is the same at every call, and does not block.
	Manifest() Manifest
	// Handle answers one message. Ctx ends at the call's deadline, and when the instance is given up. An error is the
	// caller's answer; one made by [Invalid] says that the message is to blame, any other counts against the plugin.
	Handle(ctx context.Context, m Message) (Message, error)
}

// Starter is implemented by plugins that prepare before their first message.
type Starter interface {
	// Start is given what was negotiated, and the configuration. If it fails the instance is not used, and Stop is not
	// called.
	Start(ctx context.Context, s Session) error
}

// Streamer is implemented by plugins that do more in a stream than to answer each message in its turn. It takes
// protocol 2.
type Streamer interface {
	// Stream serves one stream until it returns. An error ends the stream for the host too.
	Stream(ctx context.Context, s Stream) error
}

// Stream is one side of a stream of messages. One goroutine may send while another receives.
type Stream interface {
	// Recv returns the next message of the other side. It blocks until there is one. The error is [io.EOF] when the
	// other side has sent all it will, or why the stream has ended.
	Recv() (Message, error)
	// Send sends a message. It blocks while the other side is behind. The error says why the stream has ended.
	Send(m Message) error
}

// HealthReporter is implemented by plugins that can judge how they are.
type HealthReporter interface {
	// Health is called every [Spec.Probe]. An error means degraded and says why; no answer in time is a hang.
	Health(ctx context.Context) error
}

// Drainer is implemented by plugins with side effects to complete. It takes protocol 2.
type Drainer interface {
	// Drain is called once, when all calls have returned and no more will come, before Stop; not if the instance was
	// given up.
	Drain(ctx context.Context) error
}

// Stopper is implemented by plugins that hold resources.
type Stopper interface {
	// Stop is called once if Start succeeded; after a failure too, with what time is left.
	Stop(ctx context.Context) error
}

// InvalidError is the answer to a message that is itself at fault. It counts neither against the breaker nor as a
// failure of the plugin.
type InvalidError struct {
	// Err says what is wrong with the message.
	Err error
}

// Invalid makes an [*InvalidError], for a plugin to return. For a nil err it has one that says that no cause was given.
func Invalid(err error) error {
	if err == nil {
		err = errNoCause
	}

	return &InvalidError{err}
}

var errNoCause = errors.New("no cause was given")

// Error says what is wrong with the message.
func (e *InvalidError) Error() string { return "invalid message: " + chain.Print(e.Err) }

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }
