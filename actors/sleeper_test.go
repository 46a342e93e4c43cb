package actors_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// ender has both hooks of a stop, and a health to ask for.
type ender struct {
	bare

	flush, closes func(ctx context.Context) error
	health        func() error
}

func (e *ender) Health() error {
	if e.health == nil {
		return nil
	}

	return e.health()
}

func (e *ender) Flush(ctx context.Context) error { return e.flush(ctx) }

func (e *ender) Close(ctx context.Context) error { return e.closes(ctx) }

// callHook calls a hook of an actor that was drained in its sleep.
func callHook(t *testing.T, m *mounted, c mailbox.Command, deadline time.Time) node.Report {
	t.Helper()

	r, called := m.Call(c, deadline)
	assert.True(t, called)

	return r
}

// nobodys asserts that there is no hook for the runtime to call.
func nobodys(t *testing.T, m *mounted, c mailbox.Command, because string) {
	t.Helper()

	r, called := m.Call(c, time.Time{})
	assert.False(t, called, because)
	assert.Zero(t, r)
}

func TestTheHooksOfASleeperAreTheRuntimesToCall(t *testing.T) {
	bubble(t, "once each, in turn, and it is gone", func(t *testing.T) {
		var m *mounted

		at := time.Now().Add(time.Minute)
		e := &ender{
			flush: func(ctx context.Context) error {
				limit, _ := ctx.Deadline()
				assert.Equal(t, at, limit)
				require.NoError(t, ctx.Err())
				nobodys(t, m, node.Flush, "somebody has it")
				assert.False(t, m.atOnce(node.Close))

				return errTest
			},
			closes: func(context.Context) error { panic("ouch") },
		}
		m = mount(t, e, node.Common{})

		nobodys(t, m, node.Flush, "it is not drained")
		require.True(t, m.atOnce(node.Drain))
		nobodys(t, m, node.Halt, "that is no hook's")

		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Flushed, Err: errTest}, callHook(t, m, node.Flush, at))

		r := callHook(t, m, node.Close, at)
		assert.Equal(t, node.Closed, r.Event)

		var panicked *actors.PanicError

		require.ErrorAs(t, r.Err, &panicked)
		assert.Contains(t, panicked.Stack.String(), "TestTheHooksOfASleeper")
		nobodys(t, m, node.Close, "it is gone")
		assert.True(t, m.atOnce(node.Finish))
		assert.Empty(t, m.read())
	})

	bubble(t, "a context is there for who asks, and ends with the hook", func(t *testing.T) {
		var kept, derived context.Context

		type key struct{}

		e := &ender{flush: func(ctx context.Context) error {
			kept = ctx //nolint:fatcontext // to look at it afterwards
			child, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			derived = child

			t.Cleanup(cancel)

			return nil
		}}
		m := mount(t, e, node.Common{})
		require.True(t, m.atOnce(node.Drain))
		callHook(t, m, node.Flush, time.Time{})

		<-kept.Done()
		<-derived.Done()
		require.ErrorIs(t, kept.Err(), context.Canceled)
		assert.Equal(t, 1, derived.Value(key{}))
		assert.Equal(t, context.Cause(kept), context.Cause(derived))

		_, limited := kept.Deadline()
		assert.False(t, limited)
	})

	bubble(t, "who asks for its health meanwhile learns that it does not run", func(t *testing.T) {
		held, release := make(chan struct{}), make(chan struct{})
		e := &ender{
			flush:  func(context.Context) error { close(held); <-release; return nil },
			closes: func(context.Context) error { return nil },
		}
		m := mount(t, e, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		reports := make(chan node.Report, 1)
		go func() { reports <- callHook(t, m, node.Flush, time.Time{}) }()

		<-held
		require.ErrorIs(t, m.AskHealth()(t.Context()), actors.ErrNotRunning)
		close(release)
		assert.Equal(t, node.Flushed, (<-reports).Event)

		assert.Equal(t, node.Closed, callHook(t, m, node.Close, time.Time{}).Event)
		synctest.Wait()
		assert.True(t, m.atOnce(node.Finish))
		assert.Empty(t, m.read())
	})

	bubble(t, "whose health was asked for meanwhile can be ordered to close", func(t *testing.T) {
		held, release := make(chan struct{}), make(chan struct{})
		closed := false
		e := &ender{
			flush:  func(context.Context) error { close(held); <-release; return nil },
			closes: func(context.Context) error { closed = true; return nil },
		}
		m := mount(t, e, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		reports := make(chan node.Report, 1)
		go func() { reports <- callHook(t, m, node.Flush, time.Time{}) }()

		<-held
		require.ErrorIs(t, m.AskHealth()(t.Context()), actors.ErrNotRunning)
		close(release)
		assert.Equal(t, node.Flushed, (<-reports).Event)

		m.order(node.Close, node.Closed)
		assert.True(t, closed)
	})

	bubble(t, "one that is abandoned when somebody has woken it, and is at rest again, is closed", func(t *testing.T) {
		closed := false
		m := mount(t, &ender{closes: func(context.Context) error { closed = true; return nil }}, node.Common{})
		require.True(t, m.atOnce(node.Drain))
		require.NoError(t, m.AskHealth()(t.Context()))
		synctest.Wait()

		_, running := m.Abandon(errTest)
		assert.True(t, running)
		assert.Equal(t, []node.Event{node.Returned}, m.read())
		assert.True(t, closed)
		nobodys(t, m, node.Flush, "it is back")
	})

	bubble(t, "one that is abandoned when somebody has woken it is not back before that one is", func(t *testing.T) {
		held, release := make(chan struct{}), make(chan struct{})
		closed := false
		e := &ender{
			health: func() error { close(held); <-release; return nil },
			closes: func(context.Context) error { closed = true; return nil },
		}
		m := mount(t, e, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		answer := m.AskHealth()

		<-held

		_, running := m.Abandon(errTest)
		assert.True(t, running)
		nobodys(t, m, node.Flush, "it hangs elsewhere")
		assert.False(t, closed)

		close(release)
		assert.Equal(t, []node.Event{node.Returned}, m.read())
		assert.True(t, closed)
		require.ErrorIs(t, answer(t.Context()), actors.ErrNotRunning)
	})

	bubble(t, "one that is cancelled and abandoned meanwhile comes back, and is closed then", func(t *testing.T) {
		errLate := errors.New("late")
		closed := false
		held, release := make(chan struct{}), make(chan struct{})
		e := &ender{
			flush: func(ctx context.Context) error {
				close(held)
				<-ctx.Done()
				assert.Equal(t, errLate, context.Cause(ctx))
				<-release

				return ctx.Err()
			},
			closes: func(ctx context.Context) error {
				closed = true

				return ctx.Err()
			},
		}
		m := mount(t, e, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		reports := make(chan node.Report, 1)
		go func() { reports <- callHook(t, m, node.Flush, time.Time{}) }()

		<-held
		m.Cancel(errLate)

		_, running := m.Abandon(errLate)
		assert.True(t, running)
		synctest.Wait()
		assert.False(t, closed)

		close(release)
		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, <-reports)
		assert.True(t, closed)
		assert.Empty(t, m.read(), "the report is the only answer")
	})

	bubble(t, "of one that is abandoned before it is called only Close is", func(t *testing.T) {
		var called []string

		note := func(hook string) func(context.Context) error {
			return func(ctx context.Context) error {
				called = append(called, hook)

				return ctx.Err()
			}
		}
		m := mount(t, &ender{flush: note("flush"), closes: note("close")}, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		_, running := m.Abandon(errTest)
		assert.True(t, running)
		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, callHook(t, m, node.Flush, time.Time{}))
		assert.Equal(t, []string{"close"}, called)
	})

	bubble(t, "one that is abandoned when its hook is over is closed by the next call", func(t *testing.T) {
		closed := false
		m := mount(t, &ender{
			flush:  func(context.Context) error { return nil },
			closes: func(context.Context) error { closed = true; return nil },
		}, node.Common{})
		require.True(t, m.atOnce(node.Drain))
		assert.Equal(t, node.Flushed, callHook(t, m, node.Flush, time.Time{}).Event)

		_, running := m.Abandon(errTest)
		assert.True(t, running)
		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, callHook(t, m, node.Close, time.Time{}))
		assert.True(t, closed)
	})

	bubble(t, "of one that somebody has woken the hooks are its turn's", func(t *testing.T) {
		m := mount(t, &ender{flush: func(context.Context) error { return errTest }}, node.Common{})
		require.True(t, m.atOnce(node.Drain))
		require.NoError(t, m.AskHealth()(t.Context()))
		nobodys(t, m, node.Flush, "it is awake")
		m.order(node.Flush, node.Flushed)
	})

	bubble(t, "what a hook that is cut says of its context is why it was cut", func(t *testing.T) {
		held := make(chan struct{})
		m := mount(t, &ender{flush: func(ctx context.Context) error {
			close(held)
			<-ctx.Done()

			return ctx.Err()
		}}, node.Common{})
		require.True(t, m.atOnce(node.Drain))

		reports := make(chan node.Report, 1)
		go func() { reports <- callHook(t, m, node.Flush, time.Time{}) }()

		<-held
		m.Cancel(errTest)
		require.ErrorIs(t, (<-reports).Err, errTest)
	})
}

// prepare mounts an actor whose instance is the runtime's to make, by the factory.
func prepare(t *testing.T, factory actors.Factory[job]) *mounted {
	t.Helper()

	m := newClerk().place(t, "/test/a", factory, node.Common{})
	require.True(t, m.Prepare(1, time.Now().Add(time.Minute)))

	return m
}

// makes is a factory of one instance.
func makes(a actors.Actor[job]) actors.Factory[job] {
	return func(string, *node.Gate) (actors.Actor[job], error) { return a, nil }
}

func TestTheInstanceOfAPreparedActorIsTheRuntimesToMake(t *testing.T) {
	started := node.Report{Incarnation: 1, Event: node.Started}

	bubble(t, "once, and then it sleeps", func(t *testing.T) {
		m := prepare(t, makes(quietFlusher{}))
		nobodys(t, m, node.Flush, "it is not there")
		assert.Equal(t, started, callHook(t, m, node.Start, time.Time{}))
		nobodys(t, m, node.Start, "it is made")
		assert.Empty(t, m.read())

		require.True(t, m.atOnce(node.Drain))
		assert.Equal(t, node.Flushed, callHook(t, m, node.Flush, time.Time{}).Event)
		assert.True(t, m.atOnce(node.Close))
		assert.True(t, m.atOnce(node.Finish))
	})

	bubble(t, "who has a Start hook starts on a turn of its own", func(t *testing.T) {
		m := prepare(t, makes(&bare{}))
		nobodys(t, m, node.Start, "it goes on")
		assert.Equal(t, []node.Event{node.Started}, m.read())
		m.order(node.Halt, node.Ended)
	})

	bubble(t, "what came before waits for it", func(t *testing.T) {
		got := 0
		m := prepare(t, makes(actors.Func[job](func(*actors.Context[job], job) error { got++; return nil })))
		require.NoError(t, m.ref.TryTell(nothing))
		m.Order(node.Probe, time.Time{}) // a turn, which finds nobody
		synctest.Wait()
		assert.Zero(t, got)

		assert.Equal(t, started, callHook(t, m, node.Start, time.Time{}))
		synctest.Wait()
		assert.Equal(t, 1, got)
		m.order(node.Halt, node.Started, node.Ended) // its start is said twice rather than too late
	})

	bubble(t, "who is told something first says that it has started", func(t *testing.T) {
		m := prepare(t, makes(actors.Func[job](func(*actors.Context[job], job) error { return errTest })))
		assert.Equal(t, started, callHook(t, m, node.Start, time.Time{}))
		require.NoError(t, m.ref.TryTell(nothing))
		assert.Equal(t, []node.Event{node.Started, node.Ended}, m.read())
	})

	bubble(t, "one that is abandoned before is not made", func(t *testing.T) {
		m := prepare(t, func(string, *node.Gate) (actors.Actor[job], error) {
			t.Error("it is made")

			return &bare{}, nil
		})
		_, running := m.Abandon(errTest)
		assert.True(t, running)
		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, callHook(t, m, node.Start, time.Time{}))
	})

	for name, a := range map[string]interface {
		actors.Actor[job]
		read() []string
	}{"one without a Start hook": &closer{}, "one with a Start hook": &starter{}} {
		bubble(t, name+" that is abandoned while it is made is closed", func(t *testing.T) {
			var m *mounted

			m = prepare(t, func(string, *node.Gate) (actors.Actor[job], error) {
				_, running := m.Abandon(errTest)
				assert.True(t, running)

				return a, nil
			})
			assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, callHook(t, m, node.Start, time.Time{}))
			assert.Equal(t, []string{"close"}, a.read())
			assert.Empty(t, m.read())
		})
	}

	bubble(t, "one that is abandoned before its start is known is closed by the next call", func(t *testing.T) {
		c := &closer{}
		m := prepare(t, makes(shy{c}))
		assert.Equal(t, started, callHook(t, m, node.Start, time.Time{}))

		_, running := m.Abandon(errTest)
		assert.True(t, running)
		assert.Equal(t, node.Report{Incarnation: 1, Event: node.Returned}, callHook(t, m, node.Close, time.Time{}))
		assert.Equal(t, []string{"close"}, c.read())
	})

	bubble(t, "what senders run is not for the runtime to make", func(t *testing.T) {
		m := newClerk().place(t, "/test/a", makes(&bare{}), node.Common{
			Mailbox: &mailbox.Options{Capacity: 8, Dispatch: mailbox.Synchronous},
		})
		assert.False(t, m.Prepare(1, time.Time{}))
	})
}

