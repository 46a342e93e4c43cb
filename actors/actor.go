package actors

import "context"

// Actor handles messages of type M, one at a time, never concurrently with itself or its hooks.
//
// M is usually a sealed interface with one struct per message, or a single struct type.
type Actor[M any] interface {
	// Receive handles one message. An error or a panic is a failure of the actor: its supervisor decides whether it
	// is restarted, goes on or is stopped, and the message becomes a dead letter, unless the actor was declared to have
	// it delivered again. The context ends when the actor is to return at once.
	Receive(ctx *Context[M], m M) error
}

// Starter is implemented by actors that prepare before their first message. An error, a panic or a Start that does
// not return by its deadline is a failed start.
type Starter[M any] interface {
	Start(ctx *Context[M]) error
}

// Drainer is implemented by actors that work off more than their mailbox, such as what their goroutines have in hand.
// Drain is called at a stop when the queue is worked off and everything that depends on the actor has drained, while
// its goroutines still run; the drain is over when it has returned. The context ends when the time for that is over. An
// error, unless it only says so, or a panic is a failure of the actor, as one of Receive; if the actor is restarted to
// go on with its drain, Drain is called again.
type Drainer interface {
	Drain(ctx context.Context) error
}

// Flusher is implemented by actors with side effects to complete. Flush is called once at a stop, after the queue was
// worked off, while everything the actor depends on is still open; messages are refused by then, also by those. An
// instance that ends otherwise is closed, not flushed: it failed, or its supervisor gave up or did not start.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Closer is implemented by actors that hold resources. Close is called exactly once per instance: at a shutdown after
// all flushes and after everything that depends on the actor was closed; when the instance failed, also in its Start;
// or, if it was abandoned, when it has come back, with a context that has ended.
type Closer interface {
	Close(ctx context.Context) error
}

// HealthReporter is implemented by actors that can judge how they are. Health is called between two messages; nil
// means well, an error means degraded and says why.
type HealthReporter interface {
	Health() error
}

// Func makes an actor without state of a function.
type Func[M any] func(ctx *Context[M], m M) error

// Receive calls f. Of a nil Func it returns [ErrNilFunc].
func (f Func[M]) Receive(ctx *Context[M], m M) error {
	if f == nil {
		return misuse(ctx.Path(), "Receive", ErrNilFunc)
	}

	return f(ctx, m)
}
