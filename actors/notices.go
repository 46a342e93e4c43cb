package actors

import (
	"slices"
	"sync"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// notices are what an incarnation gets from itself and not through the lanes of its mailbox: messages that are due,
// which are ticks, the idle message and Terminated, and a change of behaviour. So none of them is refused by a full
// mailbox, and each source has at most one waiting. The runner is told of them by [node.Notice], and hands them over
// between two messages. An incarnation has none of this until it first asks for something.
type notices[M any] struct {
	cell *cell[M]

	mu      sync.Mutex
	silent  bool                   // guarded by mu: nothing becomes due any more
	ended   bool                   // guarded by mu: nothing can be asked for any more
	due     []source[M]            // guarded by mu: first come, first served; each source at most once
	timers  map[*Timer[M]]struct{} // guarded by mu: those that can still fire or are due; at most MaxTimers
	watches map[target]*watch[M]   // guarded by mu: those that can still fire or are due; at most MaxWatches
	hand    source[M]              // guarded by mu: the last taken, until Receive has returned; else nil
	idle    *idle[M]               // guarded by mu: nil while there is no idle timeout
	receive Actor[M]               // guarded by mu: what handles messages from the next one on; nil for the instance
	// strangers are processes that have still to be told that they are not watched any more; at most MaxWatches. Guarded
	// by mu.
	strangers []stranger[M]

	// The rest is the runner's own.

	instance Actor[M] // the actor's, while another handles messages; else nil
	round    int      // due messages that have still their turn before a waiting one
	mark     uint64   // how many messages had been taken when the last round was over
}

// source is what has messages for its actor.
type source[M any] interface {
	// take is called with mu held, when the message has its turn. It reports whether there is still one.
	take() bool
	// message makes it. It calls user code, without mu held.
	message() M
}

// add puts a source into the due ones, if it is not among them. It reports whether the runner is to be told, which is
// for the caller to do without mu held. Called with mu held.
func (n *notices[M]) add(s source[M]) (tell bool) {
	if n.silent || slices.Contains(n.due, s) {
		return false
	}

	n.due = append(n.due, s)

	return true
}

// remove takes a source out of the due ones. It reports whether it was there. Called with mu held.
func (n *notices[M]) remove(s source[M]) bool {
	at := slices.Index(n.due, s)
	if at < 0 {
		return false
	}

	n.due = slices.Delete(n.due, at, at+1)

	return true
}

// tell tells the runner. Called without mu held.
func (n *notices[M]) tell() { n.cell.box.Signal(node.Notice) }

// next takes the next source whose message has its turn in this round, or nil if there is none. More says that others
// are due.
func (n *notices[M]) next() (s source[M], more bool) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for n.round > 0 && len(n.due) > 0 {
		first := n.due[0]
		n.due = slices.Delete(n.due, 0, 1)
		n.round--

		if first.take() {
			n.hand = first

			return first, len(n.due) > 0
		}
	}

	n.round = 0

	return nil, len(n.due) > 0
}

// handled says that Receive has returned.
func (n *notices[M]) handled() {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.hand = nil
}

// waiting reports whether anything is due.
func (n *notices[M]) waiting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()

	return len(n.due) > 0
}

// begin begins a round with what is due by now.
func (n *notices[M]) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.round = len(n.due)
}

// silence stops everything that could still become due, and drops what is.
func (n *notices[M]) silence() {
	n.mu.Lock()
	n.silent, n.due = true, nil

	for t := range n.timers {
		t.clock.Stop()
	}

	n.timers = nil
	n.setIdle(nil)

	watches := n.watches
	n.watches = nil

	for _, w := range watches {
		if s, is := w.to.(stranger[M]); is {
			n.strangers = append(n.strangers, s)
		}
	}

	n.mu.Unlock()

	for _, w := range watches {
		if !isStranger[M](w.to) {
			w.to.leave(w)
		}
	}
}

// end is silence for good.
func (n *notices[M]) end() {
	n.mu.Lock()
	n.ended = true
	n.mu.Unlock()
	n.silence()
}

// notices returns what the context's incarnation gets from itself.
func (c *Context[M]) notices() (*notices[M], error) {
	if c.ofNobody() {
		return nil, ErrNotRunning
	}

	i := c.inc()
	i.owned.mu.Lock()
	defer i.owned.mu.Unlock()

	if i.isOver() {
		return nil, ErrNotRunning
	}

	m := i.needs()

	n := m.notices.Load()
	if n == nil {
		n = &notices[M]{cell: c.cell, silent: m.silent}
		m.notices.Store(n)
	}

	return n, nil
}

// silence ends what the incarnation gets from itself, but for changes of behaviour: it works off its queue, or handles
// no more messages.
func (i *incarnation[M]) silence() {
	i.owned.mu.Lock()
	i.needs().silent = true
	n := i.noticed()
	i.owned.mu.Unlock()

	if n != nil {
		n.silence()
	}
}

// notice obeys [node.Notice]: it hands one message that is due to the actor. Those that are due together make a round,
// and after a round one message that waits in the lanes has its turn, so that neither starves the other. Everything
// else that was ordered together with it is obeyed already: Receive may not return.
func (r *runner[M]) notice() {
	if !r.receives() {
		return
	}

	n := r.inc.noticed()
	if n == nil {
		return
	}

	r.adopt(n)

	if !n.waiting() {
		return
	}

	if n.round == 0 {
		if n.mark == r.cell.box.Taken() && r.others(n) {
			return
		}

		n.begin()
	}

	s, more := n.next()
	if more {
		n.tell() // so that commands are looked at between two messages, and the lanes after a round
	}

	if s == nil {
		return
	}

	m := s.message()
	if !r.lease.Accept(m) {
		return
	}

	n.mark = r.cell.box.Taken()

	r.receive(m)
	n.handled()
}

// others lets one message of the lanes have its turn before what is due, if one waits. It reports whether what is due
// must wait, because of that or of a command.
func (r *runner[M]) others(n *notices[M]) bool {
	m, got := r.lease.Next(false)
	if got == mailbox.Nothing {
		return false
	}

	n.tell() // what is due comes next

	if got == mailbox.Message {
		r.receive(m)
	}

	return true
}

// receive hands the message in hand to the actor.
func (r *runner[M]) receive(m M) {
	if err := r.inc.actor.Receive(r.inc.asContext(), m); err != nil {
		r.received(m, err)
	}
}

// adopt makes the changes of how the actor receives that were asked for.
func (r *runner[M]) adopt(n *notices[M]) {
	n.mu.Lock()
	defer n.mu.Unlock()

	r.idling = n.idle != nil

	switch {
	case n.receive == nil && n.instance != nil:
		r.inc.actor, n.instance = n.instance, nil
	case n.receive != nil:
		if n.instance == nil {
			n.instance = r.inc.actor
		}

		r.inc.actor = n.receive
	}
}