// starter has a Start and a Close hook.
type starter struct{ closer }

// quietFlusher has no Start hook.
type quietFlusher struct{}

func (quietFlusher) Receive(*actors.Context[job], job) error { return nil }
func (quietFlusher) Flush(context.Context) error             { return nil }

// shy hides the Start hook of an actor.
type shy struct{ of *closer }

func (s shy) Receive(ctx *actors.Context[job], m job) error { return s.of.Receive(ctx, m) }
func (s shy) Close(ctx context.Context) error               { return s.of.Close(ctx) }

// What has come before is for nobody whose start was given up on, however near that was to its end.
func TestWhoIsAbandonedAsItIsBornIsNotWoken(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		for range 200 {
			handled := false
			m := prepare(t, makes(actors.Func[job](func(*actors.Context[job], job) error {
				handled = true

				return nil
			})))
			require.NoError(t, m.ref.TryTell(nothing))

			var (
				all   sync.WaitGroup
				ready atomic.Int32
			)

			for _, f := range []func(){
				func() { m.Call(node.Start, time.Time{}) },
				func() { m.Abandon(errTest) },
			} {
				all.Go(func() {
					for ready.Add(1); ready.Load() < 2; {
						runtime.Gosched()
					}

					f()
				})
			}

			all.Wait()
			synctest.Wait()

			if _, slept := m.Call(node.Close, time.Time{}); slept { // when it was abandoned
				assert.False(t, handled)
			}

			m.Order(node.Finish, time.Time{})
			assert.Contains(t, m.read(), node.Finished)
		}
	})
}

// Whoever is abandoned as it is made, however far that is, is closed: by who makes it, or by who comes next.
func TestWhoIsAbandonedAsItIsMadeIsClosed(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		for range 200 {
			made := false
			c := &closer{}
			m := prepare(t, func(string, *node.Gate) (actors.Actor[job], error) {
				made = true

				return shy{c}, nil
			})

			var ready atomic.Int32

			both := func(f func()) func() {
				return func() {
					for ready.Add(1); ready.Load() < 2; {
						runtime.Gosched()
					}

					f()
				}
			}

			var all sync.WaitGroup

			running := false

			all.Go(both(func() { m.Call(node.Start, time.Time{}) }))
			all.Go(both(func() { _, running = m.Abandon(errTest) }))
			all.Wait()
			synctest.Wait()

			m.Call(node.Close, time.Time{}) // which the runtime does when it was abandoned before its start was known
			synctest.Wait()

			if made {
				require.True(t, running)
				require.Equal(t, []string{"close"}, c.read())
			}
		}
	})
}
