package actors

import (
	"context"
	"sync"

	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// Reply is a reply port: it travels in a message, and whoever holds it can answer the asker, once. Sending never
// blocks. The zero Reply answers [ErrNoReply].
//
// A Reply belongs to the actor that received it: if that actor fails on the message, loses its state in a restart or
// stops, the asker learns it at once, unless the message waits in the stash or is to be delivered again. To hand the
// duty to answer to another actor, use [Forward]: that is how it is known who waits for whom, and a port passed on
// otherwise can make a [*DeadlockError] of a wait that would have ended. A goroutine started with [Context.Go] or
// [Pipe] may answer for its actor.
type Reply[R any] struct {
	pending *pending[R]
	// generation of pending that this is a reply to; in a later one it is answered.
	generation uint64
}

// Send answers the asker. A second answer is [ErrReplied]. That the asker waits no longer is no error: the answer is
// dropped.
func (r Reply[R]) Send(value R) error { return r.resolve(value, nil) }

// Fail answers the asker with an error; with [ErrNoCause] if it is nil, for an asker that gets no error has its
// answer. The errors are those of Send.
func (r Reply[R]) Fail(err error) error {
	var zero R

	if err == nil {
		err = ErrNoCause
	}

	return r.resolve(zero, err)
}

// IsSet reports whether the reply is one that somebody has asked for, and not the zero value.
func (r Reply[R]) IsSet() bool { return r.pending != nil }

func (r Reply[R]) resolve(value R, err error) error {
	if r.pending == nil {
		return ErrNoReply
	}

	return r.pending.reply(r.generation, value, err)
}

// pending is an ask that waits for its answer. Once answered it is used again for another, in the next generation, if
// nobody but holders of its Reply can still come to it: those are told that it was answered.
type pending[R any] struct {
	// ended is sent to by whoever lets the asker go: the actor that answers or the loss of the message. The asker, if it
	// has not given up itself, receives it.
	ended chan struct{}
	// ticket is the one the ask is sent under; a forwarded ask has another.
	ticket mailbox.Ticket

	mu         sync.Mutex
	generation uint64
	replied    bool // the actor has answered
	done       bool // the asker has been let go, by an answer or without one
	value      R    // of the asker once done
	err        error
	// held is the ticket the ask depends on now, in the queue of holder. Whoever forwards the reply port takes a turn
	// before; the one with the latest turn is held, in whatever order the senders come to say so.
	held   *mailbox.Ticket
	holder holder
	turn   int // of held
	turns  int // taken so far
	// edge is the asker's if it is an actor, or was once.
	edge *waits.Edge
}

// holder is the mailbox of the actor that has the duty to answer.
type holder interface {
	Forget(t *mailbox.Ticket) bool
	Outstanding(t *mailbox.Ticket) (outstanding, queued bool)
	Receptive() bool
}

func newPending[R any]() *pending[R] {
	p := &pending[R]{ended: make(chan struct{}, 1)}
	p.ticket.Loser = p

	return p
}

// wait waits for the answer of the actor at a path, or until ctx ends. The edge is the asker's if it is an actor.
func (p *pending[R]) wait(ctx context.Context, edge *waits.Edge, path string) (R, error) {
	if c := edge.Enter(); c != nil {
		p.giveUp(newDeadlock(c))

		return p.value, p.err
	}

	select {
	case <-p.ended:
	case <-ctx.Done():
		p.giveUp(&mailbox.SendError{Target: path, Err: ctx.Err()})
	}

	edge.Leave()

	return p.value, p.err
}

// giveUp ends the asker's own wait, unless there is an answer after all.
func (p *pending[R]) giveUp(err error) {
	var zero R

	if !p.end(zero, err) {
		<-p.ended
	}
}

// reply is the answer of the actor, in time or not.
func (p *pending[R]) reply(generation uint64, value R, err error) error {
	p.mu.Lock()

	if p.replied || p.generation != generation {
		p.mu.Unlock()

		return ErrReplied
	}

	p.replied = true
	first := p.finish(value, err)
	p.mu.Unlock()

	if first {
		p.ended <- struct{}{}
	}

	return nil
}

// Lost implements [mailbox.Loser]: the message, or the actor that should have answered, is gone.
func (p *pending[R]) Lost(cause error) {
	var zero R

	if p.end(zero, cause) {
		p.ended <- struct{}{}
	}
}

// end is finish without mu held.
func (p *pending[R]) end(value R, err error) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.finish(value, err)
}

// finish settles what the asker gets, once. Called with mu held.
func (p *pending[R]) finish(value R, err error) (first bool) {
	if p.done {
		return false
	}

	p.done, p.value, p.err = true, value, err

	return true
}

// take gives a turn to somebody who is about to forward the reply port.
func (p *pending[R]) take(generation uint64) (turn int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.replied || p.generation != generation {
		return 0, ErrReplied
	}

	p.turns++

	return p.turns, nil
}

// hold makes t the ticket the ask depends on, instead of one of an earlier turn.
func (p *pending[R]) hold(t *mailbox.Ticket, h holder, turn int) {
	p.mu.Lock()

	drop, from := p.held, p.holder
	if p.done || turn < p.turn {
		drop, from = t, h // answered or passed on meanwhile
	} else {
		p.held, p.holder, p.turn = t, h, turn
	}

	p.mu.Unlock()

	if drop != nil {
		from.Forget(drop)
	}
}

// release takes back the ticket, once the ask is over. It reports whether p can be used for another ask, and prepares
// it for that: it was answered, so that no Reply can do anything to it; and its only ticket was not lost, so that
// nobody else can.
func (p *pending[R]) release() (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	outstanding := p.held != nil && p.holder.Forget(p.held)
	p.held, p.holder = nil, nil

	if !outstanding || !p.replied || p.turns > 0 {
		return false
	}

	var zero R

	p.generation++
	p.replied, p.done, p.value, p.err = false, false, zero, nil

	return true
}
