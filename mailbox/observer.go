package mailbox

import "context"

// ObserverKey is the key under which a context holds the [Observer] of the sends that wait under it.
type ObserverKey struct{}

// Observer is told of sends that wait for room. An actor's context holds one, which finds deadlocks; a send that finds
// room does not ask for it.
type Observer interface {
	// Blocks is called under the context of the send, on the sender's goroutine, without any lock, when it is about to
	// wait for room in the mailbox target. If it returns an error, the sender does not wait but gives up with that,
	// unless it was answered meanwhile. Over is called, if it is not nil, when the wait has ended, before the sender
	// goes on; until then the sender may be asked and answered, and not later.
	Blocks(ctx context.Context, target any, sender Blocked) (over func(), err error)
}

// Blocked is a sender that waits for room. Its methods are safe for concurrent use and take only the mailbox's lock.
type Blocked interface {
	// Waiting reports whether the sender has not been answered.
	Waiting() bool
	// End makes the sender give up with err, unless it was answered: its message is not accepted.
	End(err error)
}

// observe tells the observer of a context, if it holds one, of a sender that is about to wait. The results are those of
// Blocks.
func (b *Mailbox[M]) observe(ctx context.Context, l *lane[M], w *waiter[M]) (over func(), err error) {
	o, ok := ctx.Value(ObserverKey{}).(Observer)
	if !ok {
		return nil, nil //nolint:nilnil // nobody to tell when it is over
	}

	return o.Blocks(ctx, b, &blocked[M]{b, l, w})
}

// blocked implements [Blocked].
type blocked[M any] struct {
	box    *Mailbox[M]
	lane   *lane[M]
	waiter *waiter[M]
}

func (s *blocked[M]) Waiting() bool {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()

	return s.waiter.place.linked
}

func (s *blocked[M]) End(err error) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()

	if s.waiter.place.linked {
		s.box.leave(s.lane, s.waiter)
		s.waiter.answer(err)
	}
}

// Receptive reports whether a send to the data lane now would be accepted or wait, and so not be refused or dropped.
func (b *Mailbox[M]) Receptive() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	l := &b.data

	return b.gate == open && (l.overflow == Block || l.overflow == DropOldest || b.room(l))
}
