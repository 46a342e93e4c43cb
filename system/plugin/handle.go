package plugin

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Handle is how a plugin is used. It is safe for concurrent use.
type Handle struct {
	bare

	name  string // of the plugin
	place atomic.Pointer[place]
	to    atomic.Pointer[target]
}

// target is the actor of the version in place.
type target struct {
	load *load
	ref  actors.Ref[call]
}

// Call has the plugin handle one message and returns its answer. It blocks until then: while the mailbox is full, if
// its policy is to block, while the message waits, and while the plugin has it, for [Spec.Deadline] at most.
//
// The error is a [*CallError] with what the plugin has answered, a [*DeadlineError], a [*SizeError], [ErrUnhandled] or
// [ErrOpen]; an [*InstanceError] if the instance was given up that had the message, and [Spec.Redeliver] says no more;
// a [*QuarantinedError]; [ErrNotLoaded]; what [actors.Ref.Tell] returns if the message was not accepted; or the
// context's. That the context ends does not end the call: the plugin goes on by the deadline that the context had when
// it got the message, or by its own.
func (h *Handle) Call(ctx context.Context, m Message) (Message, error) {
	for again := 0; ; {
		l, answer, began, err := h.ask(ctx, call{msg: m})

		switch {
		case err == nil:
			return answer, nil
		case !began && h.moved(l, err): // to the next version, which has it once
		case began && again < h.slot.spec.Redeliver && chain.Has[*InstanceError](err) && ctx.Err() == nil:
			again++
		default:
			return Message{}, h.because(ctx, l, err)
		}
	}
}

// Stream opens a stream to the plugin, once it has a slot for it. It ends with ctx at the latest. Errors are those of
// [Handle.Call], and [ErrNoStreams].
func (h *Handle) Stream(ctx context.Context) (*HostStream, error) {
	d := newDuplex(ctx)

	for {
		l, _, began, err := h.ask(ctx, call{stream: d})

		switch {
		case err == nil:
			return &HostStream{d}, nil
		case began || !h.moved(l, err):
			return nil, h.because(ctx, l, err)
		}
	}
}

// ask sends a call to the version in place.
func (h *Handle) ask(ctx context.Context, c call) (l *load, answer Message, began bool, err error) {
	t, err := h.target(ctx)
	if err != nil {
		return t.load, answer, false, err
	}

	c.began = new(mark)
	c.until, _ = ctx.Deadline()

	answer, err = actors.Ask(ctx, t.ref, func(r actors.Reply[Message]) call {
		c.reply = r

		return c
	})

	return t.load, answer, c.began.Load(), err
}

// moved reports whether a message was refused because its version is on its way out, and is another's.
func (h *Handle) moved(l *load, err error) bool {
	return l != nil && h.place.Load().now.Load().load != l && ending(err)
}

// ending reports whether a message was refused or put back because its actor is ending or has ended.
func ending(err error) bool {
	return chain.Is(err, mailbox.ErrStopping) || chain.Is(err, mailbox.ErrStopped) || chain.Is(err, node.ErrCut)
}

// because says of a version that has ended why it has. Whoever waited for it is told a moment before the desk is, and
// waits for that here; not at a shutdown, when the desk takes no more questions.
func (h *Handle) because(ctx context.Context, l *load, err error) error {
	if l == nil || !ending(err) {
		return err
	}

	p := h.place.Load()
	now := p.now.Load()

	if now.load == l {
		if _, down := h.ofDesk(ctx); down != nil {
			return err
		}

		select {
		case <-now.over:
		case <-ctx.Done():
			return err
		}

		now = p.now.Load()
	}

	if now.err != nil {
		return now.err
	}

	return err
}

// target returns the actor of the version in place; with an error, the version if there is one.
func (h *Handle) target(ctx context.Context) (target, error) {
	p, err := h.attach(ctx)
	if err != nil {
		return target{}, err
	}

	now := p.now.Load()

	switch {
	case now.load == nil:
		return target{}, now.err
	case now.load.name != h.name: // the slot has another one now
		return target{}, fmt.Errorf("%s: %q: %w", p.path, h.name, ErrNotLoaded)
	}

	if t := h.to.Load(); t != nil && t.load == now.load {
		return *t, nil
	}

	ref, found := h.run.Lookup(now.load.child)
	t := target{now.load, ref}

	if !found {
		return t, fmt.Errorf("%s: %w", p.path, mailbox.ErrStopped)
	}

	h.to.Store(&t)

	return t, nil
}

