package world

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
)

// do does a deed, and answers if somebody asks.
func (w *worker) do(ctx *actors.Context[Msg], m Msg) error {
	if m.Deed.Trouble() {
		if err := w.trouble(ctx, m); err != nil || m.Deed == Mute {
			return err
		}
	} else if answered := w.work(ctx, m); answered {
		return nil
	}

	if m.Reply.IsSet() && !w.aside {
		w.answer(ctx, m)
	}

	return nil
}

// answer answers, and tries it a second time now and then.
func (w *worker) answer(ctx *actors.Context[Msg], m Msg) {
	err := m.Reply.Send(w.audit.Answer(m.Token))
	if err == nil && ctx.Err() == nil {
		w.audit.Answered(m.Token)
	}

	if err != nil && !errors.Is(err, actors.ErrReplied) {
		w.audit.Violatef("A3", "%s could not reply: %v", w.path, err)
	}

	if err == nil && w.rng.IntN(4) == 0 {
		if err := m.Reply.Send(0); !errors.Is(err, actors.ErrReplied) {
			w.audit.Violatef("A3", "%s replied twice: %v", w.path, err)
		}
	}
}

// work does what an honest actor does. It reports whether somebody else answers.
func (w *worker) work(ctx *actors.Context[Msg], m Msg) (answered bool) {
	switch m.Deed {
	case Slow:
		w.wait(ctx, 2*time.Millisecond)
	case TellDown:
		if to, ok := w.below(); ok {
			_ = w.send(ctx, to, way(w.rng.IntN(int(ways))), Msg{Deed: draw(w.rng)}) //nolint:gosec // below ways
		}
	case AskDown:
		if to, ok := w.below(); ok {
			_ = w.ask(ctx, to, Msg{Deed: draw(w.rng)}, askTimeout)
		}
	case ForwardAsk:
		return w.forward(ctx, m)
	case PipeBack, GoTell:
		w.spawn(ctx, m.Deed)
	case SetTimer, SetTicker, Cancel, SetIdle:
		w.time(ctx, m.Deed)
	case Become:
		w.become(ctx)
	case PutAside:
		w.putAside(ctx, m)
	case BringBack:
		w.bringBack(ctx)
	case WatchOne, UnwatchOne:
		w.watch(ctx, m.Deed)
	case AskBack:
		w.askBack(ctx, m)
	default: // it passes
	}

	return false
}

// below returns one of those the worker depends on.
func (w *worker) below() (actors.Ref[Msg], bool) {
	if len(w.down) == 0 {
		return actors.Ref[Msg]{}, false
	}

	return w.down[w.rng.IntN(len(w.down))], true
}

// wait takes up to most, and not longer than ctx.
func (w *worker) wait(ctx context.Context, most time.Duration) {
	select {
	case <-time.After(time.Duration(w.rng.Int64N(int64(most)))):
	case <-ctx.Done():
	}
}

// forward hands the duty to answer on, and reports whether it is gone.
func (w *worker) forward(ctx *actors.Context[Msg], m Msg) bool {
	to, ok := w.below()
	if !ok || !m.Reply.IsSet() {
		return false
	}

	next := Msg{Deed: Pass, Token: m.Token}

	err := actors.Forward(ctx, to, m.Reply, func(r actors.Reply[uint64]) Msg {
		next.Stamp = w.audit.Offer(w.stream, to.Path(), mailbox.Data)
		next.Reply = r

		return next
	})

	switch {
	case next.ID == 0:
	case err == nil:
		w.audit.Accept(next.Stamp)
	default:
		w.audit.Refuse(next.Stamp)
		w.audit.Deadlock(w.path, err)
	}

	return err == nil
}

