package mailbox_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/mailbox"
)

// Each fault of protoactor's mailboxes is shown twice: on protoactor's own, as it is at the pinned version, and
// absent on ours. When a new version mends one, the first half fails and can go. Those that spin are in
// spin_unix_test.go.

func TestFaultBoundedTakesMoreThanItsBound(t *testing.T) {
	const capacity = 100

	theirs := actor.Bounded(capacity)()
	theirs.RegisterHandlers(&scribe{}, &scribe{})

	for i := range 128 { // the next power of two; one more would spin
		theirs.PostUserMessage(i)
	}

	assert.Equal(t, 128, theirs.UserMessageCount())

	told, observer := watchLetters()
	_, ours := newScribe(t, produce(t, mailbox.Options{Capacity: capacity}, observer))

	for i := range 128 {
		ours.PostUserMessage(i)
	}

	assert.Equal(t, capacity, ours.UserMessageCount())
	assert.Len(t, told.read(), 28)
}

func TestFaultBoundedDroppingDropsThePoisonPill(t *testing.T) {
	const capacity = 4

	history := func(s *scribe, box actor.Mailbox) []any {
		s.handle = func(m any) {
			if m == 4 {
				box.PostSystemMessage(&actor.SuspendMailbox{}) // or theirs would spin: see spin_unix_test.go
			}
		}

		post(box, 1, &actor.PoisonPill{}, 2, 3, 4)
		s.play()

		return s.read()
	}

	s := &scribe{}
	theirs := actor.BoundedDropping(capacity)()
	theirs.RegisterHandlers(s, s)
	assert.Equal(t, []any{2, 3, 4}, history(s, theirs), "the actor lives for ever")

	s, ours := newScribe(t, produce(t, mailbox.Options{Capacity: capacity, Overflow: mailbox.DropOldest}))
	assert.Equal(t, []any{1, &actor.PoisonPill{}}, history(s, ours))
}

func TestFaultBoundedDroppingHoldsLessThanItsBoundAndDropsInSilence(t *testing.T) {
	const capacity = 4

	p := newPlace()
	history := func(produce actor.MailboxProducer) []any {
		s := &scribe{}
		pid := p.spawn(produce, func(ctx actor.Context) {
			n, ok := ctx.Message().(int)
			if !ok {
				return
			}

			s.note(n)

			for i := 1; n == 0 && i <= capacity+1; i++ {
				ctx.Send(ctx.Self(), i)
			}

			if n == capacity+1 {
				p.process(t, ctx.Self()).SendSystemMessage(ctx.Self(), &actor.SuspendMailbox{}) // as above
			}
		})

		p.Root.Send(pid, 0)

		return s.read()
	}

	assert.Equal(t, []any{0, 3, 4, 5}, history(actor.BoundedDropping(capacity)))
	assert.Empty(t, p.dead(), "1 and 2 have vanished")

	ours := produce(t, mailbox.Options{Capacity: capacity, Overflow: mailbox.DropOldest})
	assert.Equal(t, []any{0, 2, 3, 4, 5}, history(ours))
	assert.Equal(t, []any{1}, p.dead())
}

func TestFaultWhatIsQueuedAtTheStopVanishes(t *testing.T) {
	left := func(produce actor.MailboxProducer) []any {
		p := newPlace()
		pid := p.spawn(produce, func(ctx actor.Context) {
			if ctx.Message() == "end" {
				ctx.Send(ctx.Self(), 1)
				ctx.Send(ctx.Self(), 2)
				ctx.Stop(ctx.Self())
			}
		})

		p.Root.Send(pid, "end")

		_, alive := p.ProcessRegistry.GetLocal(pid.GetId())
		assert.False(t, alive)

		return p.dead()
	}

	assert.Empty(t, left(actor.Unbounded()))
	assert.Empty(t, left(actor.Bounded(4)))
	assert.Equal(t, []any{1, 2}, left(produce(t, mailbox.Options{Capacity: 4})))
}

func TestFaultABatchLosesItsSender(t *testing.T) {
	seen := func(produce actor.MailboxProducer) []any {
		s := &scribe{}
		box := produce()
		box.RegisterHandlers(s, s)
		box.Start()
		post(box, &actor.MessageEnvelope{Message: batch{1, 2}, Sender: actor.NewPID("nonhost", "me")})
		s.play()

		for i, m := range s.noted {
			s.noted[i] = fmt.Sprint(actor.UnwrapEnvelopeMessage(m), " from ", actor.UnwrapEnvelopeSender(m).GetId())
		}

		return s.read()
	}

	assert.Equal(t, []any{"1 from ", "2 from ", "[1 2] from me"}, seen(actor.Unbounded()))
	assert.Equal(t, []any{"1 from me", "2 from me"}, seen(produce(t, mailbox.Options{Capacity: 4})))
}

func TestFaultARestartBringsAStoppedActorBackUnderNoName(t *testing.T) {
	history := func(produce actor.MailboxProducer) []any {
		p := newPlace()
		s := &scribe{}
		pid := p.spawn(produce, func(ctx actor.Context) {
			if ctx.Message() != "both" {
				s.note(fmt.Sprintf("%T", ctx.Message()))

				return
			}

			process := p.process(t, ctx.Self())
			process.SendSystemMessage(ctx.Self(), &actor.Stop{})
			process.SendSystemMessage(ctx.Self(), &actor.Restart{})
		})

		p.Root.Send(pid, "both")

		_, alive := p.ProcessRegistry.GetLocal(pid.GetId())
		assert.False(t, alive)

		return s.read()
	}

	until := []any{"*actor.Started", "*actor.Stopping", "*actor.Stopped"}
	assert.Equal(t, append(until, "*actor.Restarting", "*actor.Started"), history(actor.Unbounded()))
	assert.Equal(t, until, history(produce(t, mailbox.Options{Capacity: 4})))
}

// net is a dispatcher under which a panic that would end the process is caught.
type net struct{ caught any }

func (n *net) Throughput() int { return 300 }

func (n *net) Schedule(turn func()) {
	defer func() {
		if r := recover(); r != nil {
			n.caught = r
		}
	}()

	turn()
}

func TestFaultAllForOneUnderAGuardianPanicsTheProcess(t *testing.T) {
	fall := func(produce actor.MailboxProducer) (caught any, stopped bool) {
		p := newPlace()
		n := &net{}
		pid := p.spawn(produce, func(ctx actor.Context) {
			if ctx.Message() == "bad" {
				panic("boom")
			}
		}, actor.WithDispatcher(n), actor.WithGuardian(actor.NewAllForOneStrategy(1, 0, actor.DefaultDecider)))

		p.Root.Send(pid, "bad")

		_, alive := p.ProcessRegistry.GetLocal(pid.GetId())

		return n.caught, !alive
	}

	caught, stopped := fall(actor.Unbounded())
	assert.Equal(t, errors.New("guardian does not hold its children PIDs"), caught)
	assert.False(t, stopped)

	caught, stopped = fall(produce(t, mailbox.Options{Capacity: 4}))
	assert.Nil(t, caught)
	assert.True(t, stopped, "nobody could decide, so the actor was stopped")
}
