package mailbox_test

import (
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestWhatIsQueuedAtTheStopBecomesDeadLetters(t *testing.T) {
	never := actor.NewOneForOneStrategy(0, 0, actor.DefaultDecider)

	for name, end := range map[string]func(ctx actor.Context){
		"by Stop":                func(ctx actor.Context) { ctx.Stop(ctx.Self()) },
		"by an exhausted budget": func(actor.Context) { panic("boom") },
		"by Stop before a pill": func(ctx actor.Context) {
			ctx.Send(ctx.Self(), &actor.PoisonPill{})
			ctx.Stop(ctx.Self())
		},
		"by Stop while suspended": func(ctx actor.Context) {
			p, _ := ctx.ActorSystem().ProcessRegistry.Get(ctx.Self())
			p.SendSystemMessage(ctx.Self(), &actor.SuspendMailbox{})
			ctx.Stop(ctx.Self())
		},
	} {
		t.Run(name, func(t *testing.T) {
			var box actor.Mailbox

			p := newPlace()
			told, observer := watchLetters()
			produce := produce(t, mailbox.Options{Capacity: 3}, observer)
			future := actor.NewFuture(p.ActorSystem, time.Hour)
			pid := p.spawn(func() actor.Mailbox { box = produce(); return box }, func(ctx actor.Context) {
				if ctx.Message() == "end" {
					ctx.Send(ctx.Self(), 1)
					ctx.RequestWithCustomSender(ctx.Self(), 2, future.PID())
					ctx.Send(ctx.Self(), 3)
					end(ctx)
				}
			}, actor.WithGuardian(never))
			process := p.process(t, pid)

			p.Root.Send(pid, "end")
			assert.Equal(t, []any{1, 2, 3}, p.dead())
			assert.Equal(t, []string{"1 stopped", "2 stopped", "3 stopped"}, told.read())

			for _, l := range p.letters {
				assert.Equal(t, pid.GetId(), l.PID.GetId())
			}

			assert.Equal(t, future.PID(), p.letters[1].Sender)

			_, err := future.Result()
			require.ErrorIs(t, err, actor.ErrDeadLetter, "the requester does not wait for an hour")

			process.SendUserMessage(pid, "late") // by a sender that found the process before it stopped
			p.Root.Send(pid, "later")
			assert.Equal(t, []any{1, 2, 3, "late", "later"}, p.dead())
			assert.Equal(t, "late stopped", told.read()[3])

			stats := figures(t, box)
			assert.Zero(t, stats.Unaccounted())
			assert.EqualValues(t, 3, stats.DeadLettered[mailbox.Stopped])
			assert.EqualValues(t, 1, stats.Refused[mailbox.Stopped])
		})
	}
}

func TestANameIsFreeForTheNextActorWhoseMessagesAreItsOwn(t *testing.T) {
	var turns awaited

	p := newPlace()
	s := &scribe{}
	props := actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(string); ok {
			s.note(m)
		}
	}, actor.WithMailbox(produce(t, mailbox.Options{Capacity: 3})), actor.WithDispatcher(&turns))

	first, err := p.Root.SpawnNamed(props, "name")
	require.NoError(t, err)

	old := p.process(t, first)
	require.NoError(t, p.Root.StopFuture(first).Wait())

	second, err := p.Root.SpawnNamed(props, "name")
	require.NoError(t, err)

	old.SendUserMessage(first, "to the first")
	p.Root.Send(second, "to the second")
	require.NoError(t, p.Root.PoisonFuture(second).Wait())
	turns.Wait() // the last ones publish what is left after they have told who watches
	assert.Equal(t, []any{"to the second"}, s.read())
	assert.Equal(t, []any{"to the first"}, p.dead())
}

func TestARequestThatFindsNoRoomIsAnsweredAtOnce(t *testing.T) {
	p := newPlace()
	hold := make(chan struct{})
	entered := make(chan struct{})
	pid := p.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if ctx.Message() == "hold" {
			close(entered)
			<-hold
		}
	}, actor.WithMailbox(produce(t, mailbox.Options{Capacity: 1}))))

	p.Root.Send(pid, "hold")
	await(t, entered, "the actor has the message")
	p.Root.Send(pid, "queued")

	_, err := p.Root.RequestFuture(pid, "too much", time.Hour).Result()
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	close(hold)
	require.NoError(t, p.Root.PoisonFuture(pid).Wait())
}

func TestASubscriberThatForwardsDeadLettersIsNotToldOfItsOwn(t *testing.T) {
	p := newPlace()
	s := &scribe{}
	hold := make(chan struct{})
	clerk := p.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if l, ok := ctx.Message().(*actor.DeadLetterEvent); ok {
			<-hold
			s.note(l.Message)
		}
	}, actor.WithMailbox(produce(t, mailbox.Options{Capacity: 1}))))

	p.EventStream.Subscribe(func(e any) {
		if l, ok := e.(*actor.DeadLetterEvent); ok {
			p.Root.Send(clerk, l)
		}
	})

	nobody := actor.NewPID("nonhost", "nobody")
	for i := range 10 {
		p.Root.Send(nobody, i)
	}

	assert.Len(t, p.dead(), 10)
	close(hold)
	require.NoError(t, p.Root.PoisonFuture(clerk).Wait())
	assert.LessOrEqual(t, len(s.read()), 2)
}

func TestASubscriberThatPanicsHarmsNobody(t *testing.T) {
	var once sync.Once

	p := newPlace()
	s := &scribe{}
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 1}), func(ctx actor.Context) {
		if n, ok := ctx.Message().(int); ok {
			s.note(n)

			if n == 0 {
				ctx.Send(ctx.Self(), 1)
				ctx.Send(ctx.Self(), 2)
			}
		}
	})

	p.EventStream.Subscribe(func(e any) {
		if _, ok := e.(*actor.DeadLetterEvent); ok {
			once.Do(func() { panic("at the reader") })
		}
	})

	p.Root.Send(pid, 0)
	assert.Equal(t, []any{0, 1}, s.read())
	assert.Equal(t, []any{2}, p.dead())
}
