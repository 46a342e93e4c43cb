package actors

import (
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// phase is what a runner does with its incarnation. It changes on orders of the runtime and on failure:
//
//	absent ──Start──▶ live ──Drain──▶ draining ──▶ quiet ──Flush, Close──▶ absent
//	                   │  └──Stop──▶ quiet
//	                   └──failure, Halt──▶ absent
type phase uint32

const (
	absent   phase = iota // there is no instance; messages wait
	live                  // messages are handled
	draining              // messages are handled until there is none
	quiet                 // the instance is there, messages are not handled any more
	unmade                // no runner's: the instance is to be made by the runtime
	born                  // no runner's: as live, but who wakes the incarnation says first that it has started
	hooked                // no runner's: the instance is being made, or a hook called of one that is stopped in its sleep
	forsaken              // nobody's: it was abandoned in its sleep, or with that hook
)

// runner is the goroutine side of an actor: the holder of its mailbox's lease. Its fields belong to whoever holds the
// lease. When a lease is revoked its runner is left behind with the incarnation it is stuck in.
type runner[M any] struct {
	cell  *cell[M]
	lease *mailbox.Lease[M]
	inc   *incarnation[M]
	phase phase
	// synchronous says that senders run the turns.
	synchronous bool
	// resting says that the incarnation that was just started is to be at rest before that is reported.
	resting bool
	// idling says that there is an idle timeout: the actor looks at the time before it comes to rest.
	idling bool
	// lost says that messages became dead letters because their time was over; the answer to Drain tells.
	lost bool
	// swept says that the drain has come to the end of the queue and brought back what was in the stash.
	swept bool
	// emptied says that the Drain hook has returned since.
	emptied bool
	// since is the number of its first incarnation.
	since atomic.Uint64
	// mark bears the labels of its goroutine.
	mark mark
	// trouble is nil until the actor first panics.
	trouble *trouble
	// hook is the one that runs on the turn's goroutine; if runtime.Goexit ends that in it, the next one goes on behind
	// the hook, and then with the commands left.
	hook inlined
	left mailbox.Command
}

// trouble is what a runner keeps of panics. Its fields belong to whoever holds the lease.
type trouble struct {
	trace

	// crash is a panic of Receive, or the end of a goroutine, that the turn it ended has left for the next one to deal
	// with.
	crash error
}

// troubled returns what is known of panics, making it with the first.
func (r *runner[M]) troubled() *trouble {
	if r.trouble == nil {
		r.trouble = new(trouble)
	}

	return r.trouble
}

// run is the function the mailbox calls when there is work. It owns the turn until it returns.
func (c *cell[M]) run(lease *mailbox.Lease[M]) {
	if c.runsOnOwn(lease.Sender()) {
		lease.Continue()

		return
	}

	r, _ := lease.Local.(*runner[M])
	if r == nil {
		deepen()

		r = &runner[M]{cell: c, lease: lease, synchronous: c.synchronous()}
		lease.Local = r

		r.takeOver()
	}

	r.turn()
}

// takeOver gets the incarnation out of its sleep, if it sleeps, as the runner left it that has spared itself. It
// reports whether it did.
func (r *runner[M]) takeOver() bool {
	// If the lease is valid after current was read, that is not the incarnation of a later lease; nor is one of an
	// earlier lease that was not abandoned.
	inc := r.cell.current.Load()
	if inc == nil || r.lease.Revoked() || inc.wasAbandoned() {
		return false
	}

	was := inc.wake()
	if was == absent {
		return false
	}

	r.inc, r.phase = inc, was
	r.since.Store(inc.number)
	inc.lease.Store(r.lease)

	if was == born {
		r.phase = live
		inc.reportStarted() // whoever has made it may not have come to that
	}

	return true
}

// wake gets an incarnation out of its sleep, which is the caller's then. It returns the phase it slept in; absent if it
// does not sleep, or somebody else is making it or calling a hook of it, or is to make it.
func (i *incarnation[M]) wake() phase {
	for {
		was := phase(i.asleep.Load())
		if was == absent || was == unmade || was == hooked || was == forsaken {
			return absent
		}

		if i.asleep.CompareAndSwap(uint32(was), uint32(absent)) {
			return was
		}
	}
}

// turn runs until there is nothing to do or the lease is revoked.
func (r *runner[M]) turn() {
	if r.inc != nil && !r.synchronous {
		r.label()
	}

	returned := false

	defer func() {
		if !returned { // runtime.Goexit takes this goroutine; another one goes on with the turn
			r.lease.Continue()
		}
	}()

	waits.RunAs(r.cell.number(), r)

	returned = true
}

// Spare implements [mailbox.Spare]: of an actor that has started and has nothing to do until its first message, only
// the cell and the incarnation stay. One that gets something from itself keeps what its runner knows of that.
//
// Its mailbox is locked meanwhile, and who has the lock of the goroutines may wait for that: see [Context.running].
func (r *runner[M]) Spare() bool {
	if !r.inc.owned.mu.TryLock() {
		return false // somebody asks for something
	}

	defer r.inc.owned.mu.Unlock()

	spare := r.phase == live && !r.synchronous && r.trouble == nil && r.inc.owned.known().running == 0 &&
		r.inc.noticed() == nil
	if spare {
		r.inc.lease.Store(nil)
		r.inc.asleep.Store(uint32(live))
	}

	return spare
}

// Loop implements [waits.Loop]: it handles commands and messages until there are none or the lease is revoked.
//
//go:noinline
func (r *runner[M]) Loop() {
	for crashed := true; crashed; {
		crashed = r.attempt()
	}
}

// attempt is the part of a turn up to a panic of Receive: one deferred call per turn, not per message.
func (r *runner[M]) attempt() (crashed bool) {
	crashed = true // unless it returns

	defer func() {
		if !crashed {
			return // the runner may be at its next turn already
		}

		t := r.troubled()
		if v := recover(); v != nil {
			t.crash = t.panicError(v)
		} else { // runtime.Goexit; or nil was panicked with, and GODEBUG has panicnil=1
			t.crash = ErrExited
		}
	}()

	r.begin()

	for {
		if !r.receives() {
			if r.wait() {
				return false
			}

			continue
		}

		// A pipe sends before it ends: if none is left before Next looks, it sees what the last of them has sent.
		last := r.phase == draining && !r.inc.owned.piping()

		m, got := r.lease.Next(r.phase == live && !r.idling)

		if got == mailbox.Message {
			if err := r.inc.actor.Receive(r.inc.asContext(), m); err != nil {
				r.received(m, err)
			}
		} else if r.without(got, last) {
			return false
		}
	}
}

// without deals with what the lease has found instead of a message. Last says that none will come in a drain. It
// reports whether the turn is over.
func (r *runner[M]) without(got mailbox.Got, last bool) (over bool) {
	switch got {
	case mailbox.Pending:
		r.obey(r.lease.Commands())
	case mailbox.Nothing:
		if !last {
			return r.rest(false)
		}

		r.sweep()
	case mailbox.Rested:
		return true // the runner may be at its next turn already
	case mailbox.Void:
		r.cell.returned(r.lease)

		return true
	case mailbox.Message: // there is one
	}

	return false
}

// sweep is what a drain does at the end of the queue: once it brings back what is in the stash, and then it is over.
func (r *runner[M]) sweep() {
	if !r.swept {
		r.swept = true

		if r.lease.Unstash() > 0 {
			return
		}
	}

	if !r.empty() {
		r.drained()
	}
}

// begin is what a turn does first, and again after a panic.
func (r *runner[M]) begin() {
	if t := r.trouble; t != nil && t.crash != nil {
		err := t.crash
		t.crash = nil

		switch {
		case r.hook != none:
			r.behind(err)
		case r.phase != absent:
			if n := r.inc.noticed(); n != nil {
				n.handled()
			}

			r.fail(err)
		}
	}

	if r.synchronous && r.phase != absent {
		r.inc.runUnder(r.lease.Sender())
		r.inc.announce() // whoever has started it may not have come to that
	}
}

// receives reports whether messages are to be handled now.
func (r *runner[M]) receives() bool { return (r.phase == live || r.phase == draining) && !r.resting }

// wait obeys commands while no message is to be handled. It reports whether the turn is over.
func (r *runner[M]) wait() (over bool) {
	if r.resting {
		return r.restStarted()
	}

	if commands := r.lease.Commands(); commands != 0 {
		r.obey(commands)

		return false
	}

	return r.rest(true)
}

// restStarted ends the turn of a start with dispatch [mailbox.Synchronous], if there is nothing else to do, so that
// whoever sends once it is reported finds the actor at rest. It reports whether the turn is over.
func (r *runner[M]) restStarted() (over bool) {
	inc := r.inc
	r.resting = false

	if inc == nil {
		return false // it has ended meanwhile, and has said so
	}

	again, void := r.lease.Rest(false)
	if void {
		r.cell.returned(r.lease)
	} else {
		inc.announce() // the runner may be at its next turn already
	}

	return !again
}

// rest ends the turn. It reports whether the turn is over, and then the runner may be at its next one already.
func (r *runner[M]) rest(suspend bool) (over bool) {
	if r.idling && !suspend {
		r.idle()
	}

	again, void := r.lease.Rest(suspend)
	if void {
		r.cell.returned(r.lease) // the incarnation that was abandoned has come back
	}

	return !again
}

func (r *runner[M]) report(inc *incarnation[M], e node.Event, err error) {
	r.say(inc, node.Report{Event: e, Err: err})
}

// say reports something of an incarnation.
func (r *runner[M]) say(inc *incarnation[M], what node.Report) {
	what.ID, what.Incarnation = r.cell.place.ID, inc.number
	r.cell.place.Host.Report(what)
}

// deepen has the stack of a new goroutine grow, as it will in nearly every first turn. The runtime looks through all
// frames that are on it then: later there are more, and of [waits.RunAs], which has many calls, that takes it long.
//
//go:noinline
func deepen() {
	var room [stackRoom]byte

	touch(&room)
}

// stackRoom is what a first turn needs, so that a stack of 2 KiB becomes one of 4.
const stackRoom = 2048

//go:noinline
func touch(*[stackRoom]byte) {}
