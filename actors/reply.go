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

// Send answers the asker. A second answer, or one nobody waits for any more, is [ErrReplied].
func (r Reply[R]) Send(value R) error { return r.resolve(value, nil) }

// Fail answers the asker with an error.
func (r Reply[R]) Fail(err error) error {
	var zero R

	return r.resolve(zero, err)
}

// IsSet reports whether the reply is one that somebody has asked for, and not the zero value.
func (r Reply[R]) IsSet() bool { return r.pending != nil }

func (r Reply[R]) resolve(value R, err error) error {
	if r.pending == nil {
		return ErrNoReply
	}

	if !r.pending.resolve(value, err) {
		return ErrReplied
	}

	return nil
}

// pending is one ask that waits for its answer.
type pending[R any] struct {
	// answered is closed when value and err are final.
	answered chan struct{}
	// ticket is the one the ask is sent under; a forwarded ask has another.
	ticket mailbox.Ticket

	mu    sync.Mutex
	done  bool
	value R
	err   error
	// held is the ticket the ask depends on now, in the queue of holder.
	held   *mailbox.Ticket
	holder holder
}

// holder is the mailbox of the actor that has the duty to answer.
type holder interface {
	Forget(t *mailbox.Ticket) bool
}

func (p *pending[R]) resolve(value R, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.done {
		return false
	}

	p.done, p.value, p.err = true, value, err
	close(p.answered)

	return true
}

// Lost implements [mailbox.Loser]: the message, or the actor that should have answered, is gone.
func (p *pending[R]) Lost(cause error) {
	var zero R

	p.resolve(zero, cause)
}

// hold makes t the ticket the ask depends on, instead of the one before.
func (p *pending[R]) hold(t *mailbox.Ticket, h holder) {
	p.mu.Lock()

	drop, from := p.held, p.holder
	if p.done {
		drop, from = t, h // answered meanwhile: there is nothing to depend on
	} else {
		p.held, p.holder = t, h
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
