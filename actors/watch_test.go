package actors_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// ends collects what an actor is told of the end of others.
type ends struct {
	mu  sync.Mutex
	all []actors.Terminated
}

func (e *ends) message(t actors.Terminated) job {
	return func(*actors.Context[job]) error {
		e.mu.Lock()
		defer e.mu.Unlock()

		e.all = append(e.all, t)

		return nil
	}
}

// read returns what came since it was last read.
func (e *ends) read() []actors.Terminated {
	e.mu.Lock()
	defer e.mu.Unlock()

	all := e.all
	e.all = nil

	return all
}

// watches returns a job that watches ref, which must succeed.
func watches(tb testing.TB, ref actors.Ref[job], e *ends) job {
	tb.Helper()

	return func(ctx *actors.Context[job]) error {
		require.NoError(tb, actors.Watch(ctx, ref, e.message))

		return nil
	}
}

// pair starts two actors and returns references to them.
func pair(t *testing.T, target *part) (s *stage, watcher, watched actors.Ref[job]) {
	t.Helper()

	target.name = "target"
	s = play(t, &part{spec: supervision.Spec{Mailbox: small(mailbox.Reject)}}, target)

	watcher, watched = s.ref(), s.refs["target"]

	return s, watcher, watched
}

func TestWatch(t *testing.T) {
	poison := func(s *stage, ref actors.Ref[job]) { s.Protoactor().Root.Poison(ref.PID()) }

	bubble(t, "an actor that has stopped is told of once, also into a full mailbox, and not when restarted",
		func(t *testing.T) {
			var e ends

			s, watcher, target := pair(t, &part{})
			perform(t, watcher, watches(t, target, &e))
			tell(t, target, fail, panicker)
			synctest.Wait()
			assert.Empty(t, e.read())

			held, release := hold()
			tell(t, watcher, held)
			synctest.Wait()
			tell(t, watcher, nothing)
			require.ErrorIs(t, watcher.TryTell(nothing), mailbox.ErrFull)
			poison(s, target)
			synctest.Wait()
			release()
			synctest.Wait()
			assert.Equal(t, []actors.Terminated{{
				Path: "/stage/target", PID: target.PID(), Reason: actors.ReasonStopped,
			}}, e.read())
			s.stop(t)
			assert.Empty(t, e.read())
		})

	bubble(t, "one that is halted to be restarted has not ended", func(t *testing.T) {
		var e ends

		s, watcher, target := pair(t, &part{spec: supervision.Spec{Restart: supervision.Permanent}})
		perform(t, watcher, watches(t, target, &e))
		tell(t, target, halt)
		synctest.Wait()
		assert.Equal(t, uint64(2), incarnation(t, target))
		assert.Empty(t, e.read())
		poison(s, target)
		synctest.Wait()
		assert.Len(t, e.read(), 1)
	})

	for name, spec := range map[string]supervision.Spec{
		"temporary": {Restart: supervision.Temporary},
		"stopped by the directive": {Decide: func(error) supervision.Directive {
			return supervision.StopChild
		}},
	} {
		bubble(t, "one that has failed for good is told of with its last failure: "+name, func(t *testing.T) {
			var e ends

			_, watcher, target := pair(t, &part{spec: spec})
			perform(t, watcher, watches(t, target, &e))
			tell(t, target, fail)
			synctest.Wait()

			got := e.read()
			require.Len(t, got, 1)
			assert.Equal(t, actors.ReasonFailed, got[0].Reason)
			require.ErrorIs(t, got[0].Err, errTest)
			assert.ErrorContains(t, got[0].Err, "/stage/target: ")
		})
	}

	bubble(t, "one that could not be started again has failed, of that", func(t *testing.T) {
		var e ends

		errStart := errors.New("no start")
		_, watcher, target := pair(t, &part{
			start: func(ctx *actors.Context[job]) error {
				if ctx.Incarnation() > 1 {
					return errStart
				}

				return nil
			},
			spec: supervision.Spec{Decide: func(err error) supervision.Directive {
				if errors.Is(err, errStart) {
					return supervision.StopChild
				}

				return supervision.RestartChild
			}},
		})
		perform(t, watcher, watches(t, target, &e))
		tell(t, target, fail)
		synctest.Wait()

		got := e.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonFailed, got[0].Reason)
		require.ErrorIs(t, got[0].Err, errStart)
	})

	bubble(t, "a failure it was restarted after is not what it ends of", func(t *testing.T) {
		var e ends

		_, watcher, target := pair(t, &part{})
		perform(t, watcher, watches(t, target, &e))
		tell(t, target, fail, halt)
		synctest.Wait()

		got := e.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonStopped, got[0].Reason)
		require.NoError(t, got[0].Err)
	})

	bubble(t, "one that hangs and is not started again has failed", func(t *testing.T) {
		var e ends

		_, watcher, target := pair(t, &part{spec: supervision.Spec{
			Restart: supervision.Temporary, Deadlines: supervision.Deadlines{Close: time.Second},
		}})
		end := make(chan struct{})

		defer close(end)

		perform(t, watcher, watches(t, target, &e))
		tell(t, target, func(ctx *actors.Context[job]) error {
			return errors.Join(starts(t, func(context.Context) error { <-end; return nil })(ctx), errTest)
		})
		pass(time.Second - 1)
		assert.Empty(t, e.read())
		pass(1)

		got := e.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonFailed, got[0].Reason)
		require.Error(t, got[0].Err)
	})

	bubble(t, "one that has ended already is told of at once, and again when asked again", func(t *testing.T) {
		var e ends

		_, watcher, target := pair(t, &part{spec: supervision.Spec{Restart: supervision.Temporary}})
		tell(t, target, fail)
		synctest.Wait()

		for range 2 {
			perform(t, watcher, watches(t, target, &e))
			synctest.Wait()

			got := e.read()
			require.Len(t, got, 1)
			assert.Equal(t, actors.ReasonFailed, got[0].Reason)
			require.ErrorIs(t, got[0].Err, errTest)
		}
	})

	bubble(t, "watching twice is watching once, with the later function", func(t *testing.T) {
		var first, second ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, watches(t, target, &first))
		perform(t, watcher, watches(t, target, &second))
		poison(s, target)
		synctest.Wait()
		assert.Empty(t, first.read())
		assert.Len(t, second.read(), 1)
	})

	bubble(t, "an ended watch is not told, also when its message is due", func(t *testing.T) {
		var e ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, func(ctx *actors.Context[job]) error {
			assert.False(t, actors.Unwatch(ctx, target))
			_ = watches(t, target, &e)(ctx)
			assert.True(t, actors.Unwatch(ctx, target))
			assert.False(t, actors.Unwatch(ctx, target))

			return watches(t, target, &e)(ctx)
		})
		tell(t, watcher, func(ctx *actors.Context[job]) error {
			_ = lasts(2 * time.Second)(ctx)
			assert.True(t, actors.Unwatch(ctx, target))

			return nil
		})
		pass(time.Second)
		poison(s, target)
		pass(time.Hour)
		assert.Empty(t, e.read())
	})

	bubble(t, "a watch ends with the incarnation, due or not, and the next may watch", func(t *testing.T) {
		var e ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, watches(t, target, &e))
		tell(t, watcher, fail)
		synctest.Wait()
		perform(t, watcher, watches(t, target, &e))
		tell(t, watcher, func(ctx *actors.Context[job]) error { _ = lasts(time.Second)(ctx); return errTest })
		synctest.Wait()
		poison(s, target)
		pass(time.Hour)
		assert.Empty(t, e.read())
		perform(t, watcher, watches(t, target, &e))
		synctest.Wait()
		assert.Len(t, e.read(), 1)
	})

	bubble(t, "a panic of the function is a failure of the actor", func(t *testing.T) {
		s, watcher, target := pair(t, &part{})
		perform(t, watcher, func(ctx *actors.Context[job]) error {
			return actors.Watch(ctx, target, func(actors.Terminated) job { panic(errTest) })
		})
		poison(s, target)
		synctest.Wait()
		assert.Equal(t, uint64(2), incarnation(t, watcher))
	})

	bubble(t, "bad input is an error", func(t *testing.T) {
		s, watcher, target := pair(t, &part{})

		var (
			left *actors.Context[job]
			e    ends
		)

		perform(t, watcher, func(ctx *actors.Context[job]) error {
			left = ctx
			require.ErrorIs(t, actors.Watch(ctx, actors.Ref[job]{}, e.message), actors.ErrNoRef)
			require.ErrorIs(t, actors.WatchPID(ctx, nil, e.message), actors.ErrNoRef)
			require.ErrorIs(t, actors.Watch(ctx, target, nil), actors.ErrNilFunc)
			require.ErrorIs(t, actors.Watch(ctx, watcher, e.message), actors.ErrWatchSelf)
			require.ErrorIs(t, actors.WatchPID(ctx, actor.NewPID("nonhost", "stage/actor"), e.message), actors.ErrWatchSelf)
			assert.False(t, actors.Unwatch(ctx, actors.Ref[int]{}))
			assert.False(t, actors.UnwatchPID(ctx, nil))

			return nil
		})
		tell(t, watcher, fail)
		synctest.Wait()
		require.ErrorIs(t, actors.Watch(left, target, e.message), actors.ErrNotRunning)
		assert.False(t, actors.Unwatch(left, target))

		var none *actors.Context[job]

		require.ErrorIs(t, actors.Watch(none, target, e.message), actors.ErrNotRunning)
		require.ErrorIs(t, actors.WatchPID(none, target.PID(), e.message), actors.ErrNotRunning)
		assert.False(t, actors.Unwatch(none, target))
		assert.Equal(t, "stopped", actors.ReasonStopped.String())
		assert.Equal(t, "TerminationReason(0)", actors.TerminationReason(0).String())
		s.stop(t)
	})

	bubble(t, "one too many is refused with the limit, and there is room when one is over", func(t *testing.T) {
		s := play(t, &part{})

		var e ends

		pids := make([]*actor.PID, actors.MaxWatches+1)
		for i := range pids {
			pids[i] = native(t, s, func(actor.Context) {})
		}

		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			for _, pid := range pids[1:] {
				require.NoError(t, actors.WatchPID(ctx, pid, e.message))
			}

			err := actors.WatchPID(ctx, pids[0], e.message)

			var limit *actors.WatchLimitError

			require.ErrorAs(t, err, &limit)
			require.EqualError(t, err, "/stage/actor: the actor watches 1024 others, as many as it may")
			assert.Equal(t, actors.WatchLimitError{Path: "/stage/actor", Limit: actors.MaxWatches}, *limit)
			assert.True(t, actors.UnwatchPID(ctx, pids[1]))

			return actors.WatchPID(ctx, pids[0], e.message)
		})
	})
}

