package actors_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// clerk is a runtime that only writes down what is reported.
type clerk struct {
	node.Groups

	gate       node.Gate
	waits      *waits.Graph
	protoactor *actor.ActorSystem

	mu      sync.Mutex
	reports []node.Event
	letters []mailbox.Reason
}

var _ node.Host = (*clerk)(nil)

func newClerk() *clerk {
	config := actor.NewConfig()
	config.LoggerFactory = func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }
	p := actor.NewActorSystemWithConfig(config)
	p.EventStream = eventstream.NewEventStream()

	return &clerk{waits: waits.New(), protoactor: p}
}

func (c *clerk) Report(r node.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.reports = append(c.reports, r.Event)
}

func (c *clerk) Undelivered(l node.DeadLetter) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.letters = append(c.letters, l.Reason)
}

func (*clerk) RequestStop(int, node.StopMode)            {}
func (c *clerk) Intake() *node.Gate                      { return &c.gate }
func (c *clerk) Protoactor() *actor.ActorSystem          { return c.protoactor }
func (c *clerk) Waits() *waits.Graph                     { return c.waits }
func (*clerk) Overtaken(context.Context) <-chan struct{} { return nil }

func (c *clerk) read() (all []node.Event) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()

	all, c.reports = c.reports, nil

	return all
}

// bare is an actor without hooks for a stop. It keeps its context.
type bare struct {
	diary

	ctx *actors.Context[job]
}

func (b *bare) Start(ctx *actors.Context[job]) error          { b.ctx = ctx; return nil }
func (b *bare) Receive(ctx *actors.Context[job], m job) error { return m(ctx) }

type drainer struct{ bare }

func (d *drainer) Drain(context.Context) error { d.note("drain"); return nil }

type flusher struct{ bare }

func (f *flusher) Flush(context.Context) error { f.note("flush"); return nil }

type closer struct{ bare }

func (c *closer) Close(context.Context) error { c.note("close"); return nil }

// holder holds nothing, but could.
type holder struct{}

func (holder) Mount(func(item any, reason mailbox.Reason, cause error, at mailbox.Delivery), *node.Gate) {
}

func (holder) Stats() mailbox.Stats { return mailbox.Stats{} }

func (holder) Owes() bool { return false }

func (holder) Tells() bool { return false }

func (holder) Drop(mailbox.Reason, error) bool { return false }

// mounted is an actor without a system.
type mounted struct {
	node.Node
	*clerk

	t   *testing.T
	ref actors.Ref[job]
}

func mount(t *testing.T, a actors.Actor[job], common node.Common) *mounted {
	t.Helper()

	return newClerk().mount(t, "/test/a", a, common)
}

func (c *clerk) mount(t *testing.T, path string, a actors.Actor[job], common node.Common) *mounted {
	t.Helper()

	m := c.place(t, path, func(string, *node.Gate) (actors.Actor[job], error) { return a, nil }, common)
	m.Start(1, time.Time{})
	require.Equal(t, []node.Event{node.Started}, m.read())

	return m
}

// place mounts an actor that has not started.
func (c *clerk) place(t *testing.T, path string, factory actors.Factory[job], common node.Common) *mounted {
	t.Helper()

	m := &mounted{clerk: c, t: t}
	common.Host, common.Limits = m.clerk, &node.Limits{Goroutines: 8, Stash: 8}

	boxes, err := mailbox.NewTemplate[job](common.Mailbox)
	require.NoError(t, err)

	m.Node, err = actors.Mount(node.Place{Common: &common, Path: path}, boxes, factory)
	require.NoError(t, err)

	m.ref = actors.Resolve[job](m.Node, &m.gate)

	return m
}

// order has the actor do what it does not do at once.
func (m *mounted) order(c mailbox.Command, want ...node.Event) {
	m.t.Helper()
	m.Order(c, time.Time{})
	assert.Equal(m.t, want, m.read())
}

// atOnce reports whether the actor does at once what a command orders.
func (m *mounted) atOnce(c mailbox.Command) bool {
	done, _ := m.AtOnce(c)

	return done
}

// stop stops the actor as a shutdown does. It returns the commands that were done at once.
func (m *mounted) stop() (atOnce []mailbox.Command) {
	m.t.Helper()

	for i, c := range []mailbox.Command{node.Drain, node.Flush, node.Close, node.Finish} {
		if m.atOnce(c) {
			assert.Empty(m.t, m.read(), "there is no other answer")

			atOnce = append(atOnce, c)

			continue
		}

		m.Seal()
		m.order(c, []node.Event{node.Drained, node.Flushed, node.Closed, node.Finished}[i])
	}

	require.ErrorIs(m.t, m.ref.TryTell(nothing), mailbox.ErrStopped)
	stats := m.Stats()
	assert.Zero(m.t, stats.Unaccounted())
	assert.Zero(m.t, stats.Queued)

	return atOnce
}

