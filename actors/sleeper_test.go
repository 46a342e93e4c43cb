package actors_test

import (
	"context"
	"errors"
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
}

func (e *ender) Health() error { return nil }

func (e *ender) Flush(ctx context.Context) error { return e.flush(ctx) }

func (e *ender) Close(ctx context.Context) error { return e.closes(ctx) }

// callHook calls a hook of an actor that was drained in its sleep.
func callHook(t *testing.T, m *mounted, c mailbox.Command, deadline time.Time) node.Report {
	t.Helper()

	r, called := m.CallHook(c, deadline)
	assert.True(t, called)

	return r
}

// nobodys asserts that there is no hook for the runtime to call.
func nobodys(t *testing.T, m *mounted, c mailbox.Command, because string) {
	t.Helper()

	r, called := m.CallHook(c, time.Time{})
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
