package lifecycle_test

import (
	"errors"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// fake is an actor of a world: a queue length, and a runner that obeys commands as the real one does.
type fake struct {
	world    *world
	id       int
	spec     *supervision.Node
	queue    int
	sealed   bool
	finished bool
	called   bool // a hook of it was to be called, and nobody has said yet that it is awake
	pending  mailbox.Command
	lives    []*life
	runner   *runner
}

// life is one incarnation, and what was ordered of it.
type life struct {
	number                  uint64
	started, over           bool // Start has returned; it is gone
	abandoned               bool
	halted, letGo           bool // it was told to halt; it does not wait for those that are down
	drains, flushes, closes int
	flushDue                bool // it was alive when the flush phase began
}

// runner is the goroutine of an actor; it is left behind with the life it hangs in.
type runner struct {
	fake      *fake
	life      *life
	phase     phase
	batch     mailbox.Command // commands taken and not obeyed yet
	busy      bool
	answered  time.Time // when it was busy last
	cancelled bool
	onCancel  func() // what the step in progress does about a cancelled context, or nil
	revoked   bool
}

type phase uint8

const (
	absent phase = iota
	live
	draining
	quiet
)

var errFake = errors.New("boom")

func (f *fake) current() *life {
	if len(f.lives) == 0 {
		return nil
	}

	return f.lives[len(f.lives)-1]
}

func (f *fake) begin(number uint64) {
	f.lives = append(f.lives, &life{number: number})
	f.order(node.Start)
}

func (f *fake) order(c mailbox.Command) {
	f.pending |= c
	f.world.soon(f.kick)
}

// callHook is order for one that is thought to sleep.
func (f *fake) callHook(c mailbox.Command) {
	w := f.world
	if w.happens(f.spec.Path+" was woken", 10) {
		f.called = true
		w.after(w.delay("is found awake after", 30), func() {
			w.step(lifecycle.Woken{ID: f.id})

			f.called = false
		})
	} else {
		f.order(c)
	}
}

// atOnce does what a command of the stop orders, if the actor has nothing to do for it.
func (f *fake) atOnce(c mailbox.Command) (did atOnce) {
	r := f.runner

	phases := map[mailbox.Command]phase{node.Drain: live, node.Flush: quiet, node.Close: quiet, node.Finish: absent}
	if r.busy || r.batch != 0 || f.pending != 0 || f.queue > 0 || r.phase != phases[c] ||
		!f.world.happens(f.spec.Path+" has nothing to do", 50) {
		return atOnce{}
	}

	w := f.world
	w.t.Logf("         → %s does %s at once", w.path(f.id), commandNames[c])
	w.law.shutdown()

	if f.id < len(w.fakes) && c != node.Finish {
		w.law.order(f, c)
	}

	switch c {
	case node.Drain:
		f.sealed, r.phase = true, quiet

		for _, hook := range []mailbox.Command{node.Flush, node.Close} {
			if w.happens(f.spec.Path+" has a hook", 70) {
				did.hooks |= hook
			}
		}
	case node.Close:
		r.phase, r.cancelled, r.life.over = absent, true, true
	case node.Finish:
		f.finished = true
	}

	did.done = true

	return did
}

func (f *fake) cancel() {
	r := f.runner
	r.cancelled = true

	if do := r.onCancel; do != nil {
		r.onCancel = nil
		do()
	}
}

// abandon leaves the runner behind. It may come back one day.
func (f *fake) abandon() {
	left := f.runner
	left.revoked = true
	f.current().abandoned = true
	f.runner = &runner{fake: f}
	f.pending = 0

	if f.world.happens("says something", 30) { // a report that was on its way
		events := []node.Event{node.Started, node.Failing, node.Ended, node.StopSelf, node.Drained, node.Flushed, node.Closed}
		event := rapid.SampledFrom(events).Draw(f.world.t, "what")
		f.world.after(f.world.delay("says it after", 20), func() {
			f.world.report(node.Report{ID: f.id, Incarnation: left.life.number, Event: event})
		})
	}

	if f.world.happens("comes back", 50) {
		f.world.after(f.world.delay("comes back after", 200), func() {
			f.world.report(node.Report{ID: f.id, Incarnation: left.life.number, Event: node.Returned})
		})
	}
}

func (f *fake) kick() { f.runner.next() }

// do takes time for a step, or hangs in it, or waits for its context to end.
func (r *runner) do(step string, then func()) {
	r.busy = true
	done := func() {
		if r.revoked {
			return
		}

		r.busy, r.onCancel, r.answered = false, nil, r.fake.world.now

		then()
		r.fake.world.soon(r.fake.kick)
	}

	w := r.fake.world

	switch n := w.percent(step); {
	case n < 100-w.drags-w.hangs:
		w.after(w.delay(step+" takes", 5), done)
	case n < 100-w.hangs:
		w.after(w.delay(step+" takes long", 150), done)
	case n%2 == 0:
		r.onCancel = func() { w.after(w.delay(step+" returns after", 5), done) }
		if r.cancelled {
			r.onCancel()
			r.onCancel = nil
		}
	default: // never
	}
}

// next obeys one command or handles one message.
func (r *runner) next() {
	if r.busy || r.revoked {
		return
	}

	f := r.fake

	if r.batch == 0 {
		r.batch, f.pending = f.pending, 0

		if r.batch&node.Start != 0 { // the rest was meant for the incarnation before
			r.batch &= node.Start | node.Finish
		}
	}

	if c := r.batch & -r.batch; c != 0 {
		r.batch &^= c
		r.obey(c)
		f.world.soon(f.kick)

		return
	}

	switch {
	case r.phase != live && r.phase != draining:
	case f.queue > 0:
		r.do(f.spec.Path+" handles a message", r.handled)
	case r.phase == draining:
		r.do(f.spec.Path+" ends its goroutines", r.drained)
	}
}

func (r *runner) obey(c mailbox.Command) {
	f := r.fake

	switch c {
	case node.Start:
		r.life, r.cancelled = f.current(), false

		if f.world.smooth && len(f.lives) == 1 {
			r.phase, r.life.started = live, true
			r.report(node.Started, nil)

			return
		}

		r.do(f.spec.Path+" starts", r.started)
	case node.Halt:
		if r.phase != absent {
			r.end(node.Report{Event: node.Ended})
		}
	case node.Leave:
		r.leave()
	case node.Drain:
		if r.phase != absent {
			r.phase = draining
		}
	case node.Cut:
		f.queue = 0
	case node.Flush:
		if r.phase == quiet {
			r.do(f.spec.Path+" flushes", func() { r.report(node.Flushed, r.fate("flush")) })
		}
	case node.Close:
		if r.phase == quiet {
			r.end(node.Report{Event: node.Closed})
		}
	case node.Finish:
		f.queue, f.finished = 0, true
		f.world.report(node.Report{ID: f.id, Event: node.Finished})
	}
}

func (r *runner) started() {
	if err := r.fate("start"); err != nil {
		r.life.over = true
		r.report(node.Started, err)

		return
	}

	r.phase, r.life.started = live, true
	r.report(node.Started, nil)
}

func (r *runner) handled() {
	r.fake.queue = max(0, r.fake.queue-1)

	if err := r.fate("message"); err != nil {
		r.fail(err, false)
	}
}

func (r *runner) drained() {
	if err := r.fate("goroutine"); err != nil {
		r.fail(err, true)
	} else if r.fake.queue == 0 {
		r.phase = quiet
		r.report(node.Drained, nil)
	}
}

// fail fails the life, with a message in hand or bare.
func (r *runner) fail(err error, bare bool) {
	d := r.fake.world.directive()
	if d == node.Resume {
		return
	}

	if r.fake.world.happens("nothing to wait for", 30) {
		r.phase, r.cancelled, r.life.over = absent, true, true
		r.say(node.Report{Event: node.Ended, Err: err, Directive: d, Bare: bare})
		r.fake.world.soon(r.fake.kick)

		return
	}

	r.busy = true // nobody takes it for one who is at rest while it says so
	r.say(node.Report{Event: node.Failing, Err: err, Directive: d, Bare: bare})
	r.end(node.Report{Event: node.Ended, Err: err, Directive: d, Bare: bare})
}

func (r *runner) leave() {
	if r.phase == live {
		r.phase = quiet
		r.report(node.StopSelf, nil)
	}
}

// end ends the life and reports it.
func (r *runner) end(as node.Report) {
	r.phase = absent
	r.cancelled = true

	r.do(r.fake.spec.Path+" ends", func() {
		r.life.over = true

		if closing := r.fate("close"); as.Err == nil {
			as.Err = closing
		}

		r.say(as)
	})
}

func (r *runner) report(e node.Event, err error) { r.say(node.Report{Event: e, Err: err}) }

func (r *runner) say(what node.Report) {
	what.ID, what.Incarnation = r.fake.id, r.life.number
	r.fake.world.report(what)
}

// fate says how something ends.
func (r *runner) fate(what string) error {
	if r.fake.world.happens(what+" fails", r.fake.world.fails) {
		return errFake
	}

	return nil
}

// ms returns milliseconds as a duration.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
