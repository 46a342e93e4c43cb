package actors_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Who was let go a moment ago may not have come to say that it waits no longer.
func TestAWaitThatHasJustEndedIsNoDeadlock(t *testing.T) {
	const rounds = 300

	bubble(t, "the asked actor answers and asks back", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})

		for range rounds {
			done := make(results, 2)
			tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
				_, err := ask(ctx, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
					err := r.Send("")
					done <- asks(ctx, s.refs["a"])

					return err
				})
				done <- err

				return nil
			})
			done.all(t, 2)
		}
	})

	bubble(t, "the actor that has made room asks back", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b", spec: supervision.Spec{Mailbox: small(mailbox.Block)}})

		for range rounds {
			done := make(results, 2)
			held, release := hold()

			tell(t, s.refs["b"], held)
			synctest.Wait()
			tell(t, s.refs["b"], func(ctx *actors.Context[job]) error {
				done <- asks(ctx, s.refs["a"])

				return nil
			})
			tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
				done <- tells(ctx, s.refs["b"])

				return nil
			})
			synctest.Wait()
			release()
			done.all(t, 2)
		}
	})

	bubble(t, "the other has asked before, and asks when its mailbox has room for the question", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})

		for range rounds {
			done := make(results, 2)
			held, release := hold()

			tell(t, s.refs["b"], held)
			tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
				limited, cancel := context.WithCancel(ctx)
				defer cancel()

				require.NoError(t, ctx.Go(func(context.Context) error { cancel(); release(); return nil }))

				if err := asks(limited, s.refs["b"]); err != nil {
					assert.ErrorIs(t, err, context.Canceled)
				}

				return nil
			})
			tell(t, s.refs["b"], func(ctx *actors.Context[job]) error {
				err := asks(ctx, s.refs["a"])
				done <- err
				done <- err

				return nil
			})
			done.all(t, 2)
		}
	})
}

func TestACycleThatIsClosedWhileTheQuestionIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})
		building := make(chan struct{})

		var first, second error

		tell(t, s.refs["b"], func(ctx *actors.Context[job]) error {
			<-building

			second = asks(ctx, s.refs["a"])

			return nil
		})
		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, first = actors.Ask(ctx, s.refs["b"], func(r actors.Reply[string]) job {
				close(building)

				for s.Stats()[0].Queued == 0 { // until b has asked a
					runtime.Gosched()
				}

				return func(ctx *actors.Context[job]) error { return answering(ctx, r) }
			})

			return nil
		})
		synctest.Wait()
		assert.NotEqual(t, first == nil, second == nil, "whoever was the last to wait is told")
		require.ErrorAs(t, errors.Join(first, second), new(*actors.DeadlockError))
	})
}

// storm has actors wait for each other at random, in truth at the same time.
type storm struct {
	*stage

	names     []string
	upwards   bool // only for those with a later name
	deadlocks atomic.Int64
}

// act waits for some others; whom it asks does the same before it answers.
func (w *storm) act(ctx *actors.Context[job], self, depth int) error {
	for range rand.IntN(3) {
		to := rand.IntN(len(w.names))
		if w.upwards {
			to = self + 1 + rand.IntN(3)
		}

		if to >= len(w.names) {
			return nil
		}

		deeper := func(ctx *actors.Context[job]) error {
			if depth == 0 {
				return nil
			}

			return w.act(ctx, to, depth-1)
		}

		var err error

		switch ref := w.refs[w.names[to]]; rand.IntN(4) {
		case 0:
			err = ref.Tell(ctx, deeper)
		case 1:
			err = ref.TellControl(ctx, deeper)
		default:
			_, err = ask(ctx, ref, func(ctx *actors.Context[job], r actors.Reply[string]) error {
				return errors.Join(deeper(ctx), r.Send(""))
			})
		}

		if errors.As(err, new(*actors.DeadlockError)) {
			w.deadlocks.Add(1)
		} else if err != nil {
			return err
		}
	}

	return nil
}

func (w *storm) rage(t *testing.T, each int) {
	t.Helper()

	parts := make([]*part, len(w.names))
	for i, n := range w.names {
		parts[i] = &part{name: n, spec: supervision.Spec{Mailbox: small(mailbox.Block)}}
	}

	w.stage = play(t, parts...)

	var all sync.WaitGroup

	for i, n := range w.names {
		all.Go(func() {
			for range each {
				assert.NoError(t, w.refs[n].Tell(t.Context(), func(ctx *actors.Context[job]) error {
					return w.act(ctx, i, 2)
				}))
			}
		})
	}

	all.Wait() // a deadlock that is not found is one of the bubble
	synctest.Wait()

	r := w.stop(t)
	assert.Zero(t, r.Total.Failed)
	assert.Empty(t, w.letters())
}

func TestAStormOfWaits(t *testing.T) {
	bubble(t, "in all directions ends, because those who would wait for themselves are told", func(t *testing.T) {
		w := &storm{names: []string{"a", "b", "c", "d"}}
		w.rage(t, 300)
		assert.NotZero(t, w.deadlocks.Load())
	})

	bubble(t, "in one direction is no deadlock", func(t *testing.T) {
		w := &storm{names: []string{"a", "b", "c", "d", "e", "f", "g", "h"}, upwards: true}
		w.rage(t, 300)
		assert.Zero(t, w.deadlocks.Load())
	})
}
