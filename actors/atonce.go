package actors

import (
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// AtOnce implements [node.Controlled]. An actor that sleeps, because it has never had a message, is stopped without a
// turn, as long as it has no hook for that: nobody is there to do it, and there is nothing to do. If somebody comes
// meanwhile, who asks for its health, the one who gets it out of its sleep is the one who goes on.
func (c *cell[M]) AtOnce(command mailbox.Command) (done bool, hooks mailbox.Command) {
	inc := c.current.Load()

	switch {
	case c.place.Holder != nil: // which may have something
		return false, 0
	case command == node.Finish:
		return c.finishAtOnce(), 0
	case inc == nil:
		return false, 0
	}

	switch command {
	case node.Drain:
		if !c.box.SealSpared() || !inc.drainAsleep() {
			return false, 0
		}

		return true, hooksOf(inc.actor)
	case node.Flush:
		a := inc.sleeping(quiet)

		return a != nil && hooksOf(a)&node.Flush == 0, 0
	case node.Close:
		a := inc.sleeping(quiet)

		return a != nil && hooksOf(a)&node.Close == 0 && inc.asleep.CompareAndSwap(uint32(quiet), uint32(absent)), 0
	default:
		return false, 0
	}
}

// hooksOf returns the commands among Flush and Close for which an instance has a hook.
func hooksOf[M any](a Actor[M]) (hooks mailbox.Command) {
	if _, ok := a.(Flusher); ok {
		hooks |= node.Flush
	}

	if _, ok := a.(Closer); ok {
		hooks |= node.Close
	}

	return hooks
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
	was := phase(i.asleep.Load())
	if was != live && was != born {
		return false
	}

	if _, drains := i.actor.(Drainer); drains {
		return false
	}

	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if i.owned.helpers != nil || i.noticed() != nil || !i.asleep.CompareAndSwap(uint32(was), uint32(quiet)) {
		return false
	}

	i.owned.closed = true
	i.course.Or(workOver)

	if m := i.seldom.Load(); m != nil && m.ended == nil {
		m.ended = errEnded

		if m.work != nil {
			m.work.cancel(errEnded)
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