// spawn starts a goroutine that sends or whose result comes back.
func (w *worker) spawn(ctx *actors.Context[Msg], d Deed) {
	aside := post{w.audit, w.path, nil}
	took := time.Duration(w.rng.Int64N(int64(5 * time.Millisecond)))
	self := w.path

	sleep := func(ctx context.Context) {
		select {
		case <-time.After(took):
		case <-ctx.Done():
		}
	}

	if d == PipeBack {
		_ = actors.Pipe(ctx, func(ctx context.Context) (struct{}, error) {
			sleep(ctx)

			return struct{}{}, nil
		}, func(struct{}, error) Msg {
			s := aside.audit.Offer(nil, self, mailbox.Data)
			aside.audit.Wonder(s)

			return Msg{Stamp: s}
		})

		return
	}

	to, ok := w.below()
	if !ok {
		return
	}

	_ = ctx.Go(func(ctx context.Context) error {
		sleep(ctx)

		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()

		_ = aside.send(ctx, to, tell, Msg{})

		return nil
	})
}

func (w *worker) become(ctx *actors.Context[Msg]) {
	err := ctx.Unbecome()
	if !w.changed {
		err = ctx.Become(w.other)
	}

	if err == nil {
		w.changed = !w.changed
	}
}

func (w *worker) putAside(ctx *actors.Context[Msg], m Msg) {
	if w.stashes && ctx.Stash() == nil {
		w.aside = true
		w.audit.Aside(w.path, m.Stamp)
	}
}

func (w *worker) bringBack(ctx *actors.Context[Msg]) {
	if w.stashes {
		ctx.Unstash()
		w.audit.Unstash(w.path)
	}
}

// trouble makes some.
func (w *worker) trouble(ctx *actors.Context[Msg], m Msg) error {
	switch m.Deed {
	case Circle:
		if to, ok := w.below(); ok {
			_ = w.ask(ctx, to, Msg{Deed: AskBack, Back: ctx.Self()}, 2*askTimeout)
		}
	case AskSelf:
		w.askSelf(ctx)
	case StopSelf:
		w.life.Leaves()
		ctx.Stop()
	case Hang:
		w.hung = true
		w.hang()
	case GoHang:
		return w.hangAside(ctx)
	case GoFail:
		_ = ctx.Go(func(context.Context) error { return errInjected })
	case Resume:
		return errResume
	case Escalate:
		w.life.Failed()

		return errEscalate
	case Poison:
		w.life.Failed()

		return errInjected
	case Fail, Panic, Exit:
		if ctx.Attempt() == 1 {
			w.life.Failed()

			return crash(m.Deed)
		}
	default: // not answering is all
	}

	return nil
}

// askSelf waits for its own answer: the smallest deadlock.
func (w *worker) askSelf(ctx *actors.Context[Msg]) {
	ended := w.audit.Circle(w.path)
	defer ended()

	err := w.ask(ctx, ctx.Self(), Msg{}, askTimeout)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		w.audit.Violatef("M7", "%s waited for itself: %v", w.path, err)
	}
}

// hangAside fails, while a goroutine of the instance does not return in time.
func (w *worker) hangAside(ctx *actors.Context[Msg]) error {
	ended := w.life.Hang()
	w.life.Failed()

	if err := ctx.Go(func(context.Context) error {
		defer ended()
		<-time.After(deadline * 3 / 2)

		return nil
	}); err != nil {
		ended()
	}

	return errInjected
}

// crash fails in one of three ways.
func crash(d Deed) error {
	switch d {
	case Panic:
		panic("injected")
	case Exit:
		runtime.Goexit()
	default:
	}

	return errInjected
}

// askBack asks whoever waits for the answer to this message: a deadlock.
func (w *worker) askBack(ctx *actors.Context[Msg], m Msg) {
	ended := w.audit.Circle(w.path)
	defer ended()

	err := w.ask(ctx, m.Back, Msg{}, askTimeout)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && w.audit.Asking(m.Token) {
		w.audit.Violatef("M7", "%s and %s waited for each other and were not told", m.Back.Path(), w.path)
	}
}