// attach asks the desk for the place, the first time and when the desk is another one. After the end of the system the
// place is what it was.
func (h *Handle) attach(ctx context.Context) (*place, error) {
	old := h.place.Load()
	if old != nil && !old.left.Load() {
		return old, nil
	}

	p, err := h.ofDesk(ctx)

	switch {
	case err == nil:
		h.place.Store(p)

		return p, nil
	case old != nil:
		return old, nil
	default:
		return nil, err
	}
}

// ofDesk asks the desk for the place.
func (h *Handle) ofDesk(ctx context.Context) (*place, error) {
	return actors.Ask(ctx, h.desk, func(r actors.Reply[*place]) order { return order{place: r} })
}

// Load puts a plugin into an empty slot, and returns when it has started and is well. The error is an
// [*InstanceError], [ErrLoaded], [ErrBusy], or what an ask of an actor returns.
func (h *Handle) Load(ctx context.Context, with Source) error {
	return h.order(ctx, (*desk).load, with)
}

// Upgrade puts another version in the place of the one that is there, or is quarantined. The new one has started and
// is well before the old one gets no more calls; the old one works off what it has, for [Spec.Drain] at most, and
// Upgrade returns when it has stopped. If the new one does not start, the old one goes on as if nothing had been, and
// the error says why. No call is lost, and none is handled by both.
func (h *Handle) Upgrade(ctx context.Context, with Source) error {
	return h.order(ctx, (*desk).upgrade, with)
}

// Unload takes the plugin out, and returns when it has worked off what it had and has stopped. The error is
// [ErrNotLoaded], [ErrBusy], or what an ask of an actor returns.
func (h *Handle) Unload(ctx context.Context) error { return h.order(ctx, (*desk).unload, Source{}) }

// Release brings a quarantined plugin back with its whole budget, and returns when it has started and is well. The
// error is an [*InstanceError], and then it stays quarantined; [ErrNotQuarantined], [ErrBusy], or what an ask of an
// actor returns.
func (h *Handle) Release(ctx context.Context) error { return h.order(ctx, (*desk).release, Source{}) }

func (h *Handle) order(ctx context.Context, do action, with Source) error {
	if with.problem != nil {
		return with.problem
	}

	if m := with.manifest; m != nil && m.Name != h.name {
		return fmt.Errorf("plugin %q: its manifest says it is %q", h.name, m.Name)
	}

	_, err := actors.Ask(ctx, h.desk, func(r actors.Reply[struct{}]) order {
		o := order{do: do, name: h.name, with: with, reply: r}
		o.until, _ = ctx.Deadline()

		return o
	})

	return err
}

// Status is how a plugin is.
type Status struct {
	// Name of the plugin.
	Name string `json:"name"`
	// Loaded says that there is a version which gets the calls, or waits to be restarted.
	Loaded bool `json:"loaded"`
	// Manifest and Session are those of the version's last instance that has started.
	Manifest Manifest `json:"manifest"`
	Session  Session  `json:"-"`
	// Quarantined says why the plugin is out of use, a [*QuarantinedError], or is nil.
	Quarantined error `json:"-"`
	// Degraded is what the plugin's last health check says, or nil.
	Degraded error `json:"-"`
	// LastFailure is why the version's last instance was given up that was, an [*InstanceError], or nil.
	LastFailure error `json:"-"`
	// Hanging are instances of the version, in the host's process, that were given up and have not returned.
	Hanging int `json:"hanging"`
	// Breaker is closed, half-open, open or none.
	Breaker string `json:"breaker"`
	// Stats of all versions.
	Stats Stats `json:"stats"`
}

// Status returns how the plugin is. It asks the desk the first time, and does not block after that.
func (h *Handle) Status(ctx context.Context) (Status, error) {
	p, err := h.attach(ctx)
	if err != nil {
		return Status{}, err
	}

	s := Status{Name: h.name, Breaker: p.breaker.state(), Stats: p.counters.now()}
	now := p.now.Load()
	l := now.load

	if chain.Has[*QuarantinedError](now.err) {
		s.Quarantined, l = now.err, now.last
	}

	if l == nil {
		return s, nil
	}

	s.Loaded = now.load != nil
	s.Manifest, s.Session = l.facts()
	s.LastFailure = l.failure()

	l.mu.Lock()
	defer l.mu.Unlock()

	s.Degraded, s.Hanging = l.degraded, max(0, l.alive-1)
	if !s.Loaded {
		s.Hanging = l.alive
	}

	return s, nil
}

// Session returns what was agreed on with the plugin, the zero Session if it has not started: the host asks it for
// features as the plugin does.
func (h *Handle) Session(ctx context.Context) (Session, error) {
	s, err := h.Status(ctx)

	return s.Session, err
}
