package system_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestAShutdownDrainsTheChildrenOfAGroup(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		store := declare(&probe{name: "store", diary: d}, quick())
		declared := crowd(supervision.GroupSpec{MaxChildren: 3, Child: quick(store)})
		web := declare(&probe{name: "web", diary: d}, quick(declared))
		s := start(t, tree(web, declared, store), silent())
		g := declared.From(s.Intake())
		held := make(chan struct{})

		for _, name := range []string{"a", "b"} {
			ref := enter(t, g, name, &probe{name: name, diary: d})
			send(t, ref, hangs(held))

			for range 9 {
				send(t, ref, nothing)
			}
		}

		time.AfterFunc(time.Second, func() { close(held) })

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(20), r.Total.Processed)
		assert.Equal(t, "/test/crowd/a", r.Actors[1].Path)
		assert.Equal(t, uint64(10), r.Actors[1].Drained)

		log := d.read()
		assert.Equal(t, []string{"start store", "start web", "start a", "start b", "flush web"}, log[:5])
		assert.ElementsMatch(t, []string{"flush a", "flush b"}, log[5:7])
		assert.Equal(t, []string{"flush store", "close web"}, log[7:9])
		assert.ElementsMatch(t, []string{"close a", "close b"}, log[9:11])
		assert.Equal(t, "close store", log[11])

		_, err = g.Start(t.Context(), "", &probe{})
		require.ErrorIs(t, err, mailbox.ErrStopped)
		require.ErrorIs(t, g.Stop(t.Context(), "a"), mailbox.ErrStopped)
		_, ok := g.Lookup("a")
		assert.False(t, ok)
		assert.Zero(t, g.Len())
	})
}

func TestAStartWhoseContextEndsLeavesNobodyBehind(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1}, func(t *testing.T, _ *system.System, g group) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)

		defer cancel()

		_, err := g.Start(ctx, "a", &probe{start: func(*ctxOf) error { <-time.After(5 * time.Second); return nil }})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "/test/crowd/a: ")
		assert.Equal(t, time.Second, time.Since(began), "it does not wait for the child")
		<-time.After(time.Minute)
		assert.Zero(t, g.Len())

		for range 20 { // whichever of both it would find first
			_, err = g.Start(ctx, "a", &probe{start: func(*ctxOf) error {
				t.Error("it is started though the context has ended")

				return nil
			}})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "/test/crowd: ")
		}

		enter(t, g, "a", &probe{})
	})
}

func TestAChildThatIsStoppedBeforeItHasStartedIsNotThere(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1}, func(t *testing.T, _ *system.System, g group) {
		started := make(chan error, 1)

		go func() {
			_, err := g.Start(t.Context(), "a", &probe{start: func(*ctxOf) error { <-time.After(time.Second); return nil }})
			started <- err
		}()

		synctest.Wait()
		require.NoError(t, g.Stop(t.Context(), "a"))

		err := <-started
		require.EqualError(t, err, "/test/crowd/a: was stopped before it had started")
		require.ErrorIs(t, err, supervision.ErrNotStarted)
		assert.Zero(t, g.Len())
	})
}

func TestBadUseOfAGroup(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1}, func(t *testing.T, _ *system.System, g group) {
		_, err := g.Start(nil, "a", &probe{}) //nolint:staticcheck // on purpose
		require.ErrorIs(t, err, mailbox.ErrNilContext)
		require.EqualError(t, err, "/test/crowd: Start: nil context")

		err = g.Stop(nil, "a") //nolint:staticcheck // on purpose
		require.ErrorIs(t, err, mailbox.ErrNilContext)
		require.EqualError(t, err, "/test/crowd: Stop: nil context")

		var zero group

		_, err = zero.Start(t.Context(), "a", &probe{})
		require.ErrorIs(t, err, actors.ErrNoRef)
		require.ErrorIs(t, zero.Stop(t.Context(), "a"), actors.ErrNoRef)
		assert.Empty(t, zero.Path())
		assert.Zero(t, zero.Len())
		assert.Empty(t, names(zero))

		_, ok := zero.Lookup("a")
		assert.False(t, ok)

		ended, cancel := context.WithCancel(t.Context())
		cancel()

		_, err = g.Start(ended, "a", &probe{})
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		assert.Zero(t, g.Len())
	})

	assert.Equal(t, group{}, (*groupChild)(nil).From(supervision.Deps{}))
	assert.Equal(t, group{}, crowd(supervision.GroupSpec{}).From(supervision.Deps{}))
}

