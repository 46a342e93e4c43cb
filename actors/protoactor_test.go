package actors_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// batch is several messages sent as one.
type batch []any

func (b batch) GetMessages() []any { return b }

// torn is a batch that cannot say what is in it.
type torn struct{}

func (torn) GetMessages() []any { panic("torn") }

// native starts a plain protoactor actor that hands all it receives to f, and stops it at the end of the test.
func native(t *testing.T, s *stage, f actor.ReceiveFunc) *actor.PID {
	t.Helper()

	root := s.Protoactor().Root
	pid := root.Spawn(actor.PropsFromFunc(f))
	t.Cleanup(func() {
		root.Stop(pid)
		synctest.Wait()
	})

	return pid
}

func pidOf(t *testing.T, s *stage) *actor.PID {
	t.Helper()

	pid, ok := s.PID("/stage/actor")
	require.True(t, ok)

	return pid
}

func TestProtoactorSends(t *testing.T) {
	bubble(t, "a message alone, in an envelope and in a batch of either is handled, in order", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root
		say := func(what string) job {
			return func(*actors.Context[job]) error { d.note(what); return nil }
		}
		enveloped := func(m any) *actor.MessageEnvelope { return &actor.MessageEnvelope{Message: m, Sender: pid} }

		root.Send(pid, say("alone"))
		root.RequestWithCustomSender(pid, say("with a sender"), actor.NewPID("elsewhere", "sender"))
		root.Send(pid, enveloped(say("enveloped")))
		root.Send(pid, batch{say("first of a batch"), enveloped(say("second")), batch{say("nested")}})
		root.Send(pid, enveloped(batch{say("batch in an envelope")}))
		root.Send(actor.NewPID(pid.GetAddress(), "stage/actor"), say("by name"))
		synctest.Wait()
		assert.Equal(t, []string{
			"alone", "with a sender", "enveloped", "first of a batch", "second", "nested", "batch in an envelope", "by name",
		}, d.read())
		assert.Empty(t, s.letters())
	})

	bubble(t, "a batch that panics is a dead letter, and its sender goes on", func(t *testing.T) {
		s := play(t, &part{})
		s.Protoactor().Root.Send(pidOf(t, s), torn{})

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, torn{}, letters[0].Message)
		assert.Equal(t, mailbox.Undecodable, letters[0].Reason)

		var panicked *actors.PanicError
		require.ErrorAs(t, letters[0].Cause, &panicked)
		assert.Equal(t, "torn", panicked.Value)
	})

	bubble(t, "what is not the actor's message is a dead letter, undecodable, and never a panic", func(t *testing.T) {
		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root
		sender := actor.NewPID("elsewhere", "sender")
		done := make(chan struct{})

		root.Send(pid, "text")
		root.Send(pid, nil)
		root.Send(pid, &actor.MessageEnvelope{Message: 42, Sender: sender})
		root.Send(pid, batch{"in a batch", job(func(*actors.Context[job]) error { close(done); return nil })})
		root.Send(pid, &actor.MessageEnvelope{Message: batch{"sent on"}, Sender: sender})
		root.Send(pid, batch{})
		root.Send(pid, &actor.Restarting{}) // protoactor's own lifecycle messages are not this actor's
		root.Send(pid, func(*actors.Context[job]) error { return nil })
		<-done
		synctest.Wait()

		want := []struct {
			message any
			sender  string
		}{
			{"text", ""},
			{nil, ""},
			{42, "elsewhere"},
			{"in a batch", ""},
			{"sent on", "elsewhere"},
			{&actor.Restarting{}, ""},
		}
		got := s.DeadLetters().Letters()
		require.Len(t, got, len(want)+1)

		for i, w := range want {
			assert.Equal(t, w.message, got[i].Message)
			assert.Contains(t, got[i].Sender, w.sender)
		}

		for _, l := range got {
			assert.Equal(t, mailbox.Undecodable, l.Reason)
			assert.Equal(t, "/stage/actor", l.Target)
			require.EqualError(t, l.Cause, "message is not of the actor's message type")
		}

		assert.Equal(t, uint64(1), s.stop(t).Total.Accepted, "what is undecodable is not accepted")
	})

	bubble(t, "what finds no room is a dead letter at once, also where senders of troupe would wait", func(t *testing.T) {
		for _, policy := range []mailbox.Overflow{mailbox.Block, mailbox.Reject} {
			s := play(t, &part{spec: supervision.Spec{Mailbox: small(policy)}})
			held, release := hold()
			pid, root := pidOf(t, s), s.Protoactor().Root

			root.Send(pid, held)
			synctest.Wait()

			for range 3 {
				root.Send(pid, job(nothing))
			}

			var full *mailbox.FullError

			letters := s.letters()
			require.Len(t, letters, 2)
			assert.Equal(t, mailbox.Full, letters[0].Reason)
			require.ErrorAs(t, letters[0].Cause, &full)
			assert.Equal(t, 1, full.Capacity)
			release()
			s.stop(t)
		}
	})

	bubble(t, "a dead letter is an event on protoactor's event stream too", func(t *testing.T) {
		s := play(t, &part{})
		pid := pidOf(t, s)

		var events []*actor.DeadLetterEvent

		s.Protoactor().EventStream.Subscribe(func(event any) {
			if e, ok := event.(*actor.DeadLetterEvent); ok {
				events = append(events, e)
			}
		})
		s.Protoactor().Root.Send(pid, "text")
		synctest.Wait()
		require.Len(t, events, 1)
		assert.Equal(t, "text", events[0].Message)
		assert.True(t, pid.Equal(events[0].PID))
		assert.Len(t, s.letters(), 1, "the office does not take its own event for a new letter")
	})
}

