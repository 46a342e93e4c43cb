package mailbox_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// parcel is a message to a plain actor, numbered.
type parcel struct{ sender, n int }

// awaited is a dispatcher that can be waited for.
type awaited struct{ sync.WaitGroup }

func (d *awaited) Schedule(turn func()) { d.Go(turn) }
func (d *awaited) Throughput() int      { return 0 }

// TestEveryMessageToAPlainActorIsHandledOnceOrBecomesADeadLetterOnce lets senders, pills, stops, suspensions and
// failures race for a bounded number of messages.
func TestEveryMessageToAPlainActorIsHandledOnceOrBecomesADeadLetterOnce(t *testing.T) {
	for _, policy := range []mailbox.Overflow{mailbox.Reject, mailbox.DropNewest, mailbox.DropOldest} {
		for name, end := range map[string]func(c *actor.RootContext, pid *actor.PID){
			"pills": func(c *actor.RootContext, pid *actor.PID) { c.Poison(pid); c.Poison(pid) },
			"stops": func(c *actor.RootContext, pid *actor.PID) { c.Stop(pid); c.Stop(pid) },
			"pill and stop": func(c *actor.RootContext, pid *actor.PID) {
				c.Poison(pid)
				c.Stop(pid)
			},
		} {
			t.Run(fmt.Sprint(policy, ", ", name), func(t *testing.T) {
				for _, failing := range []bool{false, true} {
					deliver(t, policy, failing, end)
				}
			})
		}
	}
}

func deliver(t *testing.T, policy mailbox.Overflow, failing bool, end func(*actor.RootContext, *actor.PID)) {
	t.Helper()

	const senders, each = 4, 500

	var (
		box     actor.Mailbox
		sending sync.WaitGroup
		turns   awaited
		handled = map[parcel]int{} // the actor's own
		last    = [senders]int{}   // the same
	)

	p := newPlace()
	produce := produce(t, mailbox.Options{Capacity: 8, Overflow: policy, Throughput: 3})
	always := actor.NewRestartingStrategy()
	pid := p.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		m, ok := ctx.Message().(parcel)
		if !ok {
			return
		}

		handled[m]++

		assert.Greater(t, m.n, last[m.sender], "in order")
		last[m.sender] = m.n

		if failing && m.n%7 == 0 {
			panic("boom")
		}
	}, actor.WithDispatcher(&turns), actor.WithGuardian(always), actor.WithMailbox(func() actor.Mailbox {
		box = produce()

		return box
	})))
	process := p.process(t, pid)
	gone := actor.NewFuture(p.ActorSystem, time.Hour)

	process.SendSystemMessage(pid, &actor.Watch{Watcher: gone.PID()})

	for s := range senders {
		ender := s == 0
		when := rand.IntN(each)

		sending.Go(func() {
			for n := range each {
				to := actor.NewPID(pid.GetAddress(), pid.GetId()) // finds the process anew
				p.Root.Send(to, parcel{s, n + 1})

				if ender && n == when {
					end(p.Root, to)
				}
			}
		})
	}

	sending.Go(func() { // somebody who does not know what it wants
		for range each {
			process.SendSystemMessage(pid, &actor.SuspendMailbox{})
			process.SendSystemMessage(pid, &actor.ResumeMailbox{})
		}
	})

	sending.Wait()
	require.NoError(t, gone.Wait())

	turns.Wait() // the one that stopped the actor works off the queue after it has told who watches

	dead := map[parcel]int{}
	stats := figures(t, box)

	for _, m := range p.dead() {
		if m, ok := m.(parcel); ok {
			dead[m]++
		}
	}

	for s := range senders {
		for n := range each {
			m := parcel{s, n + 1}
			assert.Equal(t, 1, handled[m]+dead[m], "%v was handled %d times and is %d dead letters", m, handled[m], dead[m])
		}
	}

	assert.Zero(t, stats.Unaccounted())
	assert.Zero(t, stats.Queued+stats.Handling)
	assert.EqualValues(t, len(handled), stats.Processed+stats.Failed)
}