func TestAnActorStartsChildrenOfAGroupItDependsOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := crowd(supervision.GroupSpec{MaxChildren: 3})

		var g group

		web := supervision.Actor("web", func(in supervision.Deps) (*probe, error) {
			g = declared.From(in)

			return &probe{}, nil
		}, quick(declared))
		s := start(t, tree(web, declared), silent())
		result := make(chan error, 3)

		tell(t, s, web, func(ctx *ctxOf) error {
			ref, err := g.Start(ctx, "a", &probe{})
			result <- errors.Join(err, ref.Tell(ctx, nothing))
			result <- g.Stop(ctx, "a")

			_, err = g.Start(ctx, "b", &probe{})
			result <- err

			return nil
		})

		for range 3 {
			require.NoError(t, <-result)
		}

		// While the system drains nobody can be added, and who is there goes by itself.
		began := time.Now()
		tell(t, s, web, func(ctx *ctxOf) error {
			<-time.After(time.Second)

			_, err := g.Start(ctx, "c", &probe{})
			result <- err
			result <- g.Stop(ctx, "b")

			return nil
		})

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(began))
		require.ErrorIs(t, <-result, mailbox.ErrStopping)
		require.ErrorIs(t, <-result, mailbox.ErrStopping)
	})
}

func TestAGroupNeedsADeclaredDependencyToo(t *testing.T) {
	declared := crowd(supervision.GroupSpec{MaxChildren: 3})
	web := supervision.Actor("web", func(in supervision.Deps) (*probe, error) {
		assert.Equal(t, group{}, declared.From(in))

		return &probe{}, nil
	}, supervision.Spec{})

	_, err := system.Start(t.Context(), tree(web, declared), silent())

	var undeclared *supervision.UndeclaredError

	require.ErrorAs(t, err, &undeclared)
	assert.Equal(t, supervision.UndeclaredError{Path: "/test/web", Dependency: "/test/crowd"}, *undeclared)
}

// registered is a process of protoactor's that is called when somebody it watches has ended.
type registered struct {
	actor.Process

	terminated func()
}

func (r registered) SendSystemMessage(*actor.PID, any) { r.terminated() }

func TestANameIsFreeWhenWatchersAreTold(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 9}, func(t *testing.T, s *system.System, g group) {
		ref := enter(t, g, "a", &probe{})
		registry := s.Protoactor().ProcessRegistry
		told := make(chan error, 1)
		watcher, _ := registry.Add(registered{terminated: func() { // the child has ended
			_, err := g.Start(t.Context(), "a", &probe{})
			told <- err
		}}, "watcher")
		process, _ := registry.Get(ref.PID())

		process.SendSystemMessage(ref.PID(), &actor.Watch{Watcher: watcher})
		require.NoError(t, g.Stop(t.Context(), "a"))
		require.NoError(t, <-told)
		require.NoError(t, g.Stop(t.Context(), "a"))
	})
}

func TestWhatIsMeantForAChildThatHasGoneReachesNobody(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1}, func(t *testing.T, s *system.System, g group) {
		old := enter(t, g, "old", &probe{})
		process, _ := s.Protoactor().ProcessRegistry.Get(old.PID())
		require.NoError(t, g.Stop(t.Context(), "old"))

		enter(t, g, "new", &probe{}) // in the place of the other
		process.SendUserMessage(old.PID(), &actor.PoisonPill{})
		process.SendSystemMessage(old.PID(), &actor.Stop{})
		process.SendUserMessage(old.PID(), job(nothing))
		synctest.Wait()
		assert.Equal(t, []string{"new"}, names(g))
		assert.Equal(t, system.Running, health(t, s, "/test/crowd/new").State)
		assert.Zero(t, processed(s)["/test/crowd/new"])
	})
}