func TestProtoactorStops(t *testing.T) {
	// busy starts an actor that has one message in hand and two queued.
	busy := func(t *testing.T, d *diary) (s *stage, pid *actor.PID, release func()) {
		t.Helper()

		s = play(t, &part{
			spec:  supervision.Spec{Restart: supervision.Permanent},
			flush: func(context.Context) error { d.note("flush"); return nil },
			close: func(context.Context) error { d.note("close"); return nil },
		})
		held, release := hold()
		tell(t, s.ref(), held)
		synctest.Wait()

		for range 2 {
			tell(t, s.ref(), func(*actors.Context[job]) error { d.note("message"); return nil })
		}

		return s, pidOf(t, s), release
	}

	bubble(t, "a PoisonPill works the queue off, then stops the actor for good", func(t *testing.T) {
		var d diary

		s, pid, release := busy(t, &d)
		s.Protoactor().Root.Poison(pid)
		require.ErrorIs(t, s.ref().TryTell(nothing), mailbox.ErrStopping, "the pill is the last thing accepted")
		s.Protoactor().Root.Send(pid, job(nothing))
		release()
		synctest.Wait()
		assert.Equal(t, []string{"message", "message", "flush", "close"}, d.read())
		require.ErrorIs(t, s.ref().TryTell(nothing), mailbox.ErrStopped)

		letters := s.letters()
		require.Len(t, letters, 3)
		assert.Equal(t, mailbox.Stopping, letters[0].Reason)
		assert.Equal(t, mailbox.Stopping, letters[1].Reason)
		assert.Equal(t, mailbox.Stopped, letters[2].Reason)
	})

	bubble(t, "Stop leaves the queue to the dead letters", func(t *testing.T) {
		var d diary

		s, pid, release := busy(t, &d)
		s.Protoactor().Root.Stop(pid)
		release()
		synctest.Wait()
		assert.Equal(t, []string{"flush", "close"}, d.read())

		r := s.stop(t)
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopped: 2}, r.Total.DeadLettered)
		assert.Equal(t, uint64(1), r.Total.Processed)
	})

	bubble(t, "what is sent to the PID afterwards is a dead letter, by an old PID and by a new one", func(t *testing.T) {
		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root

		root.Send(pid, job(nothing)) // the PID has found its process
		root.Poison(pid)
		synctest.Wait()
		root.Send(pid, job(nothing))
		root.Send(actor.NewPID(pid.GetAddress(), pid.GetId()), "whatever")
		synctest.Wait()
		assert.Equal(t, []system.Letter{
			{Target: "/stage/actor", Reason: mailbox.Stopped}, {Target: "/stage/actor", Reason: mailbox.Stopped},
		}, s.letters())
	})

	bubble(t, "stopping it twice, or both ways, is stopping it once", func(t *testing.T) {
		var d diary

		s, pid, release := busy(t, &d)
		root := s.Protoactor().Root
		root.Poison(pid)
		root.Poison(pid)
		root.Stop(pid)
		release()
		synctest.Wait()
		root.Stop(pid)
		root.Poison(pid)
		synctest.Wait()
		assert.Equal(t, []string{"message", "message", "flush", "close"}, d.read())
	})

	bubble(t, "during a shutdown a send is a dead letter, stopping", func(t *testing.T) {
		s := play(t, &part{})
		held, release := hold()
		tell(t, s.ref(), held)
		synctest.Wait()
		s.Stop()
		s.Protoactor().Root.Send(pidOf(t, s), job(nothing))
		assert.Equal(t, []system.Letter{
			{Target: "/stage/actor", Reason: mailbox.Stopping, Cause: mailbox.ErrStopping},
		}, s.letters())
		release()
	})
}

