package actors

import (
	"errors"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// received deals with an error of Receive. One that only says that the context has ended is no failure: the message was
// not handled in time, and what the context was ended for, say the cut of a drain, is among the commands to come.
func (r *runner[M]) received(m M, err error) {
	if !r.inc.saysEnded(err) {
		r.fail(err)

		return
	}

	at := r.lease.Delivery()
	if r.lease.DeadLetter(mailbox.Deadline, &mailbox.SendError{Target: r.cell.place.Path, Err: err}) {
		r.lost = true
		r.cell.undelivered(m, mailbox.Deadline, err, at)
	}
}

// fail deals with a failure of the incarnation, with the message in hand if there is one.
func (r *runner[M]) fail(cause error) {
	inc := r.inc

	directive := r.cell.decide(cause)
	answer := r.answer(cause)
	bare := !r.settleFailed(answer, directive)

	if h := r.cell.place.Holder; h != nil && h.Tells() {
		bare = false
	}

	if r.lease.Revoked() {
		return
	}

	if directive == node.Resume {
		r.report(inc, node.Resumed, cause)

		return
	}

	inc.decision = directive

	if inc.dieAtOnce(cause) { // the one report that it has ended will do
		r.phase = absent
		r.gone(answer)
	} else {
		inc.owned.close()

		if inc.endsSlowly() {
			r.say(inc, node.Report{Event: node.Failing, Err: cause, Directive: directive, Bare: bare})
		}

		if closing := r.end(cause, answer); closing != nil {
			cause = errors.Join(cause, closing)
		}

		inc.die(cause)
	}

	if r.lease.Revoked() {
		return
	}

	r.say(inc, node.Report{Event: node.Ended, Err: cause, Directive: directive, Bare: bare})
}

// answer is what an asker gets that is not answered because of err.
func (r *runner[M]) answer(err error) *mailbox.SendError {
	return &mailbox.SendError{Target: r.cell.place.Path, Err: err}
}

// settleFailed deals with the message in hand of a failure, if there is one that was not put aside: it is delivered
// again to the next incarnation, as often as it may be, or is a dead letter. It reports whether there is one.
func (r *runner[M]) settleFailed(cause *mailbox.SendError, d node.Directive) bool {
	settle, reason := r.lease.Fail, mailbox.Failed

	if most := r.cell.place.Limits.Redeliver; most > 0 && d == node.Restart {
		switch again := r.lease.Delivery().Redelivered < most; {
		case !again:
			settle, reason = r.lease.Quarantine, mailbox.Quarantined
		case r.lease.Redeliver():
			return true
		}
	}

	m, at, had := settle(cause)
	if had {
		r.cell.undelivered(m, reason, cause.Err, at)
	}

	return had
}

// decide asks the supervisor's function what to do about a failure. If that panics, the actor is restarted.
func (c *cell[M]) decide(cause error) (d node.Directive) {
	if c.place.Decide == nil {
		return node.Restart
	}

	err := call(func() error {
		d = c.place.Decide(cause)

		return nil
	})
	if err != nil || d == 0 {
		return node.Restart
	}

	return d
}

// end ends the incarnation: its context ends with cause, its goroutines are waited for, its instance is closed, asks it
// has not answered are told answer, which names the actor. It returns what went wrong meanwhile.
func (r *runner[M]) end(cause error, answer *mailbox.SendError) error {
	r.wind(cause)

	return r.ended(r.inc.close(), answer)
}

// wind is what comes before the Close hook at the end of an incarnation.
func (r *runner[M]) wind(cause error) {
	inc := r.inc
	r.phase = absent

	inc.owned.close()
	inc.endWork(cause)
	inc.owned.wait()

	if n := inc.noticed(); n != nil {
		n.leaveStrangers()
	}
}

// ended is what comes behind it. It returns what went wrong meanwhile: what closing did, and a goroutine whose failure
// nobody has come to deal with.
func (r *runner[M]) ended(closing error, answer *mailbox.SendError) error {
	inc := r.inc

	_, err := inc.owned.take()
	err = errors.Join(err, closing)

	r.gone(answer)

	return err
}

// gone is what is left to do of an incarnation that has ended, unless it was abandoned.
func (r *runner[M]) gone(answer *mailbox.SendError) {
	if r.lease.Revoked() {
		return
	}

	r.lease.Orphan(answer)
	r.inc.fall() // before it is reported, and others are halted for it
	r.inc = nil
}
