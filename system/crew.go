package system

import (
	"context"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync/atomic"
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
	// handful is how many hooks of more than that a hand takes at a time at most, and reports together: so many that it
	// does not often wait for another one that reports.
	handful = 1024
	// handfuls is how many each hand is to come for, so that all have done about the same in the end.
	handfuls = 4
	// atATime is how many reports the state machine hears in one step, so that it decides on few things at a time.
	atATime = 64
	// lookAgain is when the crew is looked at again while there are handfuls.
	lookAgain = time.Millisecond
	// quick is how many hooks a hand calls until then if they take next to no time. More hands would then only wait for
	// each other to report.
	quick = 64
)

// crew are the goroutines that call the hooks of actors that were drained in their sleep: most actors of a large tree,
// which would cost a goroutine for each of their hooks. Each goes on from one hook to the next. There are as many as
// hooks are waiting, so that they run side by side; but for many only one for each core, which take a handful at a
// time, and more once the hooks turn out to take their time. What is left of the handfuls then goes back to those that
// wait, and what has come of the rest is heard. A hand that finds nothing waiting ends; so once the system has ended,
// only those are left that call hooks of actors that were abandoned.
//
// Guarded by conductor.mu.
type crew struct {
	waiting []call            // in order; those before next have been taken
	next    int               // of waiting
	swept   []lifecycle.Sweep // wait too, behind them; of each what has not been taken, which is never nothing
	more    bool              // have come since staff was last called

	hands   map[*hand]struct{} // the goroutines; at most as many as hooks that were waiting
	coming  int                // of them, those that have still to take their first
	last    uint64             // number of a hand
	called  int                // hooks that were heard of since the crew was last looked at
	slow    bool               // they took their time: who takes more than one at a time keeps others waiting
	watch   *time.Timer        // looks again; nil until that is first needed
	watched bool               // watch is set
}

// call is a hook that is to be called, or a factory.
type call struct {
	id       int // of the actor
	command  mailbox.Command
	deadline time.Time
}

// hand is a goroutine of the crew. It takes its calls with conductor.mu held, and works through them without: it begins
// the next one with next, and tells how far it is with done. Whoever has mu can take back those it has not begun, by
// setting next behind the last, and read what came of those that are done.
type hand struct {
	number uint64 // stands in its labels for an incarnation
	calls  []call
	nodes  []node.Node // of the calls
	next   atomic.Int32
	done   atomic.Int32
	what   []node.Report // came of those that are done; the zero Event where somebody has woken the actor
	heard  int           // of what, those that have been; guarded by conductor.mu
	stalls bool          // none has come to its end since the crew was last looked at; guarded by conductor.mu
}

// waits returns how many hooks nobody has taken. Called with mu held.
func (w *crew) waits() int {
	n := len(w.waiting) - w.next
	for i := range w.swept {
		n += len(w.swept[i].IDs)
	}

	return n
}

// add has a hook called. Called with mu held.
func (w *crew) add(h call) { w.waiting, w.more = append(w.waiting, h), true }

// addAll has the hooks of a sweep called. Called with mu held.
func (w *crew) addAll(s *lifecycle.Sweep) { w.swept, w.more = append(w.swept, *s), true }

// staff sees to it that there are hands for the hooks that are waiting. What is left of many is left to their hands.
// Called with mu held.
func (c *conductor) staff() {
	w := &c.crew

	more, free := w.more, w.waits()-w.coming
	w.more = false

	if !more || free <= 0 {
		return
	}

	if free > sideBySide {
		c.watchCrew()

		free = runtime.GOMAXPROCS(0) - len(w.hands)
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

		go c.callHooks(h, false)
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

	w.watched, w.called = true, 0
}

// reinforce doubles the crew if hooks are waiting and those that were called take their time: the others need not wait
// for them. If it is only a hand whose hook does, another one comes for it.
func (c *conductor) reinforce() {
	now := c.enter()
	w := &c.crew
	w.watched = false

	c.hearCrew(now)

	all, more := len(w.hands), 0

	w.slow = w.called < quick*all
	if w.slow {
		more = all
	}

	for h := range w.hands {
		if (w.slow || h.stalls) && w.takeBack(h) && !w.slow {
			more++
		}

		h.stalls = true
	}

	c.hire(min(more, max(w.waits()-w.coming, 0)))

	if w.waits() > 0 || w.busy() {
		c.watchCrew()
	}

	c.leave(now)
}

// busy reports whether a hand has more to do than what it has begun. Called with mu held.
func (w *crew) busy() bool {
	for h := range w.hands {
		if int(h.next.Load()) < len(h.calls) {
			return true
		}
	}

	return false
}

// takeBack lets others call what a hand has not begun. It reports whether there is something. Called with mu held.
func (w *crew) takeBack(h *hand) bool {
	from := int(h.next.Swap(int32(len(h.calls)))) //nolint:gosec // a handful
	if from >= len(h.calls) {
		return false
	}

	w.waiting = slices.Insert(w.waiting, w.next, h.calls[from:]...)

	return true
}

// take gives a hand what it is to call next. It reports whether there is something; otherwise the hand is not needed
// any more. Called with mu held.
func (c *conductor) take(h *hand) bool {
	w := &c.crew
	h.calls, h.heard, h.stalls = h.calls[:0], 0, false

	clear(h.nodes)
	h.nodes = h.nodes[:0]

	free, count := w.waits(), 1

	switch {
	case free == 0:
		delete(w.hands, h)

		return false
	case free > sideBySide && !w.slow:
		count = max(1, min(handful, free/(handfuls*len(w.hands))))
	}

	if count > 1 {
		c.watchCrew() // also if so few are left that each of them gets a hand
	}

	for range count {
		call := w.takeOne()
		h.calls, h.nodes = append(h.calls, call), append(h.nodes, c.nodes[lifecycle.Slot(call.id)])
	}

	h.what = slices.Grow(h.what[:0], count)[:count]

	h.done.Store(0)
	h.next.Store(0)

	return true
}

// takeOne takes the hook that has waited longest. Called with mu held, when there is one.
func (w *crew) takeOne() (h call) {
	if len(w.waiting) == 0 {
		s := &w.swept[0]
		h = call{s.IDs[0], s.Command, s.Deadline}

		s.IDs = s.IDs[1:]
		if len(s.IDs) == 0 {
			w.swept = slices.Delete(w.swept, 0, 1)
		}

		return h
	}

	h = w.waiting[w.next]

	w.next++
	if w.next == len(w.waiting) {
		w.waiting, w.next = w.waiting[:0], 0
	}

	return h
}

// callHooks is a hand's goroutine: it works through one handful after the other. Begun says that it has one.
func (c *conductor) callHooks(h *hand, begun bool) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(
		node.LabelActor, c.crewPath(), node.LabelSince, strconv.FormatUint(h.number, 10))))

	over := false

	defer func() {
		if over {
			return
		}

		// runtime.Goexit takes this goroutine; another one goes on.
		i := h.done.Load()
		h.came(int(i), h.nodes[i].Over(h.calls[i].command, actors.ErrExited))

		go c.callHooks(h, true)
	}()

	for begun || c.nextHandful(h) {
		h.work()

		begun = false
	}

	over = true
}

