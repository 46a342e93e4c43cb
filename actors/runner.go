package actors

import (
	"runtime/pprof"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// phase is what a runner does with its incarnation. It changes on orders of the runtime and on failure:
//
//	absent ──Start──▶ live ──Drain──▶ draining ──▶ quiet ──Flush, Close──▶ absent
//	                   │  └──Stop──▶ quiet
//	                   └──failure, Halt──▶ absent
type phase uint8

const (
	absent   phase = iota // there is no instance; messages wait
	live                  // messages are handled
	draining              // messages are handled until there is none
	quiet                 // the instance is there, messages are not handled any more
)

// runner is the goroutine side of an actor: the holder of its mailbox's lease. Its fields belong to whoever holds the
// lease. When a lease is revoked its runner is left behind with the incarnation it is stuck in.
type runner[M any] struct {
	cell  *cell[M]
	lease *mailbox.Lease[M]
	inc   *incarnation[M]
	phase phase
	// crash is a panic of Receive that the turn it ended has left for the next one to deal with.
	crash error
	// lost says that messages became dead letters because their time was over; the answer to Drain tells.
	lost bool
}

// run is the function the mailbox calls when there is work. It owns the turn until it returns.
func (c *cell[M]) run() {
	for {
		lease := c.box.Begin()

		r, _ := lease.Local.(*runner[M])
		if r == nil {
			r = &runner[M]{cell: c, lease: lease}
			lease.Local = r
		}

		if !r.turn() {
			return
		}
	}
}

// turn runs until there is nothing to do. It returns true if run must begin again, with whatever lease is valid then.
func (r *runner[M]) turn() bool {
	for {
		again, crashed := r.attempt()
		if !crashed {
			return again
		}
	}
}

// attempt is the part of a turn up to a panic of Receive: one deferred call per turn, not per message.
func (r *runner[M]) attempt() (again, crashed bool) {
	returned := false

	defer func() {
		if returned {
			return
		}

		if v := recover(); v != nil {
			r.crash, crashed = newPanicError(v), true

			return
		}

		// runtime.Goexit takes this goroutine; another one goes on with the turn.
		r.crash = ErrExited

		go func() {
			if r.turn() {
				r.cell.run()
			}
		}()
	}()

	again = r.loop()
	returned = true

	return again, false
}

// loop handles commands and messages until there are none or the lease is revoked. It returns whether to begin again.
func (r *runner[M]) loop() bool {
	if err := r.crash; err != nil {
		r.crash = nil

		if r.phase != absent {
			r.fail(err)
		}
	}

	if r.inc != nil {
		r.label()
	}

	for {
		if r.phase != live && r.phase != draining {
			if commands := r.lease.Commands(); commands != 0 {
				r.obey(commands)

				continue
			}

			return r.rest(true)
		}

		// A pipe sends before it ends: if none is left before Next looks, it sees what the last of them has sent.
		last := r.phase == draining && !r.inc.owned.piping()

		m, got := r.lease.Next(r.phase == live)

		switch got {
		case mailbox.Message:
			if err := r.inc.actor.Receive(&r.inc.ctx, m); err != nil {
				r.received(m, err)
			}
		case mailbox.Pending:
			r.obey(r.lease.Commands())
		case mailbox.Nothing:
			if !last {
				return r.rest(false)
			}

			r.drained()
		case mailbox.Rested:
			return false // the runner may be at its next turn already
		case mailbox.Void:
			return r.left()
		}
	}
}

func (r *runner[M]) rest(suspend bool) bool {
	again, void := r.lease.Rest(suspend)
	if void {
		return r.left()
	}

	return again // the runner may be at its next turn already
}

// left ends the run of an incarnation that was abandoned: it has come back by now.
func (r *runner[M]) left() bool {
	r.cell.returned(r.lease)

	return false
}

// label marks the goroutine with the actor, for profiles and for finding it when it hangs.
func (r *runner[M]) label() { pprof.SetGoroutineLabels(r.inc.labels) }

func (r *runner[M]) report(inc *incarnation[M], e node.Event, err error) {
	r.reportFailure(inc, e, err, 0)
}

func (r *runner[M]) reportFailure(inc *incarnation[M], e node.Event, err error, d node.Directive) {
	r.cell.place.Host.Report(node.Report{
		ID: r.cell.place.ID, Incarnation: inc.number, Event: e, Err: err, Directive: d,
	})
}
