package mailbox_test

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestAPillComesBehindWhatWasAcceptedAndSealsTheMailbox(t *testing.T) {
	alone := &actor.PoisonPill{}

	for name, pill := range map[string]any{
		"alone": alone, "in an envelope": &actor.MessageEnvelope{Message: alone, Sender: actor.NewPID("nonhost", "me")},
	} {
		for _, policy := range []mailbox.Overflow{mailbox.Reject, mailbox.DropNewest, mailbox.DropOldest} {
			t.Run(name+", "+policy.String(), func(t *testing.T) {
				told, observer := watchLetters()
				s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 2, Overflow: policy}, observer))

				post(box, 1, 2, pill, 3, &actor.PoisonPill{}, 4)
				assert.Equal(t, 2, box.UserMessageCount(), "a pill takes no room")

				s.play()
				assert.Equal(t, []any{1, 2, pill}, s.read())
				assert.Equal(t, []string{"3 stopping", "4 stopping"}, told.read())
			})
		}
	}
}

func TestAPillWaitsWhileTheMailboxIsSuspended(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 2}))

	box.PostSystemMessage(&actor.SuspendMailbox{})
	post(box, 1, &actor.PoisonPill{})
	s.play()
	assert.Empty(t, s.read())

	box.PostSystemMessage(&actor.ResumeMailbox{})
	s.play()
	assert.Equal(t, []any{1, &actor.PoisonPill{}}, s.read())
}

func TestAPillWakesAnIdleActor(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 2}))

	post(box, &actor.PoisonPill{})
	s.play()
	assert.Equal(t, []any{&actor.PoisonPill{}}, s.read())
}

func TestAPillStopsAnActorThatFailsBeforeItAndAnActorThatFailsOnIt(t *testing.T) {
	for name, c := range map[string]struct {
		fails any
		want  []any
	}{
		"before": {"bad", []any{&actor.Restarting{}, &actor.Started{}, "good", &actor.Stopping{}, &actor.Stopped{}}},
		"on it":  {&actor.PoisonPill{}, []any{"bad", "good", &actor.Stopping{}, &actor.Stopped{}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace()
			s := &scribe{}
			failing := func(next actor.ReceiverFunc) actor.ReceiverFunc {
				return func(ctx actor.ReceiverContext, e *actor.MessageEnvelope) {
					if assert.ObjectsAreEqual(c.fails, e.Message) {
						panic("boom")
					}

					next(ctx, e)
				}
			}
			pid := p.spawn(produce(t, mailbox.Options{Capacity: 3}), func(ctx actor.Context) {
				s.note(ctx.Message())

				if ctx.Message() == "begin" {
					for _, m := range []any{"bad", "good", &actor.PoisonPill{}, "late"} {
						ctx.Send(ctx.Self(), m)
					}
				}
			}, actor.WithReceiverMiddleware(failing))

			p.Root.Send(pid, "begin")
			assert.Equal(t, append([]any{&actor.Started{}, "begin"}, c.want...), s.read())
			assert.Equal(t, []any{"late"}, p.dead())

			_, alive := p.ProcessRegistry.GetLocal(pid.GetId())
			assert.False(t, alive)
		})
	}
}

func TestAPillStopsWhoeverItWasSentTo(t *testing.T) {
	var turns awaited

	p := newPlace()
	s := &scribe{}
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 100}), func(ctx actor.Context) { s.note(ctx.Message()) },
		actor.WithDispatcher(&turns))
	process := p.process(t, pid)

	want := []any{&actor.Started{}}

	for i := range 100 {
		p.Root.Send(pid, i)

		want = append(want, i)
	}

	require.NoError(t, p.Root.PoisonFuture(pid).Wait())
	assert.Equal(t, append(want, &actor.Stopping{}, &actor.Stopped{}), s.read())

	turns.Wait()

	told := p.Root.RequestFuture(pid, "too late", time.Minute)
	_, err := told.Result()
	require.ErrorIs(t, err, actor.ErrDeadLetter)

	// As if it had been on its way.
	process.SendUserMessage(pid, &actor.PoisonPill{})
	assert.Equal(t, []any{"too late", &actor.PoisonPill{}}, p.dead())
}
