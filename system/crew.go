package system

import (
	"context"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

const (
	// sideBySide is how many hooks each get a goroutine at once. It is those that wait for something, a disk or a server,
	// that gain by it.
	sideBySide = 64
	// lookAgain is when the crew is looked at again while more are waiting.
	lookAgain = time.Millisecond
	// quick is how many hooks a hand calls until then if they take next to no time. Another hand would then only wait for
	// the first to report.
	quick = 64
)

// hookCall is a hook that is to be called, of an actor that was stopped in its sleep.
type hookCall struct {
	of      node.Sleeper
	command mailbox.Command
	id      int // of the actor
}

// crew are the goroutines that call the hooks of actors that were stopped in their sleep: most actors of a large tree,
// which would cost a goroutine for each of their hooks. Each goes on from one hook to the next. There are as many as
// hooks are waiting, so that they run side by side; but for many only one, and more once the hooks turn out to take
// their time. A hand that finds nothing waiting ends; so once the system has ended, only those are left that call hooks
// of actors that were abandoned.
//
// Guarded by conductor.mu.
type crew struct {
	waiting []hookCall // in order; those before next have been taken
	next    int
	more    bool               // have come since staff was last called
	hands   map[*hand]struct{} // the goroutines; at most as many as hooks that were waiting
	coming  int                // of them, those that have still to take their first
	last    uint64             // number of a hand
	taken   int                // hooks since the crew was last looked at
	watch   *time.Timer        // looks again; nil until that is first needed
	watched bool               // watch is set
}

// hand is a goroutine of the crew.
type hand struct {
	number uint64 // stands in its labels for an incarnation
	call   hookCall
}

// callHook has the hook of an actor called that was stopped in its sleep. It reports whether the actor was. Called with
// mu held.
func (c *conductor) callHook(e *lifecycle.Order) bool {
	n := c.nodes[lifecycle.Slot(e.ID)]

	of := n.Hook(e.Command, e.Deadline)
	if of == nil {
		return false
	}

	w := &c.crew
	if len(w.waiting) == cap(w.waiting) { // append would grow it by less: there may be as many as actors
		w.waiting = slices.Grow(w.waiting, len(w.waiting)+1)
	}

	w.waiting, w.more = append(w.waiting, hookCall{of, e.Command, e.ID}), true

	return true
}

// staff sees to it that there are hands for the hooks that are waiting. What is left of many is left to their hands.
// Called with mu held.
func (c *conductor) staff() {
	w := &c.crew

	more, free := w.more, len(w.waiting)-w.next-w.coming
	w.more = false

	if !more || free <= 0 {
		return
	}

	if free > sideBySide {
		c.watchCrew()

		free = 1 - len(w.hands)
	}

	c.hire(free)
}

// hire adds hands. Called with mu held.
func (c *conductor) hire(count int) {
	for range count {
		c.crew.last++
		h := &hand{number: c.crew.last}

		if c.crew.hands == nil {
			c.crew.hands = make(map[*hand]struct{})
		}

		c.crew.hands[h] = struct{}{}
		c.crew.coming++

		go c.callHooks(h, nil)
	}
}

// watchCrew sees to it that the crew is looked at again. Called with mu held.
func (c *conductor) watchCrew() {
	w := &c.crew

	switch {
	case w.watched:
		return
	case w.watch == nil:
		w.watch = time.AfterFunc(lookAgain, c.reinforce)
	default:
		w.watch.Reset(lookAgain)
	}

	w.watched, w.taken = true, 0
}

// reinforce doubles the crew if hooks are waiting and those that were called take their time: the others need not wait
// for them.
func (c *conductor) reinforce() {
	c.mu.Lock()
	defer c.mu.Unlock()

	w := &c.crew
	w.watched = false

	free := len(w.waiting) - w.next - w.coming
	if free <= 0 {
		return
	}

	if all := len(w.hands); w.taken < quick*all {
		c.hire(min(all, free))
	}

	c.watchCrew()
}

// take gives a hand its next hook. It reports whether there is one; otherwise the hand is not needed any more. Called
// with mu held.
func (w *crew) take(h *hand) bool {
	if w.next == len(w.waiting) {
		delete(w.hands, h)

		h.call = hookCall{}

		return false
	}

	h.call = w.waiting[w.next]
	w.waiting[w.next] = hookCall{}
	w.taken++

	w.next++
	if w.next == len(w.waiting) {
		w.waiting, w.next = w.waiting[:0], 0
	}

	return true
}

// callHooks is a hand's goroutine: it calls one hook after the other, and reports the one before when it takes the
// next. Said is what the first report is, of a hook that ended the goroutine before; nil if there was none.
func (c *conductor) callHooks(h *hand, said *node.Report) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(
		node.LabelActor, c.crewPath(), node.LabelSince, strconv.FormatUint(h.number, 10))))

	over := false

	defer func() {
		if over {
			return
		}

		// runtime.Goexit takes this goroutine; another one goes on.
		r := h.call.of.Over(h.call.command, actors.ErrExited)

		go c.callHooks(h, &r)
	}()

	var r node.Report

	for c.nextHook(h, said) {
		r = h.call.of.Call(h.call.command)
		said = &r
	}

	over = true
}

// nextHook reports what has come of a hand's last hook, if it had one, and gives it the next. It reports whether there
// is one.
func (c *conductor) nextHook(h *hand, said *node.Report) bool {
	now := c.enter()

	if said == nil {
		c.crew.coming--
	} else {
		c.heard(now, *said)
	}

	more := c.crew.take(h)

	c.leave(now)

	return more
}

// labelsOf returns the labels of the goroutine in which an incarnation hangs that was abandoned. Called with mu held.
func (c *conductor) labelsOf(e lifecycle.Abandon, since uint64) stackKey {
	for h := range c.crew.hands {
		if h.call.id == e.ID && h.call.of != nil {
			return stackKey{c.crewPath(), h.number}
		}
	}

	return stackKey{c.nodes[lifecycle.Slot(e.ID)].Path(), since}
}

// crewPath is what the labels of the crew's goroutines call them. It is the path of the root, which no actor has.
func (c *conductor) crewPath() string { return c.system.plan.Nodes[0].Path }