func TestProtoactorWatches(t *testing.T) {
	type watch struct{ pid *actor.PID }

	type unwatch struct{ pid *actor.PID }

	// watcher is a plain protoactor actor that notes what it is told.
	watcher := func(t *testing.T, s *stage, told *[]*actor.Terminated) *actor.PID {
		t.Helper()

		return native(t, s, func(c actor.Context) {
			switch m := c.Message().(type) {
			case watch:
				c.Watch(m.pid)
			case unwatch:
				c.Unwatch(m.pid)
			case *actor.Terminated:
				*told = append(*told, m)
			}
		})
	}

	bubble(t, "each watcher is told once when the actor has stopped, and not at a restart", func(t *testing.T) {
		var first, second []*actor.Terminated

		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root
		one, two := watcher(t, s, &first), watcher(t, s, &second)

		root.Send(one, watch{pid})
		root.Send(one, watch{pid})
		root.Send(two, watch{pid})
		synctest.Wait()
		tell(t, s.ref(), fail)
		synctest.Wait()
		assert.Empty(t, first)

		root.Poison(pid)
		synctest.Wait()

		for _, told := range [][]*actor.Terminated{first, second} {
			require.Len(t, told, 1)
			assert.Equal(t, actor.TerminatedReason_Stopped, told[0].GetWhy())
			assert.True(t, pid.Equal(told[0].GetWho()))
		}

		s.stop(t)
		assert.Len(t, first, 1)
	})

	bubble(t, "one that comes too late is told at once", func(t *testing.T) {
		var told []*actor.Terminated

		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root
		late := watcher(t, s, &told)

		root.Poison(pid)
		synctest.Wait()
		root.Send(late, watch{pid})
		synctest.Wait()
		require.Len(t, told, 1)
		assert.Equal(t, actor.TerminatedReason_NotFound, told[0].GetWhy())
	})

	bubble(t, "one that has stopped watching is not told", func(t *testing.T) {
		var told []*actor.Terminated

		s := play(t, &part{})
		pid, root := pidOf(t, s), s.Protoactor().Root
		w := watcher(t, s, &told)

		root.Send(w, watch{pid})
		root.Send(w, unwatch{pid})
		synctest.Wait()
		root.Poison(pid)
		synctest.Wait()
		assert.Empty(t, told)
	})

	bubble(t, "a shutdown tells watchers too", func(t *testing.T) {
		var told []*actor.Terminated

		s := play(t, &part{})
		s.Protoactor().Root.Send(watcher(t, s, &told), watch{pidOf(t, s)})
		synctest.Wait()
		s.stop(t)
		synctest.Wait()
		assert.Len(t, told, 1)
	})
}