// work calls the hooks of the handful, as far as nobody takes them back.
func (h *hand) work() {
	for {
		i := int(h.next.Add(1)) - 1
		if i >= len(h.calls) {
			return
		}

		call := &h.calls[i]

		r, called := h.nodes[i].Call(call.command, call.deadline)
		if !called {
			r = notCalled(call)
		}

		h.came(i, r)
	}
}

// notCalled is what a hand notes where somebody is there who goes on. Of a start that says all itself, perhaps before
// this is heard, and the actor may be in its stop by then, whose hooks are not to be ordered anew: it is of no
// incarnation.
func notCalled(c *call) node.Report {
	r := node.Report{ID: c.id}
	if c.command == node.Start {
		r.Event = node.Started
	}

	return r
}

// came notes what has come of a call. They come in their order.
func (h *hand) came(i int, r node.Report) {
	h.what[i] = r
	h.done.Store(int32(i) + 1) //nolint:gosec // a handful
}

// nextHandful reports what has come of a hand's last handful, if it had one, and gives it the next. It reports whether
// there is one.
func (c *conductor) nextHandful(h *hand) bool {
	now := c.enter()

	if h.calls == nil {
		c.crew.coming--
	}

	c.hearHand(now, h)
	more := c.take(h)
	c.leave(now)

	return more
}

// hearCrew deals with what has come of all hooks that are over. Called with mu held.
func (c *conductor) hearCrew(now time.Time) {
	for h := range c.crew.hands {
		c.hearHand(now, h)
	}
}

// hearHand deals with what has come of a hand's hooks that are over. Called with mu held.
func (c *conductor) hearHand(now time.Time, h *hand) {
	done := int(h.done.Load())
	news := h.what[h.heard:done]
	h.heard = done
	c.crew.called += len(news)
	h.stalls = h.stalls && len(news) == 0

	for len(news) > 0 {
		plain := min(len(news), atATime)
		if i := slices.IndexFunc(news[:plain], c.peculiar); i >= 0 {
			plain = i
		}

		c.reports.All = news[:plain]
		c.run(now, &c.reports)
		c.reports.All = nil
		c.goOn(now)

		if news = news[plain:]; plain < atATime && len(news) > 0 {
			c.hearPeculiar(now, news[0])

			news = news[1:]
		}
	}

	clear(h.what[:done]) // the errors are others' now
}

// peculiar reports whether what a hand has to say is more than how a hook went. Called with mu held.
func (c *conductor) peculiar(r node.Report) bool {
	plain := r.Event == node.Started || r.Event == node.Flushed || r.Event == node.Closed

	return !plain || c.left(r)
}

// left reports whether a report is of an incarnation that was abandoned. Called with mu held.
func (c *conductor) left(r node.Report) bool {
	_, left := c.stuck[place{r.ID, r.Incarnation}]

	return left
}

// hearPeculiar deals with that. Called with mu held.
func (c *conductor) hearPeculiar(now time.Time, r node.Report) {
	switch {
	case r.Event == 0: // somebody has woken the actor
		c.run(now, lifecycle.Woken{ID: r.ID})
		c.goOn(now)
	case r.Event != node.Returned: // it was abandoned behind its hook: Close is left to be called
		c.crew.add(call{id: r.ID, command: node.Close})
	default:
		c.heard(now, r)
	}
}

// labelsOf returns the labels of the goroutine in which an incarnation hangs that was abandoned. Called with mu held.
func (c *conductor) labelsOf(e lifecycle.Abandon, since uint64) stackKey {
	for h := range c.crew.hands {
		if i := int(h.done.Load()); i < len(h.calls) && i < int(h.next.Load()) && h.calls[i].id == e.ID {
			return stackKey{c.crewPath(), h.number}
		}
	}

	return stackKey{c.nodes[lifecycle.Slot(e.ID)].Path(), since}
}

// crewPath is what the labels of the crew's goroutines call them. It is the path of the root, which no actor has.
func (c *conductor) crewPath() string { return c.system.plan.Nodes[0].Path }
