package world

import (
	"fmt"
	"time"

	"github.com/troupe-go/troupe/actors"
)

// maxTimers is how many timers, and maxWatches how many watches, an instance has at a time.
const (
	maxTimers  = 8
	maxWatches = 8
)

// time sets and ends timers.
func (w *worker) time(ctx *actors.Context[Msg], d Deed) {
	switch d {
	case Cancel:
		for token, t := range w.timers {
			delete(w.timers, token)

			if t.Cancel() {
				w.life.Cancelled(token)
			}

			return
		}
	case SetIdle:
		after := time.Duration(w.rng.IntN(3)) * 20 * time.Millisecond

		w.life.SetIdle(after)

		_ = ctx.SetIdleTimeout(after, Msg{Own: idle})
	default:
		w.setTimer(ctx, d == SetTicker)
	}
}

func (w *worker) setTimer(ctx *actors.Context[Msg], every bool) {
	if len(w.timers) >= maxTimers {
		clear(w.timers) // what was one of them ticks on or is over

		return
	}

	if w.life.Timers() >= maxTimers {
		return
	}

	d := time.Millisecond + time.Duration(w.rng.Int64N(int64(20*time.Millisecond)))
	set := ctx.After

	if every {
		d += 10 * time.Millisecond
		set = ctx.Every
	}

	token := w.life.Timer(d, every)

	t, err := set(d, Msg{Own: tick, Token: token})
	if err != nil {
		w.life.Cancelled(token)

		return
	}

	w.timers[token] = t
}

// watch watches a child of the group, or ends that.
func (w *worker) watch(ctx *actors.Context[Msg], d Deed) {
	if d == UnwatchOne {
		for token, ref := range w.watched {
			if actors.Unwatch(ctx, ref) {
				w.life.Unwatched(token)
			}

			delete(w.watched, token)

			return
		}

		return
	}

	ref, ok := w.crowd.Lookup(childName(w.rng.IntN(maxCrowd)))
	if !ok || len(w.watched) >= maxWatches || w.life.Watching(ref.PID()) {
		return
	}

	token := w.life.Watch(ref.PID())

	err := actors.Watch(ctx, ref, func(actors.Terminated) Msg { return Msg{Own: terminated, Token: token} })
	if err != nil {
		w.life.Unwatched(token)

		return
	}

	w.watched[token] = ref
}

func childName(n int) string { return fmt.Sprintf("child-%d", n) }
