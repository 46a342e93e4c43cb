package actors

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// ErrNotInHand is what [Context.Stash] answers where there is no message in hand.
var ErrNotInHand = mailbox.ErrNotInHand

// Stash puts the message in hand aside, behind those that are there already, until [Context.Unstash] brings it back. It
// is called in Receive, which then returns nil. It does not block.
//
// The error is a [*mailbox.StashFullError] if the stash has no room (see supervision.Spec.Stash), and then the message
// is in hand as before; [ErrNotInHand], wrapped with the actor's path, if there is none: outside Receive, a second time
// for one message, or on a goroutine that is not in this actor's Receive but, say, in that of another actor which was
// given this context; [ErrNotRunning] if the incarnation is ending or has ended;
// [ErrAbandoned] if it was abandoned. With an error nothing has changed.
//
// The stash is the actor's and not the incarnation's: like the queue it survives a restart, and the new incarnation
// brings back what it wants, in its Start hook at the earliest. A message in it is counted as stashed. An asker goes on
// waiting, and learns at once if the message becomes a dead letter. If Receive fails after all, that is a failure of
// the actor like any other, but not of this message, which stays in the stash.
//
// At a stop, what is in the stash once the queue has been worked off is brought back and handled. What is put aside
// again after that, and not brought back, becomes dead letters: with reason stopped when the actor ends, or with reason
// deadline if the time of the drain is over first.
//
// Akka's stash is the model, with a bound by default; protoactor's is last-in-first-out and has none.
func (c *Context[M]) Stash() error {
	if c.ofNobody() {
		return ErrNotRunning
	}

	mine := c.cell.onOwn()

	l, release, err := c.running()
	if err == nil {
		defer release()

		err = ErrNotInHand
		if mine {
			err = l.Stash(c.cell.place.Limits.Stash)
		}
	}

	var full *mailbox.StashFullError
	if err == nil || errors.As(err, &full) {
		return err
	}

	return fmt.Errorf("%s: stash: %w", c.cell.place.Path, err)
}

// number is what the actor's turns have on their stack. There may be two of the same in two systems.
func (c *cell[M]) number() uint64 {
	const slot = 1<<(bits.UintSize/2) - 1 // the rest of an id says how many children of groups had the slot before

	return uint64(c.place.ID & slot)
}

// onOwn reports whether it is called on the goroutine of the actor's turn, and by no other actor whose turn that
// goroutine runs too. It costs as much as [waits.Graph.Depth].
func (c *cell[M]) onOwn() bool { return waits.Is(c.number()) }

// Unstash brings back everything in the stash, in the order in which it was put aside, to be handled after the message
// in hand and before what waits in the data lane. It returns how many messages those are. Until they are handled they
// take up room in the stash.
//
// It can be called in Receive, in Start and on goroutines of the actor, and does not block. It does nothing and returns
// 0 if the incarnation is ending, has ended or was abandoned.
func (c *Context[M]) Unstash() int {
	l, release, err := c.running()
	if err != nil {
		return 0
	}

	defer release()

	return l.Unstash()
}

// Attempt returns which delivery of the message in hand this is: 1, or more if the actor has failed on it before and it
// is delivered again, as supervision.Spec.Redeliver allows. Putting it aside changes nothing. It returns 0 if there is
// no message in hand, as outside Receive and after [Context.Stash], and once the incarnation is ending.
func (c *Context[M]) Attempt() int {
	l, release, err := c.running()
	if err != nil {
		return 0
	}

	defer release()

	return l.Attempt()
}

// running returns the lease, for a call that must come before the end of the incarnation or not at all: it does not end
// before release is called. No user code may run until then. The lock of the goroutines, which is held, comes before
// that of the mailbox.
func (c *Context[M]) running() (l *mailbox.Lease[M], release func(), err error) {
	if c.ofNobody() {
		return nil, nil, ErrNotRunning
	}

	i := c.inc()
	i.owned.mu.Lock()

	err = i.gate.Err()
	if err == nil && i.isOver() {
		err = ErrNotRunning
	}

	l = i.lease.Load()
	if err == nil && l == nil {
		err = ErrNotInHand
	}

	if err != nil {
		i.owned.mu.Unlock()

		return nil, nil, err
	}

	return l, i.owned.mu.Unlock, nil
}
