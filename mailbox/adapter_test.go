package mailbox_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestAnAdapterHoldsExactlyItsCapacity(t *testing.T) {
	for policy, want := range map[mailbox.Overflow]struct{ handled, lost []any }{
		0:                  {[]any{0, 1, 2, 3}, []any{4, 5}},
		mailbox.Reject:     {[]any{0, 1, 2, 3}, []any{4, 5}},
		mailbox.DropNewest: {[]any{0, 1, 2, 3}, []any{4, 5}},
		mailbox.DropOldest: {[]any{0, 3, 4, 5}, []any{1, 2}},
	} {
		t.Run(policy.String(), func(t *testing.T) {
			var box actor.Mailbox

			p := newPlace()
			told, observer := watchLetters()
			s := &scribe{}
			produce := produce(t, mailbox.Options{Capacity: 3, Overflow: policy}, observer)
			pid := p.spawn(func() actor.Mailbox { box = produce(); return box }, func(ctx actor.Context) {
				n, ok := ctx.Message().(int)
				if !ok {
					return
				}

				s.note(n)

				if n > 0 {
					return
				}

				for m := range 5 { // while message 0 is in hand
					ctx.Send(ctx.Self(), m+1)
				}

				assert.Equal(t, 3, box.UserMessageCount())
			})

			p.Root.Send(pid, 0)
			assert.Equal(t, want.handled, s.read())
			assert.Equal(t, want.lost, p.dead())
			assert.Zero(t, box.UserMessageCount())

			reason, cause := mailbox.Full, "data lane is full, its capacity is 3"
			if policy == mailbox.DropNewest || policy == mailbox.DropOldest {
				reason, cause = mailbox.Dropped, "data lane is full, its policy is to "+policy.String()
			}

			for i, l := range told.told {
				assert.Equal(t, mailbox.DeadLetter{PID: l.PID, Message: want.lost[i], Reason: reason, Cause: l.Cause}, l)
				assert.Equal(t, pid.GetId(), l.PID.GetId())
				require.EqualError(t, l.Cause, "nonhost/"+pid.GetId()+": "+cause)
			}

			stats := figures(t, box)
			assert.Zero(t, stats.Unaccounted())
			assert.EqualValues(t, 4, stats.Processed)
			assert.EqualValues(t, 2, stats.Refused[mailbox.Full]+stats.Dropped)
		})
	}
}

func TestSystemMessagesComeBetweenAnyTwoUserMessages(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 10}))
	s.handle = func(m any) {
		switch m {
		case 1:
			box.PostSystemMessage("first")
			box.PostSystemMessage("second")
		case "second":
			box.PostSystemMessage("third")
		}
	}

	post(box, 1, 2, 3)
	box.PostSystemMessage("before")
	assert.Equal(t, 1, s.play())
	assert.Equal(t, []any{"before", 1, "first", "second", "third", 2, 3}, s.read())
}

func TestAnActorHandlesNothingBeforeItIsStarted(t *testing.T) {
	told, observer := watchLetters()
	s := &scribe{}
	box := produce(t, mailbox.Options{Capacity: 1}, observer)()

	watch := &actor.Watch{Watcher: actor.NewPID("nonhost", "early")}
	post(box, 1, 2)
	box.PostSystemMessage(watch)
	assert.Empty(t, told.read(), "nobody knows yet who was meant")

	box.RegisterHandlers(s, s)
	assert.Equal(t, []string{"2 full"}, told.read())
	post(box, 3)
	box.PostSystemMessage(&actor.Stop{})
	assert.Zero(t, s.play())

	box.PostSystemMessage(&actor.Started{})
	assert.Equal(t, 1, s.play())
	assert.Equal(t, []any{&actor.Started{}, watch, &actor.Stop{}, 1}, s.read())
}

