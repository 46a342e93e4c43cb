package pipeline

import "github.com/troupe-go/troupe/mailbox"

// send sends on what is finished, waiting for room. It reports false if the stage halts.
func (w *worker[In, Out]) send() bool {
	if w.nothingOut() {
		return true
	}

	if w.hasTurn && !w.awaitTurn() {
		return false
	}

	if w.stage.balance {
		return w.sendBalanced()
	}

	// A stage with several outputs gives all of them a handful before it takes the next, and no queue it leads to is
	// smaller than that, if every item goes to all. So what a zip behind still waits for is never what is held here.
	for p, q := range w.stage.outs {
		for len(w.hand.outs[p]) > 0 {
			if !w.put(p, q, len(w.hand.outs[p])) && !w.parked() {
				return false
			}
		}
	}

	return true
}

// divert sends on what has failed and is to be diverted, waiting for room. It reports false if the stage halts.
func (w *worker[In, Out]) divert() bool {
	s := w.stage

	for k := range w.hand.failed {
		for !s.divert.put(w.park, &w.hand.failed[k], s.path) {
			if !w.parked() {
				w.hand.failed = w.hand.failed[k:]

				return false
			}
		}
	}

	w.hand.failed = clearAll(w.hand.failed)

	return true
}

func (w *worker[In, Out]) nothingOut() bool {
	for _, o := range w.hand.outs {
		if len(o) > 0 {
			return false
		}
	}

	return true
}

// put puts up to n items of output p into a queue, and reports whether all of them went. If nothing is taken in there
// any more they are dead letters of the stage there, and go back to their source.
func (w *worker[In, Out]) put(p int, q *queue[Out], n int) bool {
	o := w.hand.outs[p]

	done := q.put(w.park, o[:n])
	if done < 0 {
		q.refuse(o[:n], mailbox.Stopped, ErrStopped)

		done = n
	}

	left := copy(o, o[done:])
	clear(o[left:])
	w.hand.outs[p] = o[:left]

	return done == n
}

// parked waits to be woken. It reports false if the stage halts.
func (w *worker[In, Out]) parked() bool {
	if w.stage.halting.Load() {
		return false
	}

	select {
	case <-w.park:
	case <-w.ctx.Done():
		return false
	}

	return !w.stage.halting.Load()
}

// sendBalanced sends each part of what is finished to the output with most room.
func (w *worker[In, Out]) sendBalanced() bool {
	for len(w.hand.outs[0]) > 0 {
		best, room := 0, 0
		for p, q := range w.stage.outs {
			if r := q.room(); r > room {
				best, room = p, r
			}
		}

		n := min(len(w.hand.outs[0]), max(1, room/len(w.stage.outs)))
		if w.put(0, w.stage.outs[best], n) {
			continue
		}

		for _, q := range w.stage.outs { // whichever has room first
			q.await(w.park)
		}

		if !w.parked() {
			return false
		}
	}

	return true
}
