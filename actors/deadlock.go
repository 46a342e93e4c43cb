package actors

import (
	"context"
	"fmt"
	"strings"

	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// DeadlockError says that an actor would have waited for itself, directly or around a cycle of actors of which each
// waits for the next: for its answer, or for room in its mailbox. What was to be sent was not accepted, unless it is an
// ask whose cycle was closed after it was sent; then it is one whose asker waits no longer.
type DeadlockError struct {
	// Cycle is who waits, beginning with the actor that is told: each for the next one, the last for the first.
	Cycle []Wait
}

// Wait is one actor of a [DeadlockError].
type Wait struct {
	// Path of the actor that waits.
	Path string
	// For is what it waits for of the next one.
	For WaitFor
}

// WaitFor says what an actor waits for. The zero value is no wait.
type WaitFor uint8

const (
	// WaitAnswer is for the answer to an [Ask].
	WaitAnswer WaitFor = iota + 1
	// WaitRoom is for room in a mailbox.
	WaitRoom
	// WaitTurn is for the end of a turn that it runs for another actor, whose dispatch is [mailbox.Synchronous].
	WaitTurn
)

// String returns the verb of the wait, such as "asks".
func (w WaitFor) String() string {
	switch w {
	case WaitAnswer:
		return "asks"
	case WaitRoom:
		return "waits for room in"
	case WaitTurn:
		return "runs a turn of"
	default:
		return fmt.Sprintf("WaitFor(%d)", uint8(w))
	}
}

// Error names the cycle.
func (e *DeadlockError) Error() string {
	var b strings.Builder

	b.WriteString("deadlock:")

	for i, w := range e.Cycle {
		if i > 0 {
			b.WriteString(", which")
		} else {
			b.WriteString(" " + w.Path)
		}

		fmt.Fprintf(&b, " %v %s", w.For, e.Cycle[(i+1)%len(e.Cycle)].Path)
	}

	return b.String()
}

// newDeadlock returns the error that tells of a cycle.
func newDeadlock(c waits.Cycle) *DeadlockError {
	kinds := map[waits.Kind]WaitFor{waits.Answer: WaitAnswer, waits.Room: WaitRoom, waits.Turn: WaitTurn}
	e := &DeadlockError{Cycle: make([]Wait, len(c))}

	for i, l := range c {
		e.Cycle[i] = Wait{Path: l.Path, For: kinds[l.Kind]}
	}

	return e
}

// waiter is an incarnation as somebody who may be about to wait.
type waiter interface {
	mailbox.Observer
	waits.Party
	graph() *waits.Graph
	sender() context.Context
}

// waiterOf returns the incarnation whose context ctx is, or comes from; nil if there is none.
func waiterOf(ctx context.Context) waiter {
	if ctx == nil {
		return nil
	}

	w, _ := ctx.Value(mailbox.ObserverKey{}).(waiter)

	return w
}

// set makes e the edge of a wait of w under ctx. It reports whether w is who is about to wait: a context can be
// anywhere, so what counts is that the calling goroutine is the actor's own.
func set(ctx context.Context, e *waits.Edge, w waiter, k waits.Kind, what waits.Wait) bool {
	depth := w.graph().Depth()
	if depth == 0 {
		return false
	}

	w.graph().Set(e, w, k, what, ctx.Done())

	for ; depth > 1; depth-- { // it runs on the goroutine of a sender, which is an actor's own too
		if w = waiterOf(w.sender()); w == nil {
			break
		}

		e = e.Below(w)
	}

	return true
}

// room is the wait of a sender for room in a mailbox.
type room struct {
	target any
	sender mailbox.Blocked
}

// For implements [waits.Wait].
func (r *room) For() (queue any, inHands bool) {
	if !r.sender.Waiting() {
		return nil, false
	}

	return r.target, false
}

// Release implements [waits.Releaser].
func (r *room) Release(path string) { r.sender.End(&mailbox.SendError{Target: path, Err: ErrHalting}) }

// Path implements [waits.Party].
func (i *incarnation[M]) Path() string { return i.cell.place.Path }

// Queue implements [waits.Party].
func (i *incarnation[M]) Queue() any { return &i.cell.box }

// Abandoned implements [waits.Party].
func (i *incarnation[M]) Abandoned() bool { return i.gate.Err() != nil }

// Helped implements [waits.Party].
func (i *incarnation[M]) Helped() bool { return i.owned.busy() }

func (i *incarnation[M]) graph() *waits.Graph { return i.cell.place.Host.Waits() }

// Blocks implements [mailbox.Observer].
func (i *incarnation[M]) Blocks(ctx context.Context, target any, s mailbox.Blocked) (over func(), err error) {
	e := new(waits.Edge)
	if !set(ctx, e, i, waits.Room, &room{target, s}) {
		return nil, nil //nolint:nilnil // a goroutine that is not the actor's own may wait for it
	}

	if c := e.Enter(); c != nil {
		return nil, newDeadlock(c)
	}

	return e.Leave, nil
}

// sender returns the context of the send whose goroutine runs the actor's turn, or nil.
func (i *incarnation[M]) sender() context.Context {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if m := i.seldom.Load(); m != nil {
		return m.under
	}

	return nil
}

// runUnder notes the context of the send whose goroutine runs the actor's turn.
func (i *incarnation[M]) runUnder(ctx context.Context) {
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	i.needs().under = ctx
}

// runsOnOwn reports whether the calling goroutine, which is to run a turn for a send under ctx, is one of the actor's
// own or runs a turn for one: then it must not, because the end of an incarnation waits for its goroutines.
func (c *cell[M]) runsOnOwn(ctx context.Context) bool {
	w := waiterOf(ctx)
	if w == nil {
		return false
	}

	for depth := w.graph().Depth(); w != nil && w.Queue() != any(&c.box); depth-- {
		if depth == 0 {
			return false
		}

		w = waiterOf(w.sender())
	}

	return w != nil
}

// asks returns the edge of an actor that is about to ask the owner of a mailbox, which it enters when it has sent its
// question; nil if the asker is no actor. The error is that it would wait for itself.
func (p *pending[R]) asks(ctx context.Context, h holder) (*waits.Edge, error) {
	w := waiterOf(ctx)
	if w == nil {
		return nil, nil //nolint:nilnil // see above
	}

	if p.edge == nil {
		p.edge = new(waits.Edge)
	}

	if !set(ctx, p.edge, w, waits.Answer, p) {
		return nil, nil //nolint:nilnil // see above
	}

	if c := p.edge.Check(h); c != nil && h.Receptive() {
		return nil, newDeadlock(c)
	}

	return p.edge, nil
}

// For implements [waits.Wait].
func (p *pending[R]) For() (queue any, inHands bool) {
	p.mu.Lock()
	done, held, h := p.done, p.held, p.holder
	p.mu.Unlock()

	if done {
		return nil, false
	}

	outstanding, queued := h.Outstanding(held)
	if !outstanding {
		return nil, false // lost, and the asker is about to learn it
	}

	return h, !queued
}

// Break implements [waits.Breaker].
func (p *pending[R]) Break(c waits.Cycle) { p.Lost(newDeadlock(c)) }

// Release implements [waits.Releaser].
func (p *pending[R]) Release(path string) { p.Lost(&mailbox.SendError{Target: path, Err: ErrHalting}) }