func TestAMessageFromASpawnHookThatFindsNoRoomIsADeadLetter(t *testing.T) {
	p := newPlace()
	s := &scribe{}
	flood := actor.WithOnInit(func(ctx actor.Context) {
		for i := range 3 {
			p.Root.Send(ctx.Self(), i)
		}
	})
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 1}), func(ctx actor.Context) { s.note(ctx.Message()) }, flood)

	assert.Equal(t, []any{&actor.Started{}, 0}, s.read())
	require.Equal(t, []any{1, 2}, p.dead())
	assert.Equal(t, pid.GetId(), p.letters[0].PID.GetId())
}

func TestRepeatedSystemMessagesTakeNoRoom(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 1}))
	one, two := actor.NewPID("nonhost", "one"), actor.NewPID("nonhost", "two")

	for range 1000 {
		for _, m := range []any{
			&actor.Watch{Watcher: one}, &actor.Unwatch{Watcher: two}, &actor.Restart{}, &actor.Stop{},
			&actor.SuspendMailbox{}, &actor.Watch{Watcher: two}, &actor.ResumeMailbox{},
		} {
			box.PostSystemMessage(m)
		}
	}

	s.play()

	watch, stop := &actor.Watch{Watcher: one}, &actor.Stop{}
	assert.Equal(t, []any{watch, &actor.Watch{Watcher: two}, &actor.Restart{}, stop}, s.read(),
		"each once, where it first stood, the last word of each watcher")

	box.PostSystemMessage(watch)
	box.PostSystemMessage(stop)
	s.play()
	assert.Equal(t, []any{watch, stop}, s.read(), "what was obeyed can be ordered again")
}

func TestUserMessagesWaitWhileTheMailboxIsSuspended(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 3}))

	box.PostSystemMessage(&actor.SuspendMailbox{})
	s.play()
	post(box, 1, 2)
	assert.Zero(t, s.play(), "a user message is no reason for a turn")

	box.PostSystemMessage("heard")
	s.play()
	assert.Equal(t, []any{"heard"}, s.read())
	assert.Equal(t, 2, box.UserMessageCount())

	box.PostSystemMessage(&actor.ResumeMailbox{})
	s.play()
	assert.Equal(t, []any{1, 2}, s.read())

	s.handle = func(m any) {
		if m == 3 {
			box.PostSystemMessage(&actor.SuspendMailbox{})
		}
	}

	post(box, 3, 4)
	s.play()
	assert.Equal(t, []any{3}, s.read(), "it holds from the next message on")

	box.PostSystemMessage(&actor.ResumeMailbox{})
	s.play()
	assert.Equal(t, []any{4}, s.read())
}

func TestAFailureIsEscalatedAndTheMailboxGoesOn(t *testing.T) {
	errBoom := errors.New("boom")

	var none error

	for name, c := range map[string]struct {
		fail func()
		want string
	}{
		"a panic":        {func() { panic(errBoom) }, "boom"},
		"a panic of nil": {func() { panic(none) }, "panic called with nil argument"},
		"runtime.Goexit": {runtime.Goexit, "runtime.Goexit called in an actor"},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 3}))
			s.handle = func(m any) {
				if strings.HasPrefix(fmt.Sprint(m), "bad") {
					c.fail()
				}
			}

			post(box, "bad", "good")
			box.PostSystemMessage("bad order")
			box.PostSystemMessage("good order")

			for played := true; played; { // on goroutines that may end before they return
				turns := make(chan int)

				go func() {
					n := 0
					defer func() { turns <- n }()
					n = s.play()
				}()

				played = await(t, turns, "the turn ended") > 0 || len(s.turns) > 0
			}

			assert.Equal(t, []string{"bad order failed: " + c.want, "good order", "bad failed: " + c.want, "good"},
				cut(s.read(), c.want))

			stats := figures(t, box)
			assert.Zero(t, stats.Unaccounted())
			assert.EqualValues(t, 1, stats.Failed)
			assert.EqualValues(t, 1, stats.Processed)
		})
	}
}

func TestARestartKeepsTheQueue(t *testing.T) {
	p := newPlace()
	s := &scribe{}
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 3}), func(ctx actor.Context) {
		s.note(ctx.Message())

		if ctx.Message() == "bad" {
			ctx.Send(ctx.Self(), "behind")
			ctx.Send(ctx.Self(), "and behind")
			panic("boom")
		}
	})

	p.Root.Send(pid, "bad")
	assert.Equal(t, []any{
		&actor.Started{}, "bad", &actor.Restarting{}, &actor.Started{}, "behind", "and behind",
	}, s.read())
	assert.Empty(t, p.dead())
}

