package actors_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// recorded is a part whose hooks write themselves into a diary and fail the test if two of them overlap.
func recorded(t *testing.T, d *diary) *part {
	t.Helper()

	var inside atomic.Int32

	enter := func(what string) {
		assert.Equal(t, int32(1), inside.Add(1), "%s overlaps with another hook", what)
		d.note(what)
	}
	leave := func() { inside.Add(-1) }
	hook := func(what string) error {
		defer leave()

		enter(what)

		return nil
	}

	p := &part{
		start:  func(*actors.Context[job]) error { return hook("start") },
		flush:  func(context.Context) error { return hook("flush") },
		close:  func(context.Context) error { return hook("close") },
		health: func() error { return hook("health") },
	}
	p.factory = func() (actors.Actor[job], error) {
		return &overlapping{p, enter, leave}, hook("factory")
	}

	return p
}

// overlapping looks at Receive too.
type overlapping struct {
	*part

	enter func(what string)
	leave func()
}

func (o *overlapping) Receive(ctx *actors.Context[job], m job) error {
	defer o.leave()

	o.enter("receive")

	return m(ctx)
}

func TestHooks(t *testing.T) {
	bubble(t, "run in order around the messages, each once", func(t *testing.T) {
		var d diary

		s := play(t, recorded(t, &d))
		assert.Equal(t, []string{"factory", "start"}, d.read())
		tell(t, s.ref(), []job{nothing, nothing}...)
		s.stop(t)
		s.stop(t)
		assert.Equal(t, []string{"receive", "receive", "flush", "close"}, d.read())
	})

	bubble(t, "a failed instance is closed and not flushed, before the next is made", func(t *testing.T) {
		var d diary

		s := play(t, recorded(t, &d))
		tell(t, s.ref(), fail)
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, []string{
			"factory", "start", "receive", "close", "factory", "start", "flush", "close",
		}, d.read())
	})

	bubble(t, "an actor that stops itself is flushed and closed at once, and what is left is dead", func(t *testing.T) {
		var d diary

		s := play(t, recorded(t, &d))
		held, release := hold()
		tell(t, s.ref(), held)
		synctest.Wait()
		tell(t, s.ref(), []job{halt, nothing, nothing}...)
		release()
		synctest.Wait()
		assert.Equal(t, []string{"factory", "start", "receive", "receive", "flush", "close"}, d.read())
		assert.Len(t, s.letters(), 2)
		s.stop(t)
		assert.Empty(t, d.read())
	})

	bubble(t, "one whose Start failed is closed, and the system does not start", func(t *testing.T) {
		for _, start := range []job{fail, panicker, exiter} {
			var d diary

			p := recorded(t, &d)
			p.start = start
			_, err := try(p)
			require.Error(t, err)
			require.ErrorContains(t, err, "/stage/actor: ")
			assert.Equal(t, []string{"factory", "close"}, d.read())
		}
	})

	bubble(t, "a factory that fails, panics, exits or returns nil fails the start", func(t *testing.T) {
		for _, factory := range []func() (actors.Actor[job], error){
			func() (actors.Actor[job], error) { return nil, errTest },
			func() (actors.Actor[job], error) { panic(errTest) },
			func() (actors.Actor[job], error) { runtime.Goexit(); return nil, errTest },
			func() (actors.Actor[job], error) { return nil, nil }, //nolint:nilnil // the case in hand
			func() (actors.Actor[job], error) { return actors.Func[job](nil), nil },
		} {
			_, err := try(&part{factory: factory})
			require.ErrorContains(t, err, "/stage/actor: ")
		}
	})

	bubble(t, "an error, a panic and an exit of Flush or Close are reported, and each runs once", func(t *testing.T) {
		for _, bad := range []func(context.Context) error{
			func(context.Context) error { return errTest },
			func(context.Context) error { panic(errTest) },
			func(context.Context) error { runtime.Goexit(); return nil },
		} {
			var d diary

			p := recorded(t, &d)
			flush, closing := p.flush, p.close
			p.flush = func(ctx context.Context) error { _ = flush(ctx); return bad(ctx) }
			p.close = func(ctx context.Context) error { _ = closing(ctx); return bad(ctx) }
			s := play(t, p)
			r := s.stop(t)
			assert.Equal(t, []string{"factory", "start", "flush", "close"}, d.read())
			require.NotNil(t, r.Actors[0].Flush)
			assert.NotEmpty(t, r.Actors[0].Flush.Error)
			require.NotNil(t, r.Actors[0].Close)
			assert.NotEmpty(t, r.Actors[0].Close.Error)
			require.Error(t, r.Err())
			assert.Empty(t, r.Actors[0].Abandoned)
		}
	})

	bubble(t, "an instance whose Close exits after a failure is closed once and replaced", func(t *testing.T) {
		var d diary

		p := recorded(t, &d)
		closing := p.close
		p.close = func(ctx context.Context) error {
			_ = closing(ctx)
			runtime.Goexit()

			return nil
		}
		s := play(t, p)
		tell(t, s.ref(), fail, nothing)
		synctest.Wait()
		assert.Equal(t, []string{"factory", "start", "receive", "close", "factory", "start", "receive"}, d.read())
	})

	bubble(t, "Flush and Close get a context of their own that tells their deadline", func(t *testing.T) {
		type told struct {
			left  time.Duration
			alive bool
		}

		var got []told

		look := func(ctx context.Context) error {
			at, ok := ctx.Deadline()
			assert.True(t, ok)
			got = append(got, told{time.Until(at), ctx.Err() == nil})

			return nil
		}
		s := play(t, &part{flush: look, close: look, spec: supervision.Spec{
			Deadlines: supervision.Deadlines{Flush: time.Second, Close: 2 * time.Second},
		}})
		s.stop(t)
		require.Len(t, got, 2)

		for _, g := range got {
			assert.True(t, g.alive)
			assert.Positive(t, g.left)
			assert.LessOrEqual(t, g.left, 2*time.Second)
		}
	})

	bubble(t, "the context of Receive ends when a stop is cut short", func(t *testing.T) {
		var ended time.Duration

		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})
		began := time.Now()

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			require.NoError(t, ctx.Err())
			<-ctx.Done()
			require.ErrorIs(t, ctx.Err(), context.Canceled)

			var late *supervision.DeadlineError
			require.ErrorAs(t, context.Cause(ctx), &late)

			ended = time.Since(began)

			return nil
		})
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, 900*time.Millisecond, ended)
	})
}

