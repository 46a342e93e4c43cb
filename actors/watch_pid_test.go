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

		budget := supervision.Budget{Restarts: 1, Within: time.Hour}
		pool := supervision.Pool("pool", func(supervision.Deps) (*part, error) { return &part{}, nil },
			supervision.PoolSpec[job]{
				Size: 2, Budget: budget, Restart: supervision.Temporary,
				Member: supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}},
			})
		watcher := supervision.Actor("actor", func(supervision.Deps) (*part, error) { return &part{}, nil },
			supervision.Spec{})

		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "stage", Budget: budget, Children: supervision.On(pool, watcher),
		}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}})
		require.NoError(t, err)

		s := &stage{System: sys}
		defer s.stop(t)

		target, ref := pool.From(sys.Intake()), watcher.From(sys.Intake())
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
}
