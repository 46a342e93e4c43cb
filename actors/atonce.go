package actors

import (
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// AtOnce implements [node.Controlled]. An actor that sleeps, because it has never had a message, is stopped without a
// turn, as long as it has no hook for that: nobody is there to do it, and there is nothing to do. If somebody comes
// meanwhile, who asks for its health, the one who gets it out of its sleep is the one who goes on.
func (c *cell[M]) AtOnce(command mailbox.Command) bool {
	inc := c.current.Load()

	switch {
	case c.place.Holder != nil: // which may have something
		return false
	case command == node.Finish:
		return c.finishAtOnce()
	case inc == nil:
		return false
	}

	switch command {
	case node.Drain:
		return c.box.SealSpared() && inc.drainAsleep()
	case node.Flush:
		a := inc.sleeping(quiet)
		_, flushes := a.(Flusher)

		return a != nil && !flushes
	case node.Close:
		a := inc.sleeping(quiet)
		_, closes := a.(Closer)

		return a != nil && !closes && inc.asleep.CompareAndSwap(uint32(quiet), uint32(absent))
	default:
		return false
	}
}

// sleeping returns the instance if it sleeps in that phase, else nil. Nobody writes what it is once it has slept.
func (i *incarnation[M]) sleeping(in phase) Actor[M] {
	if phase(i.asleep.Load()) != in {
		return nil
	}

	return i.actor
}

// drainAsleep ends work, as a drain does that finds an empty queue, if the incarnation sleeps and has nothing that
// could wake it, and no hook. Its mailbox must be sealed, and without a message.
func (i *incarnation[M]) drainAsleep() bool {
	a := i.sleeping(live)
	if _, drains := a.(Drainer); drains || a == nil {
		return false
	}

	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if i.owned.helpers != nil || i.noticed() != nil || !i.asleep.CompareAndSwap(uint32(live), uint32(quiet)) {
		return false
	}

	i.owned.closed = true
	i.over.Store(true)

	if m := i.seldom.Load(); m != nil && m.ended == nil {
		m.ended = errEnded

		if m.cancel != nil {
			m.cancel(errEnded)
		}
	}

	return true
}

// finishAtOnce ends the actor for good if nothing is left of it to be dealt with, and nobody is to be told.
func (c *cell[M]) finishAtOnce() bool {
	if !c.box.CloseEmpty() {
		return false
	}

	s := c.seldom.Load() // who joins the watchers makes it first and looks at the mailbox then
	if s == nil {
		return true
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	return len(s.watchers.all) == 0
}
