package actors_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// recorder is a process of protoactor that notes the types of the system messages it gets.
type recorder struct{ diary }

func (*recorder) SendUserMessage(*actor.PID, any)         {}
func (*recorder) Stop(*actor.PID)                         {}
func (r *recorder) SendSystemMessage(_ *actor.PID, m any) { r.note(fmt.Sprintf("%T", m)) }

func TestWatchPID(t *testing.T) {
	bubble(t, "a protoactor actor is told of once when it has stopped", func(t *testing.T) {
		var e ends

		s := play(t, &part{})
		pid := native(t, s, func(actor.Context) {})
		watch := func(ctx *actors.Context[job]) error { return actors.WatchPID(ctx, pid, e.message) }
		perform(t, s.ref(), watch)
		perform(t, s.ref(), watch)
		s.Protoactor().Root.Stop(pid)
		synctest.Wait()

		got := e.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonStopped, got[0].Reason)
		assert.Equal(t, "/"+pid.GetId(), got[0].Path)
		assert.True(t, pid.Equal(got[0].PID))

		perform(t, s.ref(), watch)
		synctest.Wait()

		got = e.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonNotFound, got[0].Reason)
	})

	bubble(t, "one that says twice that it has ended is told of once", func(t *testing.T) {
		var e ends

		s := play(t, &part{})
		pid := native(t, s, func(actor.Context) {})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error { return actors.WatchPID(ctx, pid, e.message) })
		tell(t, s.ref(), lasts(time.Second)) // so that both are there before either is told
		synctest.Wait()

		watcher, ok := s.Protoactor().ProcessRegistry.Get(s.ref().PID())
		require.True(t, ok)

		for range 2 {
			watcher.SendSystemMessage(s.ref().PID(), &actor.Terminated{Who: pid})
		}

		pass(time.Minute)
		assert.Len(t, e.read(), 1)
	})

	bubble(t, "neither Unwatch nor a restart leaves a watcher behind", func(t *testing.T) {
		var (
			e ends
			r recorder
		)

		s := play(t, &part{})
		pid, fresh := s.Protoactor().ProcessRegistry.Add(&r, "recorder")
		require.True(t, fresh)

		watch := func(ctx *actors.Context[job]) error { return actors.WatchPID(ctx, pid, e.message) }
		perform(t, s.ref(), watch)
		perform(t, s.ref(), watch) // which the process need not know
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			assert.True(t, actors.UnwatchPID(ctx, actor.NewPID(pid.GetAddress(), pid.GetId())))

			return watch(ctx)
		})
		tell(t, s.ref(), fail)
		perform(t, s.ref(), watch)
		s.stop(t)
		assert.Equal(t, []string{
			"*actor.Watch", "*actor.Unwatch", "*actor.Watch", "*actor.Unwatch", "*actor.Watch", "*actor.Unwatch",
		}, r.read())
	})

	bubble(t, "a watch by PID and one by reference are the same", func(t *testing.T) {
		var first, second ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, watches(t, target, &first))
		perform(t, watcher, func(ctx *actors.Context[job]) error {
			return actors.WatchPID(ctx, target.PID(), second.message)
		})
		s.Protoactor().Root.Poison(target.PID())
		synctest.Wait()
		assert.Empty(t, first.read())
		assert.Len(t, second.read(), 1)
	})

	bubble(t, "a reference says more of an end than the PID that was known before", func(t *testing.T) {
		var first, second ends

		s, watcher, target := pair(t, &part{spec: supervision.Spec{Restart: supervision.Temporary}})
		watch := func(ctx *actors.Context[job]) error {
			require.NoError(t, actors.WatchPID(ctx, target.PID(), first.message))

			return actors.Watch(ctx, target, second.message)
		}
		perform(t, watcher, watch)
		tell(t, target, fail)
		synctest.Wait()
		assert.Empty(t, first.read())

		got := second.read()
		require.Len(t, got, 1)
		assert.Equal(t, actors.ReasonFailed, got[0].Reason)
		require.ErrorIs(t, got[0].Err, errTest)

		perform(t, watcher, watch) // the first is due at once, and comes, as the second would have it
		synctest.Wait()
		assert.Empty(t, first.read())
		assert.Len(t, second.read(), 1)
		s.stop(t)
	})

	bubble(t, "a PID that has become known by reference is watched no more", func(t *testing.T) {
		var e ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, func(ctx *actors.Context[job]) error {
			require.NoError(t, actors.WatchPID(ctx, target.PID(), e.message))
			require.NoError(t, actors.Watch(ctx, target, e.message))
			assert.True(t, actors.Unwatch(ctx, target))

			return nil
		})
		tell(t, target, halt)
		synctest.Wait()
		assert.Empty(t, e.read())
		s.stop(t)
	})

	bubble(t, "an actor of the tree by its PID", func(t *testing.T) {
		var e ends

		s, watcher, target := pair(t, &part{})
		perform(t, watcher, func(ctx *actors.Context[job]) error {
			return actors.WatchPID(ctx, target.PID(), e.message)
		})
		s.Protoactor().Root.Poison(target.PID())
		synctest.Wait()
		assert.Equal(t, []actors.Terminated{{
			Path: "/stage/target", PID: target.PID(), Reason: actors.ReasonStopped,
		}}, e.read())
	})
}

