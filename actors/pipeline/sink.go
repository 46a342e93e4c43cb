package pipeline

import "context"

// Sink takes the items that come out of a pipeline. Its methods are called by one goroutine at a time,
// unless the stage has a timeout: then Write may be called while one hangs whose context has ended.
type Sink[T any] interface {
	// Open is called before the first Write, and again after a failure of the sink, when Close was called. An error is a
	// failed start.
	Open(ctx context.Context) error
	// Write takes the items, all or none: after nil they are sunk, and their source items may be acknowledged. After an
	// error the stage's retries and its policy for failed items decide. items is not to be kept.
	Write(ctx context.Context, items []T) error
	// Close is called once after each Open that succeeded; everything written is to be safe when it returns. If an Open
	// that was given up on succeeds when the same sink has been opened again, the next Close is for both.
	Close(ctx context.Context) error
}