// cut returns what was noted, each cut behind the first occurrence of what is looked for.
func cut(noted []any, after string) (all []string) {
	for _, n := range noted {
		text := fmt.Sprint(n)
		if at := strings.Index(text, after); at >= 0 {
			text = text[:at+len(after)]
		}

		all = append(all, text)
	}

	return all
}

// panicking is a strategy that cannot decide.
type panicking struct{}

func (panicking) HandleFailure(*actor.ActorSystem, actor.Supervisor, *actor.PID, *actor.RestartStatistics, any, any) {
	panic("I do not know either")
}

func TestAnActorWhoseSupervisorPanicsIsStopped(t *testing.T) {
	p := newPlace()
	s := &scribe{}
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 3}), func(ctx actor.Context) {
		s.note(ctx.Message())

		if ctx.Message() == "bad" {
			ctx.Send(ctx.Self(), "behind")
			panic("boom")
		}
	}, actor.WithGuardian(panicking{}))

	p.Root.Send(pid, "bad")
	assert.Equal(t, []any{&actor.Started{}, "bad", &actor.Stopping{}, &actor.Stopped{}}, s.read())
	assert.Equal(t, []any{"behind"}, p.dead())
}

func TestNothingBringsAStoppedActorBack(t *testing.T) {
	for name, child := range map[string]bool{"at once": false, "when its child has stopped": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace()
			s := &scribe{}
			pid := p.spawn(produce(t, mailbox.Options{Capacity: 3}), func(ctx actor.Context) {
				switch m := ctx.Message(); m.(type) {
				case *actor.Terminated:
				case *actor.Started:
					if child {
						ctx.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
					}
				case string:
					process := p.process(t, ctx.Self())
					process.Stop(ctx.Self())
					process.SendSystemMessage(ctx.Self(), &actor.Restart{}) // as a supervisor that did not know would
				default:
					s.note(m)
				}
			})
			process := p.process(t, pid)
			gone := actor.NewFuture(p.ActorSystem, time.Minute)

			process.SendSystemMessage(pid, &actor.Watch{Watcher: gone.PID()})
			p.Root.Send(pid, "stop")
			require.NoError(t, gone.Wait())
			assert.Equal(t, []any{&actor.Stopping{}, &actor.Stopped{}}, s.read())

			for _, m := range []any{&actor.Restart{}, &actor.Stop{}, &actor.ResumeMailbox{}, &actor.Started{}} {
				process.SendSystemMessage(pid, m)
			}

			assert.Empty(t, s.read())

			late := actor.NewFuture(p.ActorSystem, time.Minute)
			process.SendSystemMessage(pid, &actor.Watch{Watcher: late.PID()})

			said, err := late.Result()
			require.NoError(t, err)
			assert.Equal(t, &actor.Terminated{Who: pid}, said)
			assert.Empty(t, p.dead())
		})
	}
}

func TestAnAdapterAtRestHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace()
		pid := p.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			if ctx.Message() == "ping" {
				ctx.Respond("pong")
			}
		}, actor.WithMailbox(produce(t, mailbox.Options{Capacity: 3}))))

		answer, err := p.Root.RequestFuture(pid, "ping", time.Minute).Result()
		require.NoError(t, err)
		assert.Equal(t, "pong", answer)
		// Were there a goroutine of the actor's left, the bubble would not end.
	})
}

func TestEmptyMessages(t *testing.T) {
	told, observer := watchLetters()
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 3}, observer))

	post(box, nil, (*actor.MessageEnvelope)(nil), &actor.MessageEnvelope{})
	box.PostSystemMessage(nil)
	s.play()
	assert.Equal(t, []any{nil, nil, &actor.MessageEnvelope{}}, s.read())
	assert.Equal(t, []string{"<nil> undecodable"}, told.read())
}
