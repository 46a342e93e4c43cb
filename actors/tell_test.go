package actors_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// way is one of the ways to send a message.
type way struct {
	name  string
	waits bool
	send  func(ctx context.Context, ref actors.Ref[job], j job) error
}

func ways() []way {
	return []way{
		{"Tell", true, func(ctx context.Context, ref actors.Ref[job], j job) error { return ref.Tell(ctx, j) }},
		{"TryTell", false, func(_ context.Context, ref actors.Ref[job], j job) error { return ref.TryTell(j) }},
		{"TellControl", true, func(ctx context.Context, ref actors.Ref[job], j job) error {
			return ref.TellControl(ctx, j)
		}},
		{"TryTellControl", false, func(_ context.Context, ref actors.Ref[job], j job) error {
			return ref.TryTellControl(j)
		}},
	}
}

func TestTell(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) { testTell(t, w) })
	}

	bubble(t, "control overtakes data", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		say := func(what string) job {
			return func(*actors.Context[job]) error { d.note(what); return nil }
		}
		held, release := hold()

		tell(t, s.ref(), held)
		synctest.Wait()
		tell(t, s.ref(), say("data 1"), say("data 2"))
		require.NoError(t, s.ref().TellControl(t.Context(), say("control 1")))
		require.NoError(t, s.ref().TryTellControl(say("control 2")))
		release()
		synctest.Wait()
		assert.Equal(t, []string{"control 1", "control 2", "data 1", "data 2"}, d.read())
	})
}

func testTell(t *testing.T, w way) {
	bubble(t, "answers nil, and the message is handled once", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		require.NoError(t, w.send(t.Context(), s.ref(), func(*actors.Context[job]) error { d.note("handled"); return nil }))
		synctest.Wait()
		assert.Equal(t, []string{"handled"}, d.read())
	})

	t.Run("to the zero Ref answers ErrNoRef", func(t *testing.T) {
		require.ErrorIs(t, w.send(t.Context(), actors.Ref[job]{}, nothing), actors.ErrNoRef)
	})

	bubble(t, "under a nil or ended context sends nothing", func(t *testing.T) {
		if !w.waits {
			t.Skip("it takes no context")
		}

		s := play(t, &part{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.send(ctx, s.ref(), nothing), context.Canceled)
		require.ErrorIs(t, w.send(nil, s.ref(), nothing), mailbox.ErrNilContext)
		assert.Zero(t, s.stop(t).Total.Accepted)
	})

	bubble(t, "to a full mailbox waits if it may, and otherwise answers which lane is full", func(t *testing.T) {
		for _, policy := range []mailbox.Overflow{mailbox.Block, mailbox.Reject} {
			s := play(t, &part{spec: supervision.Spec{Mailbox: small(policy)}})
			held, release := hold()

			require.NoError(t, w.send(t.Context(), s.ref(), held))
			synctest.Wait()
			require.NoError(t, w.send(t.Context(), s.ref(), nothing))

			began := time.Now()

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := w.send(ctx, s.ref(), nothing)

			cancel()

			if w.waits && policy == mailbox.Block {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Second, time.Since(began))
			} else {
				var full *mailbox.FullError

				require.ErrorAs(t, err, &full)
				assert.Equal(t, "/stage/actor", full.Target)
				assert.Equal(t, 1, full.Capacity)
				assert.Zero(t, time.Since(began))
			}

			release()
			assert.Empty(t, s.letters(), "the sender still has its message")
			assert.Equal(t, uint64(2), s.stop(t).Total.Processed)
		}
	})

	bubble(t, "from outside answers ErrStopping from the first phase of a shutdown on", func(t *testing.T) {
		s := play(t, &part{})
		held, release := hold()

		tell(t, s.ref(), held)
		s.Stop()

		err := w.send(t.Context(), s.ref(), nothing)
		require.ErrorIs(t, err, mailbox.ErrStopping)

		var refused *mailbox.SendError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, "/stage/actor", refused.Target)
		release()
	})

	bubble(t, "from inside answers ErrStopping while the actor drains and ErrStopped after", func(t *testing.T) {
		var self actors.Ref[job]

		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error { self = ctx.Self(); return nil })

		held, release := hold()
		tell(t, s.ref(), held)
		synctest.Wait()

		pid, _ := s.PID("/stage/actor")
		s.Protoactor().Root.Poison(pid)
		require.ErrorIs(t, w.send(t.Context(), self, nothing), mailbox.ErrStopping)
		release()
		synctest.Wait()
		require.ErrorIs(t, w.send(t.Context(), self, nothing), mailbox.ErrStopped)
		require.ErrorIs(t, w.send(t.Context(), s.ref(), nothing), mailbox.ErrStopped)

		want := []mailbox.Reason{mailbox.Stopping, mailbox.Stopped, mailbox.Stopped}
		for i, l := range s.letters() {
			assert.Equal(t, want[i], l.Reason)
			assert.Equal(t, "/stage/actor", l.Target)
		}

		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopping: 1, mailbox.Stopped: 2}, s.stop(t).DeadLetters)
	})
}

func TestRef(t *testing.T) {
	t.Run("the zero Ref has neither path nor PID", func(t *testing.T) {
		assert.Empty(t, actors.Ref[job]{}.Path())
		assert.Nil(t, actors.Ref[job]{}.PID())
	})

	bubble(t, "reference, queue and PID survive restarts, the state does not", func(t *testing.T) {
		incarnations := 0
		p := &part{}
		p.factory = func() (actors.Actor[job], error) {
			incarnations++

			return &part{}, nil
		}

		s := play(t, p)
		pid := s.ref().PID()
		assert.Equal(t, "/stage/actor", s.ref().Path())
		assert.Equal(t, "stage/actor", pid.GetId())

		var seen []uint64

		look := func(ctx *actors.Context[job]) error {
			assert.Equal(t, "/stage/actor", ctx.Path())
			assert.Same(t, pid, ctx.PID())
			assert.Same(t, pid, ctx.Self().PID())
			seen = append(seen, ctx.Incarnation())

			return nil
		}

		tell(t, s.ref(), []job{look, fail, look, look, fail, fail, look}...) // the queue is kept and keeps its order
		synctest.Wait()
		assert.Equal(t, []uint64{1, 2, 2, 4}, seen)
		assert.Equal(t, 4, incarnations)

		found, ok := s.PID("/stage/actor")
		assert.True(t, ok)
		assert.Same(t, pid, found)
		assert.Equal(t, 3, s.stop(t).Restarts)
	})

	bubble(t, "a failed message is a dead letter with its cause, counted once", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), fail)
		synctest.Wait()
		assert.Equal(t, []system.Letter{{Target: "/stage/actor", Reason: mailbox.Failed, Cause: errTest}}, s.letters())

		r := s.stop(t)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Empty(t, r.Total.DeadLettered)
	})
}
