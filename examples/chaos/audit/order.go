package audit

import (
	"slices"

	"github.com/troupe-go/troupe/mailbox"
)

// receiver is what is known of the order in which messages came to one path.
type receiver struct {
	last  map[route]uint64        // the last message of each sender
	taken map[mailbox.Lane]uint64 // the last message of each lane that was not from the stash, by ID
	stash []uint64                // oldest first
	back  []uint64                // brought back and not delivered yet, in their order
}

type route struct {
	stream *Stream
	lane   mailbox.Lane
}

func (a *Audit) receiver(path string) *receiver {
	r := a.receivers[path]
	if r == nil {
		r = &receiver{last: make(map[route]uint64), taken: make(map[mailbox.Lane]uint64)}
		a.receivers[path] = r
	}

	return r
}

// Deliver is told when an actor was handed a message, and which delivery of it that is; 0 if its incarnation is ending,
// so that it cannot know. It reports whether the message came from the stash.
func (a *Audit) Deliver(path string, s Stamp, attempt int) (unstashed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	m := a.open[s.ID]
	if m == nil || m.letter != 0 || m.done || m.verdict == refused {
		a.violatef("M10", "message %d from %s came to %s although it was settled or refused", s.ID, s.From, path)

		return false
	}

	r := a.receiver(path)
	unstashed = m.aside

	switch {
	case attempt == 0 && unstashed:
		attempt = m.attempt
	case attempt == 0:
		attempt = m.attempt + 1
	}

	if unstashed {
		a.unstashed(path, r, m, attempt)
	} else {
		a.inTurn(path, r, m, attempt)
	}

	m.delivered++
	m.attempt = attempt
	m.stashed = m.stashed || unstashed

	if !m.stashed {
		r.taken[s.Lane] = s.ID // what an instance brings back when it starts comes before what is delivered again
	}

	return unstashed
}

// inTurn is a delivery that is not from the stash. Called with mu held.
func (a *Audit) inTurn(path string, r *receiver, m *message, attempt int) {
	s := &m.stamp
	last := r.last[route{s.Stream, s.Lane}]

	switch {
	case attempt != m.attempt+1:
		a.violatef("A8", "delivery %d of message %d from %s to %s says it is number %d",
			m.attempt+1, s.ID, s.From, path, attempt)
	case attempt > 1 && !m.stashed && r.taken[s.Lane] != s.ID:
		a.violatef("A8", "message %d came to %s before %d from %s, which is delivered again",
			r.taken[s.Lane], path, s.ID, s.From)
	case attempt > 1 || s.Stream == nil:
	case s.Seq <= last:
		a.violatef("M8", "%s got number %d from %s in the %v lane after number %d", path, s.Seq, s.From, s.Lane, last)
	default:
		r.last[route{s.Stream, s.Lane}] = s.Seq
	}
}

// unstashed is a delivery from the stash. Called with mu held.
func (a *Audit) unstashed(path string, r *receiver, m *message, attempt int) {
	if attempt != m.attempt {
		a.violatef("A6", "message %d from %s to %s was put aside at delivery %d and came back at %d",
			m.stamp.ID, m.stamp.From, path, m.attempt, attempt)
	}

	if len(r.back) == 0 { // an actor that stops gets them without asking, when its queue is empty
		r.back, r.stash = r.stash, nil
	}

	if r.back[0] != m.stamp.ID {
		a.violatef("A6", "%s got message %d from its stash before %d", path, m.stamp.ID, r.back[0])
	}

	a.forget(path, m)
}

// Aside is told when a message was put into the stash.
func (a *Audit) Aside(path string, s Stamp) {
	a.mu.Lock()
	defer a.mu.Unlock()

	if m := a.open[s.ID]; m != nil && !m.aside {
		m.aside = true
		r := a.receiver(path)
		r.stash = append(r.stash, s.ID)
	}
}

// Unstash is told when an actor has brought back what is in its stash: before what it had brought back earlier.
func (a *Audit) Unstash(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()

	r := a.receiver(path)
	r.back, r.stash = append(r.stash, r.back...), nil
}

// forget takes a message out of the stash. Called with mu held.
func (a *Audit) forget(path string, m *message) {
	if m.aside {
		m.aside = false
		r := a.receiver(path)
		it := func(id uint64) bool { return id == m.stamp.ID }
		r.stash, r.back = slices.DeleteFunc(r.stash, it), slices.DeleteFunc(r.back, it)
	}
}