func TestHealth(t *testing.T) {
	health := func(t *testing.T, s *stage) error {
		t.Helper()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		return s.Health(ctx).Children[0].Degraded
	}

	bubble(t, "an actor without the hook is well", func(t *testing.T) {
		p := &part{}
		p.factory = func() (actors.Actor[job], error) {
			return actors.Func[job](func(ctx *actors.Context[job], j job) error { return j(ctx) }), nil
		}
		require.NoError(t, health(t, play(t, p)))
	})

	bubble(t, "what the hook returns or panics with says that the actor is degraded, and it goes on", func(t *testing.T) {
		for _, hook := range []func() error{
			func() error { return errTest }, func() error { panic(errTest) },
		} {
			s := play(t, &part{health: hook})
			require.ErrorIs(t, health(t, s), errTest)
			perform(t, s.ref(), nothing)
			assert.Zero(t, s.stop(t).Restarts)
		}

		exits := play(t, &part{health: func() error { runtime.Goexit(); return nil }})
		require.ErrorIs(t, health(t, exits), actors.ErrExited)
		assert.Zero(t, exits.stop(t).Restarts)
	})

	bubble(t, "it is asked for between two messages, and many who ask share one call", func(t *testing.T) {
		var d diary

		s := play(t, recorded(t, &d))
		held, release := hold()
		tell(t, s.ref(), held, nothing)
		synctest.Wait()
		require.ErrorIs(t, health(t, s), context.DeadlineExceeded, "the actor is busy")
		d.read()

		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { assert.NoError(t, health(t, s)) })
		}

		synctest.Wait()
		assert.Empty(t, d.read())
		release()
		wg.Wait()
		synctest.Wait()
		assert.Equal(t, []string{"health", "receive"}, d.read())
	})
}
