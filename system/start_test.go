package system_test

import (
	"context"
	"sync/atomic"
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

func TestChildrenStartInDependencyOrderEachAwaited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		slow := func(name string) *probe {
			return &probe{name: name, diary: d, start: func(*actors.Context[job]) error {
				<-time.After(time.Second)
				d.note("started " + name)

				return nil
			}}
		}

		store := declare(slow("store"), supervision.Spec{})
		cache := declare(slow("cache"), supervision.Spec{DependsOn: supervision.On(store)})
		front := declare(slow("front"), supervision.Spec{DependsOn: supervision.On(cache, store)})

		began := time.Now()
		s := start(t, tree(front, cache, store), silent())

		assert.Equal(t, 3*time.Second, time.Since(began))
		assert.Equal(t, []string{
			"start store", "started store", "start cache", "started cache", "start front", "started front",
		}, d.read())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestIfAChildDoesNotStartThoseStartedAreStoppedInReverse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		b := declare(&probe{name: "b", diary: d}, supervision.Spec{})
		c := declare(&probe{name: "c", diary: d, start: func(*actors.Context[job]) error { return errBroken }},
			supervision.Spec{})
		never := declare(&probe{name: "never", diary: d}, supervision.Spec{})

		s, err := system.Start(t.Context(), tree(a, b, c, never), silent())
		require.Nil(t, s)
		require.ErrorIs(t, err, errBroken)

		var failure *supervision.FailureError

		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "/test/c", failure.Path)
		assert.Equal(t, []string{"start a", "start b", "start c", "close c", "close b", "close a"}, d.read())
	})
}

func TestAStartThatHangsIsCancelledAtNineTenthsAndAbandonedAtItsDeadline(t *testing.T) {
	virtual(t, func(t *testing.T) {
		cancelled := make(chan time.Duration, 1)
		release := make(chan struct{})
		began := time.Now()
		a := declare(&probe{name: "a", start: func(ctx *actors.Context[job]) error {
			<-ctx.Done()
			cancelled <- time.Since(began)
			<-release

			return nil
		}}, supervision.Spec{Deadlines: supervision.Deadlines{Start: 10 * time.Second}})

		_, err := system.Start(t.Context(), tree(a), silent())

		var deadline *supervision.DeadlineError

		require.ErrorAs(t, err, &deadline)
		assert.Equal(t, "start", deadline.Step)
		assert.Equal(t, 9*time.Second, <-cancelled)
		assert.Equal(t, 10*time.Second, time.Since(began))
		close(release)
		synctest.Wait()
	})
}

func TestAStartWhoseContextEndsStopsWhatHasStarted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{})
		b := declare(&probe{name: "b", diary: d, start: func(ctx *actors.Context[job]) error {
			<-ctx.Done()

			return ctx.Err()
		}}, supervision.Spec{Deadlines: supervision.Deadlines{Start: time.Hour}})

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		began := time.Now()
		_, err := system.Start(ctx, tree(a, b), silent())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began), "the hook is told at once")

		var failure *supervision.FailureError

		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "/test/b", failure.Path)
		assert.Contains(t, d.read(), "close a")
	})
}

func TestEverythingWrongIsReportedAtOnceBeforeAnythingStarts(t *testing.T) {
	d := &diary{}
	p := &probe{name: "a", diary: d}
	a := declare(p, supervision.Spec{Mailbox: &mailbox.Options{Capacity: 0}})
	b := declare(&probe{name: "a", diary: d}, supervision.Spec{DependsOn: supervision.On(a)})
	long := declare(&probe{name: "long", diary: d}, supervision.Spec{Deadlines: supervision.Deadlines{Drain: -1}})

	_, err := system.Start(t.Context(), supervision.Tree{Name: "t", Children: []supervision.Child{a, b, long, nil}},
		system.Options{Grace: -1, Letters: -1})
	require.Error(t, err)

	for _, says := range []string{
		"system.Options.Grace", "system.Options.Letters", "/t: Budget", "/t/a: Mailbox", "Capacity: 0", `"a" is taken`,
		"/t/long: Deadlines.Drain", "Children[3]: is nil",
	} {
		assert.ErrorContains(t, err, says)
	}

	assert.Empty(t, d.read())
}

