package actors

import (
	"sync"

	"github.com/troupe-go/troupe/mailbox"
)

// Reply is a reply port: it travels in a message, and whoever holds it can answer the asker, once. Sending never
// blocks. The zero Reply answers [ErrNoReply].
//
// A Reply belongs to the actor that received it: if that actor fails on the message, loses its state in a restart or
// stops, the asker learns it at once. To hand the duty to answer to another actor, use [Forward].
type Reply[R any] struct{ pending *pending[R] }

// Send answers the asker. A second answer is [ErrReplied]. That the asker waits no longer is no error: the answer is
// dropped.
func (r Reply[R]) Send(value R) error { return r.resolve(value, nil) }

// Fail answers the asker with an error, which must not be nil. The errors are those of Send.
func (r Reply[R]) Fail(err error) error {
	var zero R

	if err == nil {
		err = errNoCause
	}

	return r.resolve(zero, err)
}

// IsSet reports whether the reply is one that somebody has asked for, and not the zero value.
func (r Reply[R]) IsSet() bool { return r.pending != nil }

func (r Reply[R]) resolve(value R, err error) error {
	if r.pending == nil {
		return ErrNoReply
	}

	return r.pending.reply(value, err)
}

// pending is one ask that waits for its answer.
type pending[R any] struct {
	// answered is closed when value and err are final.
	answered chan struct{}
	// ticket is the one the ask is sent under; a forwarded ask has another.
	ticket mailbox.Ticket

	mu      sync.Mutex
	replied bool // the actor has answered
	done    bool // the asker has been let go, by an answer or without one
	value   R
	err     error
	// held is the ticket the ask depends on now, in the queue of holder. Whoever sends a message with the reply port
	// takes a turn before; the one with the latest turn is held, in whatever order the senders come to say so.
	held   *mailbox.Ticket
	holder holder
	turn   int // of held
	turns  int // taken so far
}

// holder is the mailbox of the actor that has the duty to answer.
type holder interface {
	Forget(t *mailbox.Ticket) bool
}

// reply is the answer of the actor, in time or not.
func (p *pending[R]) reply(value R, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.replied {
		return ErrReplied
	}

	p.replied = true
	p.finish(value, err)

	return nil
}

// Lost implements [mailbox.Loser]: the message, or the actor that should have answered, is gone.
func (p *pending[R]) Lost(cause error) { p.end(cause) }

// end ends the ask with an error instead of an answer, unless there is one.
func (p *pending[R]) end(cause error) {
	var zero R

	p.mu.Lock()
	defer p.mu.Unlock()

	p.finish(zero, cause)
}

// finish lets the asker go, once. Called with mu held.
func (p *pending[R]) finish(value R, err error) {
	if !p.done {
		p.done, p.value, p.err = true, value, err
		close(p.answered)
	}
}

// take gives a turn to somebody who is about to send the reply port on.
func (p *pending[R]) take() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.turns++

	return p.turns
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

// forget takes back the ticket, once the ask is over.
func (p *pending[R]) forget() {
	p.mu.Lock()
	t, h := p.held, p.holder
	p.held, p.holder = nil, nil
	p.mu.Unlock()

	if t != nil {
		h.Forget(t)
	}
}
