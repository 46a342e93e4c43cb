package plugin

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
)

// order is a message to a desk: somebody wants to know the place, something is to be done, or something has happened.
type order struct {
	place actors.Reply[*place] // attach

	do    action
	name  string // of the plugin
	with  Source
	until time.Time // the asker's deadline, or zero
	reply actors.Reply[struct{}]

	ended *load // its actor has ended
	over  bool  // the action that was under way is over
	err   error // and failed with this
}

// action is what a desk can be told to do.
type action func(d *desk, ctx context.Context, name string, with Source) error

// desk is the actor that decides who is in a slot. It runs no code of the plugin's: it starts and stops the actors
// that do. One action is under way at a time.
type desk struct {
	slot  *Slot
	run   supervision.Group[call, *load]
	place *place
	watch func(l *load, ref actors.Ref[call]) error
	busy  actors.Reply[struct{}] // of who asked for the action that is under way
}

func newDesk(s *Slot, run supervision.Group[call, *load]) *desk {
	p := &place{path: path.Dir(run.Path()), spec: s.spec, breaker: newBreaker(s.spec.Breaker)}
	p.vacate()

	return &desk{slot: s, run: run, place: p}
}

// Start loads the plugin that was declared.
func (d *desk) Start(ctx *actors.Context[order]) error {
	d.watch = func(l *load, ref actors.Ref[call]) error {
		return actors.Watch(ctx, ref, func(actors.Terminated) order { return order{ended: l} })
	}

	if d.slot.source.isZero() {
		return nil
	}

	return d.enter(ctx, d.slot.name, d.slot.source, d.slot.spec.Required)
}

// Receive handles one order.
func (d *desk) Receive(ctx *actors.Context[order], o order) error {
	switch {
	case o.place.IsSet():
		return o.place.Send(d.place)
	case o.ended != nil:
		d.place.ended(o.ended)

		return nil
	case o.over:
		asker := d.busy
		d.busy = actors.Reply[struct{}]{}

		if o.err != nil {
			return asker.Fail(o.err)
		}

		return asker.Send(struct{}{})
	case d.busy.IsSet():
		return o.reply.Fail(fmt.Errorf("%s: %w", d.place.path, ErrBusy))
	}

	d.busy = o.reply

	return actors.Pipe(ctx, func(ctx context.Context) (struct{}, error) {
		if !o.until.IsZero() {
			var cancel context.CancelFunc

			ctx, cancel = context.WithDeadline(ctx, o.until)
			defer cancel()
		}

		return struct{}{}, o.do(d, ctx, o.name, o.with)
	}, func(_ struct{}, err error) order { return order{over: true, err: err} })
}

// Close tells those who wait for a change that there will be none.
func (d *desk) Close(context.Context) error {
	d.place.leave()

	return nil
}

// Health reports why the plugin is out of use, if it is quarantined.
func (d *desk) Health() error {
	if err := d.place.now.Load().err; chain.Has[*QuarantinedError](err) {
		return err
	}

	return nil
}

// enter starts a version and puts it in its place.
func (d *desk) enter(ctx context.Context, name string, with Source, strict bool) error {
	d.place.next++ // one action at a time

	l := &load{place: d.place, name: name, source: with, child: strconv.Itoa(d.place.next), strict: strict}

	ref, err := d.start(ctx, l)

	switch {
	case err == nil:
		d.place.occupy(l)
	case !strict && l.failure() != nil: // it did not even fail in time, which is not to keep the host from starting
		d.place.occupy(l)
		d.place.ended(l)

		return nil //nolint:nilerr // the quarantine says it
	default:
		return err
	}

	return d.watch(l, ref)
}

// again is how long to wait for a supervisor that is coming back up.
const again = 10 * time.Millisecond

// start starts the actor of a version. A supervisor that has just given up is waited for.
func (d *desk) start(ctx context.Context, l *load) (actors.Ref[call], error) {
	for {
		ref, err := d.run.Start(ctx, l.child, l)
		if why := l.failure(); err != nil && why != nil {
			return ref, why // rather than that it was given up on
		}

		if !chain.Is(err, supervision.ErrGroupDown) {
			return ref, err
		}

		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ref, err
		}
	}
}

// load puts a plugin into an empty slot.
func (d *desk) load(ctx context.Context, name string, with Source) error {
	if !chain.Is(d.place.now.Load().err, ErrNotLoaded) {
		return fmt.Errorf("%s: %w", d.place.path, ErrLoaded)
	}

	return d.enter(ctx, name, with, true)
}

// unload takes the plugin out: it works off what waits for it.
func (d *desk) unload(ctx context.Context, _ string, _ Source) error {
	now := d.place.now.Load()
	if chain.Is(now.err, ErrNotLoaded) {
		return now.err
	}

	d.place.vacate()

	if now.load == nil { // it is quarantined
		return nil
	}

	return d.stop(ctx, now.load)
}

// upgrade puts another version in place, which has started and is well by then, and has the old one work off what it
// has. If the new one does not start, nothing has changed.
func (d *desk) upgrade(ctx context.Context, name string, with Source) error {
	old := d.place.now.Load()
	if chain.Is(old.err, ErrNotLoaded) {
		return old.err
	}

	if err := d.enter(ctx, name, with, true); err != nil {
		return err
	}

	if old.load == nil {
		return nil
	}

	return d.stop(ctx, old.load)
}

// release brings a quarantined plugin back.
func (d *desk) release(ctx context.Context, name string, _ Source) error {
	now := d.place.now.Load()
	if now.last == nil {
		return fmt.Errorf("%s: %w", d.place.path, ErrNotQuarantined)
	}

	return d.enter(ctx, name, now.last.source, true)
}

// stop drains a version and stops it. One that has ended meanwhile is none of this action's failures.
func (d *desk) stop(ctx context.Context, l *load) error {
	err := d.run.Stop(ctx, l.child)
	if chain.Has[*supervision.NoChildError](err) {
		return nil
	}

	return err
}