func TestDeadlinesThatDoNotFitTheGracePeriodAreRefused(t *testing.T) {
	five := supervision.Spec{Deadlines: supervision.Deadlines{Drain: 5 * time.Second}}
	a := declare(&probe{name: "a"}, five)
	five.DependsOn = supervision.On(a)
	b := declare(&probe{name: "b"}, five)

	_, err := system.Start(t.Context(), tree(a, b), system.Options{Grace: 10 * time.Second})
	require.ErrorContains(t, err, "/test/b → /test/a")
	require.ErrorContains(t, err, "10s")
	require.ErrorContains(t, err, "6s")
}

func TestANilContextIsAnError(t *testing.T) {
	//nolint:staticcheck // on purpose
	_, err := system.Start(nil, tree(), silent())
	require.ErrorIs(t, err, mailbox.ErrNilContext)
	require.EqualError(t, err, "/test: Start: nil context")

	err = system.Run(nil, tree(), silent()) //nolint:staticcheck // on purpose
	require.ErrorIs(t, err, mailbox.ErrNilContext)
	require.EqualError(t, err, "/test: Run: nil context")
}

func TestPrepareRunsBeforeAnyActorIsRegistered(t *testing.T) {
	a := declare(&probe{name: "a"}, supervision.Spec{})
	options := silent()
	options.Prepare = func(p *actor.ActorSystem) error {
		_, there := p.ProcessRegistry.GetLocal("test/a")
		assert.False(t, there)

		p.ProcessRegistry.Address = "10.0.0.1:8080" // what remote.Start does

		return nil
	}

	s := start(t, tree(a), options)
	for _, nobody := range []string{"", "/", "test/a", "/test", "/test/nobody"} {
		_, ok := s.PID(nobody)
		require.False(t, ok, nobody)
	}

	pid, ok := s.PID("/test/a")
	require.True(t, ok)
	assert.Equal(t, "10.0.0.1:8080", pid.GetAddress())

	_, err := stop(t, s)
	require.NoError(t, err)

	options.Prepare = func(*actor.ActorSystem) error { return errBroken }
	_, err = system.Start(t.Context(), tree(a), options)
	require.ErrorIs(t, err, errBroken)
}

func TestAnUndeclaredDependencyFailsTheStart(t *testing.T) {
	a := declare(&probe{name: "a"}, supervision.Spec{})
	sly := supervision.Actor("sly", func(in supervision.Deps) (*probe, error) {
		a.From(in)

		return &probe{}, nil
	}, supervision.Spec{})

	_, err := system.Start(t.Context(), tree(a, sly), silent())

	var undeclared *supervision.UndeclaredError

	require.ErrorAs(t, err, &undeclared)
	assert.Equal(t, "/test/sly", undeclared.Path)
	assert.Equal(t, "/test/a", undeclared.Dependency)
}

func TestRunReturnsNilWhenItsContextEndsAlsoDuringTheStart(t *testing.T) {
	for name, after := range map[string]time.Duration{"while it runs": time.Hour, "while it starts": time.Second} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				a := declare(&probe{name: "a", diary: d, start: func(*actors.Context[job]) error {
					<-time.After(5 * time.Second)

					return nil
				}}, supervision.Spec{})

				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				require.NoError(t, system.Run(ctx, tree(a), silent()))
				assert.Equal(t, 1, count(d.read(), "start a"))
				assert.Equal(t, 1, count(d.read(), "close a"))
			})
		})
	}
}

// fragile is an actor that panics with each message and counts its starts.
type fragile struct{ started *atomic.Int32 }

func (s fragile) Start(*ctxOf) error {
	s.started.Add(1)

	return nil
}

func (fragile) Receive(*ctxOf, job) error { panic(errBroken) }

func TestAnInstanceThatIsMadeTooLateIsNotStarted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var made, started atomic.Int32

		a := supervision.Actor("a", func(supervision.Deps) (fragile, error) {
			if made.Add(1) == 2 {
				<-time.After(time.Minute) // it is given up on meanwhile
			}

			return fragile{&started}, nil
		}, supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(*ctxOf) error { return nil })
		<-time.After(5 * time.Minute)
		assert.Equal(t, int32(3), made.Load())
		assert.Equal(t, int32(2), started.Load())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
