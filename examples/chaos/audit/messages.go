package audit

import (
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Stamp is what every message carries: who it is from, to whom, and which of that sender's it is.
type Stamp struct {
	ID     uint64
	From   string
	To     string // the actor, group or pool it was sent to
	Seq    uint64 // of the sender, rising
	Lane   mailbox.Lane
	Stream *Stream
}

// Stream is one sender: it sends one message after the other, so they have an order.
type Stream struct {
	name string
	seq  uint64 // guarded by Audit.mu
}

// verdict is what a sender was told.
type verdict uint8

const (
	pending verdict = iota
	accepted
	refused
	unsure // an ask whose error does not say whether its message was accepted; a pipe's result
)

// message is one that was offered and not settled.
type message struct {
	stamp     Stamp
	at        time.Time
	verdict   verdict
	delivered int  // deliveries that were not from the stash
	attempt   int  // of the last one
	stashed   bool // it came back from the stash once
	aside     bool // it is in the stash, as far as its receiver knows
	hung      bool // a hang was drawn for it
	done      bool // handled without an error
	letter    mailbox.Reason
}

// Figures are what happened to the messages of one account.
type Figures struct {
	Accepted, Processed, Own uint64
	// Unknown are messages that were refused with an error that might also be what became of an accepted one.
	Unknown uint64
	Refused uint64
	Letters mailbox.Counts // of accepted messages
}

// Stream returns the sender of a name. A sender sends one message at a time.
func (a *Audit) Stream(name string) *Stream {
	a.mu.Lock()
	defer a.mu.Unlock()

	s := a.streams[name]
	if s == nil {
		s = &Stream{name: name}
		a.streams[name] = s
	}

	return s
}

// Offer is told before a message is sent. A nil stream is a sender of one message.
func (a *Audit) Offer(s *Stream, to string, lane mailbox.Lane) Stamp {
	a.mu.Lock()
	defer a.mu.Unlock()

	m := &message{stamp: Stamp{ID: a.ids.Add(1), To: to, Lane: lane, Stream: s, From: "one message"}, at: time.Now()}
	if s != nil {
		s.seq++
		m.stamp.Seq, m.stamp.From = s.seq, s.name
	}

	a.open[m.stamp.ID] = m

	return m.stamp
}

// Accept is told when the sender was told that its message was accepted.
func (a *Audit) Accept(s Stamp) { a.judge(s, accepted) }

// Refuse is told when the sender was told that its message was not accepted.
func (a *Audit) Refuse(s Stamp) { a.judge(s, refused) }

// Wonder is told when the sender cannot know.
func (a *Audit) Wonder(s Stamp) { a.judge(s, unsure) }

func (a *Audit) judge(s Stamp, v verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()

	m := a.open[s.ID]
	if m == nil || m.verdict != pending {
		a.violatef("checker", "message %d from %s was judged twice", s.ID, s.From)

		return
	}

	m.verdict = v

	switch {
	case v == accepted:
		a.account(s.To).Accepted++
	case v == refused && (m.delivered > 0 || m.letter != 0 && !tooLate(m.letter)):
		a.violatef("M5", "message %d from %s to %s was refused and yet arrived (letter: %v)", s.ID, s.From, s.To, m.letter)
	case v == refused:
		a.account(s.To).Refused++
	}

	a.close(m)
}

// close forgets a message that both its sender and its receiver are done with. Called with mu held.
func (a *Audit) close(m *message) {
	settled := m.done || m.letter != 0
	if m.verdict == pending || m.verdict != refused && !settled {
		return
	}

	f := a.account(m.stamp.To)
	delete(a.open, m.stamp.ID)

	switch {
	case m.verdict == refused:
		if m.letter == 0 {
			a.late.put(m.stamp, wasRefused)
		}

		return
	case m.verdict == unsure && m.delivered == 0 && tooLate(m.letter):
		f.Unknown++

		return
	case m.verdict == unsure:
		f.Accepted++
	}

	if m.letter != 0 {
		f.Letters[m.letter]++

		return
	}

	f.Processed++

	if m.hung {
		a.late.put(m.stamp, wasHung)
	}
}

// tooLate reports whether a letter of this reason can be that of a message that was refused.
func tooLate(r mailbox.Reason) bool { return r == mailbox.Stopping || r == mailbox.Stopped }

// Done is told when a message was handled without an error and not put aside.
func (a *Audit) Done(s Stamp, hung bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	m := a.open[s.ID]

	switch {
	case m == nil || m.letter != 0:
		if !hung { // else it was abandoned before it returned
			a.violatef("M10", "message %d from %s to %s was handled after it was settled", s.ID, s.From, s.To)
		}
	case m.done:
		a.violatef("M10", "message %d from %s to %s was handled twice", s.ID, s.From, s.To)
	default:
		m.done, m.hung = true, m.hung || hung
		a.close(m)
	}
}

// Own is told when an actor was handed a message by itself: a tick, an idle timeout, a Terminated.
func (a *Audit) Own(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.account(path).Own++
}

// Settle is told of a dead letter. A zero stamp is a message of an actor to itself.
func (a *Audit) Settle(s Stamp, target string, reason mailbox.Reason) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.letters[reason]++

	if s.ID == 0 {
		a.account(target).Letters[reason]++

		return
	}

	m := a.open[s.ID]
	if m == nil {
		a.settleLate(s, reason)

		return
	}

	if m.letter != 0 || m.done && !(m.hung && reason == mailbox.Abandoned) {
		a.violatef("M10", "message %d from %s to %s was settled twice: done %v, letters %v and %v",
			s.ID, s.From, s.To, m.done, m.letter, reason)

		return
	}

	if m.verdict == refused && !tooLate(reason) {
		a.violatef("M5", "message %d from %s to %s was refused and became a letter: %v", s.ID, s.From, s.To, reason)
	}

	m.done, m.letter = false, reason
	a.forget(target, m)
	a.close(m)
}

// settleLate takes a letter of a message that was closed. Called with mu held.
func (a *Audit) settleLate(s Stamp, reason mailbox.Reason) {
	kind, ok := a.late.take(s.ID)

	switch {
	case ok && kind == wasRefused && tooLate(reason):
	case ok && kind == wasHung && reason == mailbox.Abandoned:
		f := a.account(s.To)
		f.Processed--
		f.Letters[reason]++
	default:
		a.violatef("M10", "message %d from %s to %s was settled and became a letter: %v", s.ID, s.From, s.To, reason)
	}
}

// Letters returns how many letters were told of.
func (a *Audit) Letters() (counts mailbox.Counts) {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.letters
}

// maxLate is how many closed messages are remembered because something may still be heard of them.
const maxLate = 1 << 15

type lateKind uint8

const (
	wasRefused lateKind = iota + 1
	wasHung
)

// late are messages of which something may still be heard: the newest.
type late struct {
	kinds map[uint64]lateKind
	ring  []uint64
	next  int
}

func newLate() late { return late{kinds: make(map[uint64]lateKind), ring: make([]uint64, maxLate)} }

func (l *late) put(s Stamp, k lateKind) {
	delete(l.kinds, l.ring[l.next])
	l.ring[l.next], l.kinds[s.ID] = s.ID, k
	l.next = (l.next + 1) % maxLate
}

func (l *late) take(id uint64) (lateKind, bool) {
	k, ok := l.kinds[id]
	delete(l.kinds, id)

	return k, ok
}
