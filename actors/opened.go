package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"
)

// keepsEnvelopes reports whether the queue keeps what came through protoactor in its envelope, with sender and headers:
// that of an actor of any message does, because it may be a native one.
func keepsEnvelopes[M any]() bool {
	_, yes := any((*M)(nil)).(*any)

	return yes
}

// opened makes an actor of any message get messages without their envelopes, unless it is a native one.
func opened[M any](a Actor[M]) Actor[M] {
	if !keepsEnvelopes[M]() {
		return a
	}

	plain, _ := any(a).(Actor[any])
	if _, is := plain.(*native); is || plain == nil {
		return a
	}

	var o any = &opener{plain}
	if h, ok := plain.(HealthReporter); ok {
		o = &openReporter{opener{plain}, h}
	}

	a, _ = o.(Actor[M])

	return a
}

// opener opens envelopes for an actor. It has the hooks that the actor may have.
type opener struct{ actor Actor[any] }

// openReporter is the opener for an actor that reports its health.
type openReporter struct {
	opener
	HealthReporter
}

// Receive opens the envelope, if there is one.
func (o *opener) Receive(ctx *Context[any], m any) error {
	return o.actor.Receive(ctx, actor.UnwrapEnvelopeMessage(m))
}

// Start is the actor's, if it has one.
func (o *opener) Start(ctx *Context[any]) error {
	if s, ok := o.actor.(Starter[any]); ok {
		return s.Start(ctx)
	}

	return nil
}

// Drain is the actor's, if it has one.
func (o *opener) Drain(ctx context.Context) error {
	if d, ok := o.actor.(Drainer); ok {
		return d.Drain(ctx)
	}

	return nil
}

// Flush is the actor's, if it has one.
func (o *opener) Flush(ctx context.Context) error {
	if f, ok := o.actor.(Flusher); ok {
		return f.Flush(ctx)
	}

	return nil
}

// Close is the actor's, if it has one.
func (o *opener) Close(ctx context.Context) error {
	if c, ok := o.actor.(Closer); ok {
		return c.Close(ctx)
	}

	return nil
}
