package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// timed calls the function under the stage's timeout.
func (w *worker[In, Out]) timed(it *item[In]) error {
	return w.within(func(ctx context.Context) error { return w.job.one(ctx, it, &w.res) })
}

func (w *worker[In, Out]) within(f func(ctx context.Context) error) error {
	timeout := w.stage.v.stage.Timeout
	if timeout == 0 {
		return f(w.ctx)
	}

	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)

	w.mu.Lock()
	w.cancel, w.late, w.due = cancel, false, time.Now().Add(timeout)

	if w.timer == nil {
		w.timer = time.AfterFunc(timeout, w.overdue)
	} else {
		w.timer.Reset(timeout)
	}
	w.mu.Unlock()

	err := f(ctx)

	w.mu.Lock()
	defer w.mu.Unlock()

	w.timer.Stop()
	w.cancel = nil

	if w.late && err != nil {
		err = &TimeoutError{Stage: w.stage.path, After: timeout}
	}

	return err
}

// overdue is called when the time of an item is over, and again a tenth later.
func (w *worker[In, Out]) overdue() {
	if timeout := w.stage.v.stage.Timeout; w.stuck(timeout) {
		w.stage.abandon(w, timeout)
	}
}

// stuck ends the context of a call whose time is over, and fences the worker if it still does not return.
func (w *worker[In, Out]) stuck(timeout time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()

	switch now := time.Now(); {
	case w.cancel == nil, now.Before(w.due): // it is back, or even at the next item
		return false
	case !w.late:
		grace := max(1, timeout/10)
		w.late, w.due = true, now.Add(grace)
		w.cancel(ErrTimeout)
		w.timer.Reset(grace)

		return false
	default:
		return w.state.CompareAndSwap(inside, fenced)
	}
}

// inHand returns how many items of the hand are lost with a function that does not return.
func (w *worker[In, Out]) inHand() int {
	if n := int(w.calling.Load()); n > 0 {
		return n
	}

	return len(w.hand.chunk) - w.hand.at // it is not known how far it has come
}

// fence takes what they have in hand from workers that do not return. What they are at is dead letters, and for its
// source that, or given back with an error.
func (s *stage[In, Out]) fence(reason mailbox.Reason, cause, ack error) (stuck bool) {
	s.mu.Lock()
	all := slices.Clone(s.workers)
	s.mu.Unlock()

	for _, w := range all {
		if !w.state.CompareAndSwap(inside, fenced) {
			continue // it is not in a function, and comes back of itself
		}

		stuck = true
		h := w.hand
		lost := h.chunk[h.at:min(len(h.chunk), h.at+w.inHand())]
		h.chunk, h.at = slices.Clone(h.chunk[h.at+len(lost):]), 0

		for i := range lost {
			s.lose(&lost[i], reason, cause, h.tries, ack)
		}

		w.judge(cause)
		s.mu.Lock()
		s.left++
		s.mu.Unlock()
		s.leave(w, h, false)
	}

	return stuck
}

// abandon goes on without a worker that is stuck, with another one.
func (s *stage[In, Out]) abandon(w *worker[In, Out], after time.Duration) {
	h := w.hand
	n := min(len(h.chunk), h.at+w.inHand())
	lost, chunk := h.chunk[h.at:n], slices.Clone(h.chunk[n:])
	h.outs = slices.Clone(h.outs)
	h.failed = slices.Clone(h.failed)
	err := &TimeoutError{Stage: s.path, After: after, Stuck: true}

	s.forget(w)
	w.judge(err)

	s.mu.Lock()
	s.left++
	tooMany := s.left > cmp.Or(s.v.stage.Abandoned, DefaultAbandoned)
	s.mu.Unlock()

	if tooMany || s.v.stage.Failed.kind == failPipeline {
		h.chunk = slices.Clone(h.chunk)

		cause := error(err)
		if tooMany {
			cause = errors.Join(ErrHanging, err)
		}

		s.fail(cause)
		s.leave(w, h, false)

		return
	}

	for i := range lost {
		s.reject(&h, &failure[In]{lost[i], err, h.tries + 1})
		s.leaveHole(h.outs)
	}

	h.chunk, h.at, h.tries = chunk, 0, 0

	s.mu.Lock()

	if s.halting.Load() { // the incarnation ends
		s.mu.Unlock()
		s.leave(w, h, false)

		return
	}

	defer s.mu.Unlock()

	if i := slices.Index(s.workers, w); i >= 0 {
		s.workers = slices.Delete(s.workers, i, i+1)
	}

	s.hire(h, true)
}

// cameBack notes that a worker has returned that somebody has gone on without.
func (s *stage[In, Out]) cameBack() {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.left--
}