func TestAtOnce(t *testing.T) {
	const drain, flush, closes, finish = node.Drain, node.Flush, node.Close, node.Finish

	type commands = []mailbox.Command

	all := commands{drain, flush, closes, finish}

	for name, row := range map[string]struct {
		actor interface {
			actors.Actor[job]
			read() []string
		}
		common node.Common
		want   commands
		hooks  []string
	}{
		"one without hooks": {actor: &bare{}, want: all},
		"one that drains":   {actor: &drainer{}, want: commands{finish}, hooks: []string{"drain"}},
		"one that flushes":  {actor: &flusher{}, want: commands{drain, finish}, hooks: []string{"flush"}},
		"one that closes": {
			actor: &closer{}, want: commands{drain, flush, finish}, hooks: []string{"close"},
		},
		"one with something beside its mailbox": {actor: &bare{}, common: node.Common{Holder: holder{}}},
		"one whose turns are its senders'": {
			actor: &bare{}, want: commands{finish},
			common: node.Common{Mailbox: &mailbox.Options{Capacity: 1, Dispatch: mailbox.Synchronous}},
		},
	} {
		bubble(t, name, func(t *testing.T) {
			m := mount(t, row.actor, row.common)
			assert.Equal(t, row.want, m.stop())
			assert.Equal(t, row.hooks, row.actor.read())
		})
	}

	for name, row := range map[string]struct {
		before func(t *testing.T, m *mounted, a *bare)
		want   commands
	}{
		"that has had a message": {func(t *testing.T, m *mounted, _ *bare) {
			t.Helper()
			tell(t, m.ref, nothing)
		}, commands{finish}},
		"with a goroutine": {func(t *testing.T, _ *mounted, a *bare) {
			t.Helper()
			require.NoError(t, a.ctx.Go(func(ctx context.Context) error { <-ctx.Done(); return nil }))
		}, commands{finish}},
		"with a timer": {func(t *testing.T, _ *mounted, a *bare) {
			t.Helper()
			_, err := a.ctx.After(time.Hour, nothing)
			require.NoError(t, err)
		}, commands{finish}},
		"whose context somebody has": {func(_ *testing.T, _ *mounted, a *bare) { a.ctx.Done() }, all},
	} {
		bubble(t, "one "+name, func(t *testing.T) {
			var a bare

			m := mount(t, &a, node.Common{})
			row.before(t, m, &a)
			synctest.Wait()
			assert.Equal(t, row.want, m.stop())
			<-a.ctx.Done()
			require.Error(t, a.ctx.Err())
			require.ErrorIs(t, a.ctx.Go(func(context.Context) error { return nil }), actors.ErrNotRunning)
			_, err := a.ctx.After(time.Hour, nothing)
			require.ErrorIs(t, err, actors.ErrNotRunning)
		})
	}
}

