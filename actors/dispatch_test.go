package actors_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// dispatched is a spec of an actor whose turns are run as d says.
func dispatched(d mailbox.Dispatch) supervision.Spec {
	return supervision.Spec{
		Mailbox: &mailbox.Options{Capacity: 8, Dispatch: d},
		Decide:  func(error) supervision.Directive { return supervision.ResumeChild },
	}
}

// With synchronous dispatch a message is handled when its send returns, from the first one after the system's start on.
func TestSynchronousDispatch(t *testing.T) {
	t.Run("the first message after a start is handled when its tell returns", func(t *testing.T) {
		for range 30 {
			s := play(t, &part{spec: dispatched(mailbox.Synchronous)})
			handled := 0

			for n := range 3 {
				tell(t, s.ref(), func(*actors.Context[job]) error {
					handled++

					return nil
				})
				require.Equal(t, n+1, handled)
			}

			s.stop(t)
		}
	})

	bubble(t, "what is sent to an actor whose turn is running is left to that turn", func(t *testing.T) {
		one := &part{name: "one", spec: dispatched(mailbox.Synchronous)}
		s := play(t, one, &part{name: "two", spec: dispatched(mailbox.Synchronous)})

		var done diary

		tell(t, s.refs["one"], func(ctx *actors.Context[job]) error {
			tell(t, s.refs["two"], func(*actors.Context[job]) error {
				tell(t, ctx.Self(), func(*actors.Context[job]) error {
					done.note("self")

					return nil
				})
				done.note("two")

				return nil
			})
			done.note("one")

			return nil
		})
		assert.Equal(t, []string{"two", "one", "self"}, done.read())
	})

	bubble(t, "a failure stays in the actor, and a restarted one is at rest when messages come", func(t *testing.T) {
		spec := dispatched(mailbox.Synchronous)
		spec.Decide = nil
		s := play(t, &part{spec: spec})
		tell(t, s.ref(), fail)
		synctest.Wait()

		handled := false

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			handled = ctx.Incarnation() == 2

			return nil
		})
		assert.True(t, handled)
	})
}

// What the goroutines of an incarnation asked for is not asked of the next one, which might not have reported its
// start.
func TestAStaleRequestIsNotObeyedByTheNextIncarnation(t *testing.T) {
	for _, d := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Synchronous} {
		bubble(t, d.String(), func(t *testing.T) {
			spec := dispatched(d)
			spec.Decide = nil
			starts := 0
			s := play(t, &part{spec: spec, start: func(ctx *actors.Context[job]) error {
				starts++
				if starts == 2 {
					ctx.Stop()
				}

				return ctx.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
			}})
			tell(t, s.ref(), fail)
			synctest.Wait()

			q := asking(t.Context(), s.ref(), keep)
			require.ErrorIs(t, q.err, mailbox.ErrStopped)
		})
	}
}

// Panics and exits leave an actor running whatever goroutine its turns have.
func TestEveryDispatchSurvivesItsActor(t *testing.T) {
	for _, d := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned, mailbox.Synchronous} {
		t.Run(d.String(), func(t *testing.T) {
			s := play(t, &part{spec: dispatched(d)})

			for range 10 {
				tell(t, s.ref(), func(*actors.Context[job]) error { panic("broken") })
				tell(t, s.ref(), fail)
				perform(t, s.ref(), nothing)
			}

			total := s.stop(t).Total
			assert.Equal(t, uint64(20), total.Failed)
			assert.Equal(t, uint64(10), total.Processed)
		})
	}
}

// The goroutine of an actor that keeps one is replaced when the actor exits it, also for what is left of that turn.
func TestAnExitedGoroutineIsReplaced(t *testing.T) {
	for _, d := range []mailbox.Dispatch{mailbox.Dedicated, mailbox.Pinned} {
		bubble(t, d.String(), func(t *testing.T) {
			s := play(t, &part{spec: dispatched(d)})
			held, release := hold()
			seen := make([]string, 0, 3)
			look := func(*actors.Context[job]) error {
				stack := make([]byte, 32)
				seen = append(seen, strings.Fields(string(stack[:runtime.Stack(stack, false)]))[1])

				return nil
			}

			tell(t, s.ref(), held, look)
			tell(t, s.ref(), func(*actors.Context[job]) error {
				runtime.Goexit()

				return nil
			})
			tell(t, s.ref(), look)
			release()
			synctest.Wait()
			perform(t, s.ref(), look)
			require.Len(t, seen, 3)
			assert.NotEqual(t, seen[0], seen[1])
			assert.Equal(t, seen[1], seen[2], "the rest of the turn, and the next turn")
		})
	}
}

func TestASenderWithSynchronousDispatchRunsTheRestartToo(t *testing.T) {
	bubble(t, "and waits for its hooks", func(t *testing.T) {
		spec := dispatched(mailbox.Synchronous)
		spec.Decide, spec.Backoff = nil, supervision.Backoff{Initial: supervision.Immediately}
		s := play(t, &part{
			spec:  spec,
			start: func(*actors.Context[job]) error { <-time.After(3 * time.Second); return nil },
			close: func(context.Context) error { <-time.After(time.Second); return nil },
		})
		began := time.Now()

		require.NoError(t, s.ref().Tell(t.Context(), fail))
		assert.Equal(t, 4*time.Second, time.Since(began))
	})
}