func TestWatchPool(t *testing.T) {
	bubble(t, "a pool has ended when its supervisor has, not with one of its members", func(t *testing.T) {
		var e ends

		ref, target := playPool(t)
		perform(t, ref, watches(t, target, &e))
		tell(t, target, halt, fail)
		synctest.Wait()
		assert.Empty(t, e.read())
		tell(t, target, fail)
		synctest.Wait()

		want := []actors.Terminated{{Path: "/stage/pool", PID: target.PID(), Reason: actors.ReasonStopped}}
		assert.Equal(t, want, e.read())
		perform(t, ref, func(ctx *actors.Context[job]) error {
			_ = watches(t, target, &e)(ctx)
			assert.True(t, actors.Unwatch(ctx, target), "though it is due")

			return watches(t, target, &e)(ctx)
		})
		synctest.Wait()
		assert.Equal(t, want, e.read())
	})

	bubble(t, "known by its PID first, it is told of once by its reference", func(t *testing.T) {
		var first, second ends

		ref, target := playPool(t)
		perform(t, ref, func(ctx *actors.Context[job]) error {
			require.NoError(t, actors.WatchPID(ctx, target.PID(), first.message))
			require.NoError(t, actors.Watch(ctx, target, first.message))

			return actors.WatchPID(ctx, target.PID(), second.message) // the reference is not forgotten for that
		})
		tell(t, target, fail)
		tell(t, target, fail)
		synctest.Wait()
		assert.Empty(t, first.read())
		assert.Equal(t, []actors.Terminated{{
			Path: "/stage/pool", PID: target.PID(), Reason: actors.ReasonStopped,
		}}, second.read())
	})
}

// playPool starts an actor and a pool that ends with the second failure of a member.
func playPool(t *testing.T) (watcher, pool actors.Ref[job]) {
	t.Helper()

	budget := supervision.Budget{Restarts: 1, Within: time.Hour}
	group := supervision.Pool("pool", func(supervision.Deps) (*part, error) { return &part{}, nil },
		supervision.PoolSpec[job]{
			Size: 2, Budget: budget, Restart: supervision.Temporary,
			Member: supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}},
		})
	child := supervision.Actor("actor", func(supervision.Deps) (*part, error) { return &part{}, nil },
		supervision.Spec{})

	sys, err := system.Start(t.Context(), supervision.Tree{
		Name: "stage", Budget: budget, Children: supervision.On(group, child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}})
	require.NoError(t, err)

	s := &stage{System: sys}
	t.Cleanup(func() { s.stop(t) })

	return child.From(sys.Intake()), group.From(sys.Intake())
}