func TestAtOnceAfterSomethingElse(t *testing.T) {
	bubble(t, "who is asked for its health goes on as what it was, and is stopped by orders", func(t *testing.T) {
		for asked := node.Drain; asked <= node.Close; asked <<= 1 { // before this one
			a := &reporter{}
			m := mount(t, a, node.Common{})

			for c := node.Drain; c <= node.Close; c <<= 1 {
				if c == node.Cut {
					continue
				}

				if c == asked {
					require.NoError(t, m.AskHealth()(t.Context()))
					synctest.Wait()
				}

				if m.atOnce(c) {
					continue
				}

				require.GreaterOrEqual(t, c, asked)
				m.order(c, map[mailbox.Command]node.Event{
					node.Drain: node.Drained, node.Flush: node.Flushed, node.Close: node.Closed,
				}[c])
			}

			assert.True(t, m.atOnce(node.Finish))
			assert.Empty(t, m.read())
			assert.Nil(t, m.AskHealth())
		}
	})

	bubble(t, "an end that somebody is to be told of needs a turn", func(t *testing.T) {
		m := mount(t, &bare{}, node.Common{})

		watch := &actor.Watch{Watcher: actor.NewPID(m.protoactor.Address(), "nobody")}
		p, _ := m.protoactor.ProcessRegistry.Get(m.PID())
		p.SendSystemMessage(m.PID(), watch)

		for _, c := range []mailbox.Command{node.Drain, node.Flush, node.Close} {
			assert.True(t, m.atOnce(c))
		}

		assert.False(t, m.atOnce(node.Finish))
		m.order(node.Finish, node.Finished)
	})

	bubble(t, "one that is down and has messages left needs a turn for their letters", func(t *testing.T) {
		for _, left := range []int{0, 1} {
			m := mount(t, &bare{}, node.Common{})
			tell(t, m.ref, fail)
			assert.Equal(t, []node.Event{node.Ended}, m.read())

			for range left {
				tell(t, m.ref, nothing)
			}

			for _, c := range []mailbox.Command{node.Drain, node.Flush, node.Close} {
				assert.False(t, m.atOnce(c))
			}

			m.Seal()
			assert.Equal(t, left == 0, m.atOnce(node.Finish))

			if left > 0 {
				m.order(node.Finish, node.Finished)
			}

			assert.Equal(t, append([]mailbox.Reason{mailbox.Failed}, []mailbox.Reason{mailbox.Stopped}[:left]...), m.letters)
			assert.Zero(t, m.Stats().Queued)
		}
	})

	bubble(t, "what is in the stash becomes a letter", func(t *testing.T) {
		m := mount(t, &bare{}, node.Common{})
		tell(t, m.ref, func(ctx *actors.Context[job]) error { return ctx.Stash() }, fail)
		assert.Equal(t, []node.Event{node.Ended}, m.read())
		m.Seal()
		assert.False(t, m.atOnce(node.Finish))
		m.order(node.Finish, node.Finished)
		assert.Equal(t, []mailbox.Reason{mailbox.Failed, mailbox.Stopped}, m.letters)
	})

	bubble(t, "one that hangs and was abandoned ends, and what it does later is no matter", func(t *testing.T) {
		m := mount(t, &closer{}, node.Common{})
		held, release := hold()
		tell(t, m.ref, held)
		synctest.Wait()

		for _, c := range []mailbox.Command{node.Drain, node.Flush, node.Close, node.Finish} {
			assert.False(t, m.atOnce(c))
		}

		_, running := m.Abandon(errTest)
		require.True(t, running)
		synctest.Wait()
		assert.True(t, m.atOnce(node.Finish))
		release()
		assert.Equal(t, []node.Event{node.Returned}, m.read())
		assert.Equal(t, []mailbox.Reason{mailbox.Abandoned}, m.letters)
	})

	bubble(t, "one that was never started has nothing to do but end", func(t *testing.T) {
		m := mount(t, &bare{}, node.Common{})
		boxes, err := mailbox.NewTemplate[job](nil)
		require.NoError(t, err)

		common := node.Common{Host: m.clerk, Limits: new(node.Limits)}
		m.Node, err = actors.Mount(node.Place{Common: &common, Path: "/test/b"}, boxes, nil)
		require.NoError(t, err)

		for _, c := range []mailbox.Command{node.Drain, node.Flush, node.Close} {
			assert.False(t, m.atOnce(c))
		}

		assert.True(t, m.atOnce(node.Finish))
	})
}

// reporter is an actor that reports its health.
type reporter struct{ bare }

func (*reporter) Health() error { return nil }

// races is how often a race is run.
const races = 1000

// A message is either accepted, and then the actor has not been drained at once, or it is refused.
func TestAtOnceWhileMessagesCome(t *testing.T) {
	bubble(t, "none is lost", func(t *testing.T) {
		var drained, told int

		c := newClerk()

		for i := range races {
			var (
				all    sync.WaitGroup
				atOnce bool
				err    error
			)

			m := c.mount(t, fmt.Sprintf("/test/%d", i), &bare{}, node.Common{})

			all.Go(func() { atOnce = m.atOnce(node.Drain) })
			all.Go(func() { err = m.ref.TryTell(nothing) })
			all.Wait()
			synctest.Wait()

			stats := m.Stats()

			if atOnce {
				drained++

				require.ErrorIs(t, err, mailbox.ErrStopping)
				require.Zero(t, stats.Accepted)
			} else {
				told++

				require.NoError(t, err)
				require.Equal(t, uint64(1), stats.Processed)
			}
		}

		t.Logf("%d drained at once, %d told", drained, told)
	})
}

// Whoever wakes it up while it is being drained finds it either alive or drained, and it answers either way.
func TestAtOnceWhileItsHealthIsAskedFor(t *testing.T) {
	bubble(t, "one of them comes first", func(t *testing.T) {
		c := newClerk()

		for i := range races {
			var (
				all    sync.WaitGroup
				atOnce bool
				health error
			)

			m := c.mount(t, fmt.Sprintf("/test/%d", i), &reporter{}, node.Common{})

			all.Go(func() { atOnce = m.atOnce(node.Drain) })
			all.Go(func() { health = m.AskHealth()(t.Context()) })
			all.Wait()
			require.NoError(t, health)

			if !atOnce {
				m.order(node.Drain, node.Drained)
			}

			m.order(node.Flush, node.Flushed)
			m.order(node.Close, node.Closed)
		}
	})
}
