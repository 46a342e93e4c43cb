package pipeline

import (
	"errors"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
)

// failed deals with an error. The item is tried again after the pause, unless that is goOn.
func (w *worker[In, Out]) failed(it *item[In], err error) (pause time.Duration) {
	s := w.stage

	if pause = w.again(err); pause != goOn {
		return pause
	}

	w.res.failed = append(w.res.failed, failure[In]{*it, err, w.tries})

	if s.v.stage.Failed.kind == failPipeline {
		return 0 // it stays in hand, and nothing behind it is begun
	}

	s.leaveHole(w.res.outs)

	return goOn
}

// again returns how long to wait before another try, or goOn if there is none.
func (w *worker[In, Out]) again(err error) (pause time.Duration) {
	if w.ctx.Err() != nil {
		return 0 // it is no fault of the item's, which stays in hand
	}

	s := w.stage
	w.tries++

	if s.v.stage.Retry.worth(err, w.tries) {
		s.counts.retried.Add(1)

		return max(1, s.v.stage.Retry.wait(&w.backoff))
	}

	return goOn
}

// reject makes a dead letter of an item that has failed, or leaves it in the hand if it is to be diverted, or both.
func (s *stage[In, Out]) reject(h *hand[In, Out], f *failure[In]) {
	timeout := isTimeout(f.err)
	if timeout {
		s.counts.timedOut.Add(1)
	}

	if s.divert != nil && !s.v.stage.Failed.letter {
		s.counts.failed.Add(1)
		h.failed = append(h.failed, *f)

		return
	}

	reason := mailbox.Failed
	if timeout {
		reason = mailbox.StageTimeout
		s.counts.dead(reason)
	} else {
		s.counts.failed.Add(1)
	}

	s.letter(f.item.value, reason, f.err, mailbox.Delivery{Attempt: max(1, f.tries)})

	if s.divert != nil {
		h.failed = append(h.failed, *f)

		return
	}

	s.run.flight.settle([]mark{f.item.mark}, nil)
}

// crashed deals with a panic, or the end of the goroutine, in the function: the item is handled again if it may be.
func (w *worker[In, Out]) crashed(v any) {
	s := w.stage
	if !w.state.CompareAndSwap(inside, outside) && w.state.Load() == fenced {
		s.cameBack() // somebody has gone on without it

		return
	}

	err := errEnded
	if v != nil {
		err = actors.NewPanicError(v)
	}

	w.judge(err)

	if w.publish() && w.i < len(w.hand.chunk) {
		w.condemn(err)
		w.publish()
	}

	s.crash(err)
	s.leave(w, w.hand, false)
}

var errEnded = errors.New("the worker ended its goroutine")

// condemn decides what becomes of the item that the stage has crashed on.
func (w *worker[In, Out]) condemn(err error) {
	s := w.stage

	w.hand.crashes++
	if w.hand.crashes <= s.v.stage.Redeliver {
		return
	}

	reason := mailbox.Failed
	if s.v.stage.Redeliver > 0 {
		reason = mailbox.Quarantined
	}

	n := 1
	if s.collect != nil {
		n = min(w.inHand(), len(w.hand.chunk)-w.i)
	}

	for _, it := range w.hand.chunk[w.i : w.i+n] {
		s.letter(it.value, reason, err, mailbox.Delivery{Attempt: w.hand.crashes})
		s.run.flight.settle([]mark{it.mark}, nil)

		if reason == mailbox.Failed {
			s.counts.failed.Add(1)
		} else {
			s.counts.dead(reason)
		}
	}

	s.leaveHole(w.res.outs)

	w.i += n
	s.counts.processed.Add(^uint64(n - 1)) // publish counts them as if they were
	w.begin()
}

// begin forgets the tries of the item before: the next has tries and waits of its own.
func (w *worker[In, Out]) begin() { w.tries, w.backoff = 0, nil }
