package pipeline

import (
	"cmp"
	"slices"

	"github.com/troupe-go/troupe/mailbox"
)

// leave is what a worker does last, or who has fenced it: what is left of its hand is for another one.
func (s *stage[In, Out]) leave(w *worker[In, Out], h hand[In, Out], ended bool) {
	s.forget(w)
	s.mu.Lock()

	i := slices.Index(s.workers, w)
	if i < 0 {
		s.mu.Unlock()

		return
	}

	s.workers = slices.Delete(s.workers, i, i+1)

	dropped, reason, cause := s.dropping, s.reason, s.dropCause

	switch left := !h.empty() || w.hasTurn; {
	case !left:
	case s.halting.Load(), s.ctx.Err() != nil:
		s.orphans = append(s.orphans, h)
		slices.SortStableFunc(s.orphans, func(a, b hand[In, Out]) int { return cmp.Compare(a.ticket, b.ticket) })
	default: // the next incarnation is at work, and its workers may all be waiting for the turn of this hand
		s.hire(h, true)
	}

	if len(s.workers) == 0 && s.gone != nil {
		close(s.gone)
		s.gone = nil
	}

	finished := ended && len(s.workers) == 0 && len(s.orphans) == 0 && !s.isOver
	s.isOver = s.isOver || finished
	s.mu.Unlock()

	if finished {
		s.finish()
	}

	if dropped {
		s.Drop(reason, cause)
		s.run.flight.hasLeft()
	}
}

// forget wakes a worker no more that takes and puts nothing any more: what is meant for those who wait must not go to
// it.
func (s *stage[In, Out]) forget(w *worker[In, Out]) {
	s.in.forget(w.park)

	for _, q := range s.outs {
		q.forget(w.park)
	}

	if s.divert != nil {
		s.divert.forget(w.park)
	}
}

// orphan gives a worker a hand that somebody has left.
func (s *stage[In, Out]) orphan() (h hand[In, Out], ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if len(s.orphans) == 0 {
		return h, false
	}

	h = s.orphans[0]
	s.orphans = slices.Delete(s.orphans, 0, 1)

	return h, true
}

// lose makes a letter of an item that the stage will not handle. If ack is an error the item is given back to its
// source.
func (s *stage[In, Out]) lose(it *item[In], reason mailbox.Reason, cause error, tries int, ack error) {
	if !it.mark.hole() {
		s.counts.dead(reason)
		s.letter(it.value, reason, cause, mailbox.Delivery{Attempt: tries + 1})
	} else {
		s.counts.processed.Add(1)
	}

	s.run.flight.settle([]mark{it.mark}, ack)
}

// loseAll makes letters of items that were on their way to the stage.
func (s *stage[In, Out]) loseAll(items []item[In], reason mailbox.Reason, cause error) {
	for i := range items {
		s.lose(&items[i], reason, cause, 0, ErrStopped)
	}
}

// Owes implements node.Holder: what a worker, also one that has gone, has not sent on yet. Nothing may be left to be
// handled then.
func (s *stage[In, Out]) Owes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.ContainsFunc(s.orphans, func(h hand[In, Out]) bool { return !h.empty() }) ||
		slices.ContainsFunc(s.workers, func(w *worker[In, Out]) bool { return w.owing.Load() })
}

// Tells implements node.Holder: a stage fails with what a worker had in hand.
func (s *stage[In, Out]) Tells() bool { return true }

// Drop implements node.Holder.
func (s *stage[In, Out]) Drop(reason mailbox.Reason, cause error) bool {
	s.mu.Lock()

	if !s.dropping {
		s.run.flight.leave(len(s.workers))
	}

	s.dropping, s.reason, s.dropCause = true, reason, cause
	s.halting.Store(true)
	orphans := s.orphans
	s.orphans = nil

	for _, w := range s.workers {
		signal(w.park)
	}
	s.mu.Unlock()

	left := s.in.drop(reason, cause)
	lost := len(left) > 0

	s.loseAll(left, reason, cause)

	for _, h := range orphans {
		lost = lost || !h.empty()
		s.loseAll(h.chunk[h.at:], reason, cause)

		for i := range h.failed {
			s.divert.refuse(&h.failed[i], s.path, reason, cause)
		}

		for p, o := range h.outs {
			s.outs[p].refuse(o, reason, cause)
		}
	}

	if reason == mailbox.Stopped { // this is the end: nobody waits for who has not come back by now
		lost = s.fence(mailbox.Abandoned, cause, ErrStopped) || lost
	}

	return lost || s.holds()
}

// giveUp implements member.
func (s *stage[In, Out]) giveUp() {
	s.mu.Lock()
	dropping, cause := s.dropping, s.dropCause
	s.mu.Unlock()

	if dropping {
		s.fence(mailbox.Abandoned, cause, ErrStopped)
	}
}

// holds reports whether a worker has something in hand.
func (s *stage[In, Out]) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.ContainsFunc(s.workers, func(w *worker[In, Out]) bool { return w.holding.Load() > 0 || w.owing.Load() })
}
