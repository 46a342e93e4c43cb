package world

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/supervision"
)

// worker is the actor: it does what its messages say.
type worker struct {
	post

	world   *World
	down    []actors.Ref[Msg] // whom it depends on
	crowd   supervision.Group[Msg, int]
	stashes bool
	life    *audit.Life // nil until Start
	rng     *rand.Rand  // of this instance
	timers  map[uint64]*actors.Timer[Msg]
	watched map[uint64]actors.Ref[Msg]
	changed bool // it has become another
	aside   bool // the message in hand was put into the stash
	hung    bool // a hang was drawn for the message in hand
}

var (
	errInjected = errors.New("injected")
	errResume   = errors.New("injected, to be resumed")
	errEscalate = errors.New("injected, to be escalated")
)

// decide is the directive of all workers.
func decide(err error) supervision.Directive {
	switch {
	case errors.Is(err, errResume):
		return supervision.ResumeChild
	case errors.Is(err, errEscalate):
		return supervision.EscalateFailure
	default:
		return supervision.RestartChild
	}
}

// Start is where an instance learns who it is.
func (w *worker) Start(ctx *actors.Context[Msg]) error {
	w.path = ctx.Path()
	w.audit = w.world.audit
	w.stream = w.audit.Stream(w.path)
	w.rng = w.world.random(w.path)
	w.timers = make(map[uint64]*actors.Timer[Msg])
	w.watched = make(map[uint64]actors.Ref[Msg])
	w.life = w.audit.Born(w.path)

	ended := w.life.Enter("Start")
	defer ended()

	w.bringBack(ctx)

	if !w.world.booted.Load() {
		return nil
	}

	switch n := w.rng.IntN(1000); {
	case n < 10:
		w.injure(StartFail)

		return errInjected
	case n < 15:
		w.injure(StartPanic)
		panic(errInjected)
	case n < 17:
		w.world.count(StartHang)
		w.hang()
	}

	return nil
}

// Receive does what the message says.
func (w *worker) Receive(ctx *actors.Context[Msg], m Msg) error {
	if w.changed {
		w.audit.Violatef("A6", "%s has become another and got a message all the same", w.path)
	}

	return w.receive(ctx, m)
}

// other is what the worker becomes for a while.
func (w *worker) other(ctx *actors.Context[Msg], m Msg) error {
	if !w.changed {
		w.audit.Violatef("A6", "%s is itself again and got a message as another", w.path)
	}

	return w.receive(ctx, m)
}

func (w *worker) receive(ctx *actors.Context[Msg], m Msg) error {
	ended := w.life.Enter("Receive")
	defer ended()

	if m.ID == 0 {
		w.audit.Own(w.path)
		w.hear(m)

		return nil
	}

	w.aside, w.hung = false, false

	attempt := ctx.Attempt()
	if attempt == 0 && ctx.Err() == nil {
		w.audit.Violatef("A8", "%s has a message in hand and is told of none", w.path)
	}

	if unstashed := w.audit.Deliver(w.path, m.Stamp, attempt); unstashed && m.Deed == PutAside {
		m.Deed = Pass
	}

	w.world.count(m.Deed)

	if err := w.do(ctx, m); err != nil {
		return err
	}

	if !w.aside {
		w.audit.Done(m.Stamp, w.hung)
	}

	return nil
}

// hear takes what the worker was handed by itself.
func (w *worker) hear(m Msg) {
	switch m.Own {
	case tick:
		w.life.Tick(m.Token)
	case idle:
		w.life.Idle()
	case terminated:
		delete(w.watched, m.Token)
		w.life.Terminated(m.Token)
	}
}

// Health is asked between two messages.
func (w *worker) Health() error {
	ended := w.life.Enter("Health")
	defer ended()

	return nil
}

// Flush sends one more message, as a buffer that is written would.
func (w *worker) Flush(context.Context) error {
	ended := w.life.Flush()
	defer ended()

	if w.rng.IntN(100) == 0 {
		w.world.count(FlushFail)

		return errInjected
	}

	return nil
}

// Close ends the instance.
func (w *worker) Close(context.Context) error {
	if w.life == nil {
		return nil
	}

	ended := w.life.Close()
	defer ended()

	switch n := w.rng.IntN(1000); {
	case n < 10:
		w.world.count(CloseFail)

		return errInjected
	case n < 12:
		w.world.count(CloseHang)
		w.hang()
	}

	return nil
}

// injure is told before the instance fails.
func (w *worker) injure(d Deed) {
	w.world.count(d)
	w.life.Failed()
}

// hang does not return for longer than any deadline, and then looks whether it can still do something.
func (w *worker) hang() {
	ended := w.life.Hang()
	defer ended()

	<-time.After(deadline + deadline/5 + time.Duration(w.rng.Int64N(int64(deadline))))

	if !w.life.Superseded() || len(w.down) == 0 {
		return
	}

	err := post{w.audit, w.path, nil}.send(context.Background(), w.down[0], tryTell, Msg{})
	if !errors.Is(err, actors.ErrAbandoned) {
		w.audit.Violatef("S7", "%s was abandoned, has a successor, and could send: %v", w.path, err)
	}
}
