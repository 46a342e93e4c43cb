package actors

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// inlined is a hook that is run on the turn's goroutine.
type inlined uint8

const (
	none     inlined = iota
	making           // the factory
	starting         // Start
	flushing         // Flush
	closing          // Close, at the end of a stop
)

// inline calls a hook on the turn's goroutine. If runtime.Goexit ends that, attempt sees to it that another one goes on
// with behind.
func (r *runner[M]) inline(h inlined, f func() error) error {
	r.hook = h
	err := protect(f)
	r.hook = none

	return err
}

// inlineUnder is inline for a hook of the incarnation's stop. Senders that run the actor's turns do not lose their
// goroutine by it.
func (r *runner[M]) inlineUnder(h inlined, hook mailbox.Command) error {
	inc := r.inc
	if r.synchronous {
		return inc.run(hook)
	}

	return inc.because(r.inline(h, func() error { return inc.newHook(hook, inc.limit()).call() }))
}

// behind goes on behind a hook that ended the turn's goroutine, where who called it would have.
func (r *runner[M]) behind(err error) {
	h, commands := r.hook, r.left
	r.hook, r.left = none, 0

	switch h {
	case making:
		r.made(err)
	case starting:
		r.begun(err)
	case flushing:
		r.flushed(err)
	case closing:
		r.closed(err)
	case none:
	}

	r.obey(commands)
}

// run calls a hook under a context of its own, on a goroutine of its own.
func (i *incarnation[M]) run(hook mailbox.Command) error {
	return i.because(call(func() error { return i.newHook(hook, i.limit()).call() }))
}

// limit returns when the step in progress is to be over.
func (i *incarnation[M]) limit() instant {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	return i.due
}

// newHook returns a hook that is to be called now, under a context of its own, which is ended when its time is over.
// Hooks are called what the command is that is for them: Drain, Flush or Close.
func (i *incarnation[M]) newHook(hook mailbox.Command, at instant) *hookContext[M] {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	m := i.needs()
	m.hook = &hookContext[M]{of: i, hook: hook, at: at}

	if m.cut != nil {
		m.hook.end(m.cut)
	}

	return m.hook
}

// takeClose reports whether the instance has a Close hook, the first time: it is for the caller to call it.
func (i *incarnation[M]) takeClose() bool {
	_, ok := i.instance().(Closer)

	i.owned.mu.Lock()
	again := i.closed
	i.closed = true
	i.owned.mu.Unlock()

	return ok && !again
}

// close runs the Close hook of the instance, if there is one and it was not run before.
func (i *incarnation[M]) close() error {
	if i.takeClose() {
		return i.run(node.Close)
	}

	return nil
}

// hookContext is what a hook runs under. It tells the deadline of the step; the runtime is the one that keeps it, by
// ending the context. Most hooks do not wait, so that the context proper is made when it is first asked for more.
// Guarded by the incarnation's mutex, but for the first three.
type hookContext[M any] struct {
	of     *incarnation[M]
	hook   mailbox.Command
	at     instant
	cause  error          // why it has ended; nil while it has not
	proper *properContext // nil until it is needed
	err    error          // of [hookContext.Loop]; its caller's
}

// properContext is a context with what ends it.
type properContext struct {
	context.Context //nolint:containedctx // it is one

	cancel context.CancelCauseFunc
}

func properly(parent context.Context) *properContext {
	ctx, cancel := context.WithCancelCause(parent)

	return &properContext{ctx, cancel}
}

var (
	_ context.Context = (*hookContext[int])(nil)
	_ waits.Loop      = (*hookContext[int])(nil)
)

// Loop implements [waits.Loop]: it calls the hook.
//
//go:noinline
func (c *hookContext[M]) Loop() { c.err = protect(c.call) }

// call calls the hook, if the instance has it, and ends the context.
func (c *hookContext[M]) call() error {
	defer c.over()

	a := c.of.instance()

	switch c.hook {
	case node.Drain:
		if d, ok := a.(Drainer); ok {
			return d.Drain(c)
		}
	case node.Flush:
		if f, ok := a.(Flusher); ok {
			return f.Flush(c)
		}
	default:
		if f, ok := a.(Closer); ok {
			return f.Close(c)
		}
	}

	return nil
}

// over ends the context of a hook that is over.
func (c *hookContext[M]) over() {
	c.of.owned.mu.Lock()
	defer c.of.owned.mu.Unlock()

	c.end(errEnded)

	if m := c.of.needs(); m.hook == c {
		m.hook = nil
	}
}

// end ends the context, the first time. Called with the mutex held.
func (c *hookContext[M]) end(cause error) {
	if c.cause != nil {
		return
	}

	c.cause = cause

	if c.proper != nil {
		c.proper.cancel(cause)
	}
}

// context returns the context proper, which bears the labels of the actor's goroutines.
func (c *hookContext[M]) context() context.Context {
	c.of.owned.mu.Lock()
	defer c.of.owned.mu.Unlock()

	if c.proper == nil {
		c.proper = properly(c.of.cell.labels(c.of.since()))

		if c.cause != nil {
			c.proper.cancel(c.cause)
		}
	}

	return c.proper.Context
}

// Deadline returns the time the step is to be over.
func (c *hookContext[M]) Deadline() (at time.Time, ok bool) { return c.at.time(), c.at != 0 }

// Done implements [context.Context].
func (c *hookContext[M]) Done() <-chan struct{} { return c.context().Done() }

// Err implements [context.Context].
func (c *hookContext[M]) Err() error {
	c.of.owned.mu.Lock()
	defer c.of.owned.mu.Unlock()

	if c.cause != nil {
		return context.Canceled
	}

	return nil
}

// Value returns whose hook it is, for sends that wait, and what the context proper holds.
func (c *hookContext[M]) Value(key any) any {
	if key == (mailbox.ObserverKey{}) {
		return c.of
	}

	return c.context().Value(key)
}