// However a watch, its end and the end of the target fall together: one message comes, or none if the watch was ended.
func TestWatchRaces(t *testing.T) {
	const rounds, targets = 10, 20

	for range rounds {
		parts := []*part{{}}
		for i := range targets {
			parts = append(parts, &part{name: fmt.Sprint("target", i)})
		}

		s := play(t, parts...)
		told := make([]ends, targets)
		ended := make([]bool, targets)

		var wg sync.WaitGroup

		for i := range targets {
			ref := s.refs[fmt.Sprint("target", i)]

			wg.Go(func() { s.Protoactor().Root.Poison(ref.PID()) })
			wg.Go(func() {
				perform(t, s.ref(), watches(t, ref, &told[i]))

				if i%2 == 0 {
					perform(t, s.ref(), func(ctx *actors.Context[job]) error {
						ended[i] = actors.Unwatch(ctx, ref)

						return nil
					})
				}
			})
		}
		wg.Wait()

		require.Eventually(t, func() bool {
			perform(t, s.ref(), nothing)

			for i := range told {
				told[i].mu.Lock()
				n := len(told[i].all)
				told[i].mu.Unlock()

				if n == 0 && !ended[i] {
					return false
				}
			}

			return true
		}, time.Minute, time.Millisecond)
		s.stop(t)

		for i := range told {
			want := 1
			if ended[i] {
				want = 0
			}

			require.Len(t, told[i].read(), want)
		}
	}
}
