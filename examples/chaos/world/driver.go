package world

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

const (
	drivers = 12
	// round is how often a driver sends its share.
	round = 10 * time.Millisecond
	// burst is how many messages it sends at once now and then.
	burst = 40
)

// driver sends from outside.
type driver struct {
	post

	world *World
	rng   *rand.Rand
	refs  []actors.Ref[Msg]
	crowd supervision.Group[Msg, int]
	stale actors.Ref[Msg] // of a child that may have ended
}

// drive runs until ctx ends, and rests while the world does.
func (d *driver) drive(ctx context.Context) {
	owed := 0.0

	for d.world.pause(ctx, round) {
		for owed += d.world.options.Rate / drivers * round.Seconds(); owed >= 1; owed-- {
			d.once(ctx)
		}

		if d.rng.IntN(500) == 0 {
			to := d.pick()
			for range burst {
				d.world.drawn(func() { _ = d.send(ctx, to, tryTell, Msg{Deed: draw(d.rng)}) })
			}
		}
	}
}

func (d *driver) once(ctx context.Context) {
	d.world.drawn(func() {
		most := time.Duration(d.rng.Int64N(int64(40 * time.Millisecond)))

		if d.rng.IntN(4) == 0 {
			_ = d.ask(ctx, d.pick(), Msg{Deed: draw(d.rng)}, most)

			return
		}

		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()

		_ = d.send(ctx, d.pick(), way(d.rng.IntN(int(ways))), Msg{Deed: draw(d.rng)}) //nolint:gosec // below ways
	})
}

// pick returns somebody to send to.
func (d *driver) pick() actors.Ref[Msg] {
	n := d.rng.IntN(len(d.refs) + 3)
	if n < len(d.refs) {
		return d.refs[n]
	}

	if ref, ok := d.crowd.Lookup(childName(d.rng.IntN(maxCrowd))); ok && d.stale.PID() != nil {
		if n == len(d.refs) {
			ref, d.stale = d.stale, ref
		}

		return ref
	} else if ok {
		d.stale = ref
	}

	return d.refs[0]
}

// manager starts and stops children and resizes pools.
type manager struct {
	world *World
	rng   *rand.Rand
	in    supervision.Deps
}

func (m *manager) manage(ctx context.Context) {
	crowd := m.world.tree.crowd.From(m.in)

	for m.world.pause(ctx, 5*time.Millisecond) {
		m.world.drawn(func() {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(m.rng.Int64N(int64(2*deadline))))
			defer cancel()

			name := childName(m.rng.IntN(maxCrowd))

			var err error

			switch n := m.rng.IntN(20); {
			case n < 10:
				_, err = crowd.Start(ctx, name, n)
			case n < 17:
				err = crowd.Stop(ctx, name)
			case n < 18:
				_ = m.world.system.Health(ctx)
			default:
				err = m.world.tree.pools[m.rng.IntN(len(m.world.tree.pools))].Resize(ctx, m.in, 1+m.rng.IntN(maxPool))
			}

			m.check(err)
		})
	}
}

// check looks at an error of a group or a pool.
func (m *manager) check(err error) {
	for _, known := range []error{
		nil, errInjected, errResume, supervision.ErrGroupDown, supervision.ErrNotStarted, context.Canceled,
		context.DeadlineExceeded, mailbox.ErrStopping, mailbox.ErrStopped,
	} {
		if errors.Is(err, known) {
			return
		}
	}

	if !errors.As(err, new(*supervision.GroupFullError)) && !errors.As(err, new(*supervision.NoChildError)) &&
		!errors.As(err, new(*actors.NameTakenError)) && !errors.As(err, new(*actors.PanicError)) &&
		!errors.As(err, new(*supervision.DeadlineError)) {
		m.world.audit.Violatef("S8", "an error that is not documented: %v", err)
	}
}
