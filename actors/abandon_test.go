package actors_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
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

func TestAbandoned(t *testing.T) {
	soon := supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second, Close: time.Second}}

	bubble(t, "a goroutine that ignores its context is left behind, and the next incarnation begins", func(t *testing.T) {
		end := make(chan struct{})
		s := play(t, &part{spec: soon})
		began := time.Now()

		tell(t, s.ref(), starts(t, func(context.Context) error { <-end; return errTest }), fail)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		assert.Equal(t, time.Second, time.Since(began))
		assert.Len(t, s.Health(t.Context()).Children[0].Abandoned, 1)

		close(end)
		synctest.Wait()
		assert.Empty(t, s.Health(t.Context()).Children[0].Abandoned, "it has come back")
		assert.Equal(t, uint64(2), incarnation(t, s.ref()), "and its error is nobody's failure")
	})

	bubble(t, "a message in hand is a dead letter, and what its holder does later does not count", func(t *testing.T) {
		for _, late := range []job{nothing, fail, panicker, exiter} {
			held, release := hold()
			s := play(t, &part{spec: soon})
			tell(t, s.ref(), func(ctx *actors.Context[job]) error { _ = held(ctx); return late(ctx) }, nothing)
			synctest.Wait()

			r := s.stop(t)
			assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Abandoned: 1, mailbox.Deadline: 1}, r.Total.DeadLettered)
			require.Len(t, r.Actors[0].Abandoned, 1)
			assert.Contains(t, r.Actors[0].Abandoned[0].Stack, "TestAbandoned")

			release()
			synctest.Wait()

			reasons := make(map[mailbox.Reason]int)
			for _, l := range s.letters() {
				reasons[l.Reason]++
			}

			assert.Equal(t, map[mailbox.Reason]int{mailbox.Abandoned: 1, mailbox.Deadline: 1}, reasons)
		}
	})

	bubble(t, "its references answer ErrAbandoned, those of the others do not", func(t *testing.T) {
		held, release := hold()
		end := make(chan error, 1)
		sink := supervision.Actor("sink", func(supervision.Deps) (*part, error) { return &part{}, nil }, supervision.Spec{})
		source := supervision.Actor("source", func(in supervision.Deps) (actors.Func[job], error) {
			ref := sink.From(in)

			return func(ctx *actors.Context[job], j job) error {
				if ctx.Incarnation() == 1 {
					require.NoError(t, ref.TryTell(nothing))
					require.NoError(t, ctx.Go(func(context.Context) error {
						_ = held(nil)
						end <- ref.TryTell(nothing)

						return nil
					}))
				}

				require.NoError(t, ref.TryTell(nothing))

				return j(ctx)
			}, nil
		}, supervision.Spec{
			Deadlines: soon.Deadlines, DependsOn: supervision.On(sink),
			Backoff: supervision.Backoff{Initial: supervision.Immediately},
		})

		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "stage", Budget: supervision.Budget{Restarts: 9, Within: time.Hour}, Children: supervision.On(sink, source),
		}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}})
		require.NoError(t, err)

		ref := source.From(sys.Intake())
		tell(t, ref, fail, nothing)
		assert.Equal(t, uint64(2), incarnation(t, ref))
		release()
		require.ErrorIs(t, <-end, actors.ErrAbandoned)
		synctest.Wait() // the goroutine that was left behind has come back

		r, err := sys.Shutdown(t.Context())
		require.NoError(t, err)
		assert.Zero(t, r.Unaccounted)
	})
}

func TestLateFailure(t *testing.T) {
	bubble(t, "a goroutine that fails while the actor ends after its drain is the actor's failure", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), starts(t, func(ctx context.Context) error { <-ctx.Done(); return errTest }))
		synctest.Wait()

		r := s.stop(t)
		assert.Zero(t, r.Total.Queued)
		assert.Equal(t, "stopped", r.Actors[0].State)
	})
}

func TestNameTaken(t *testing.T) {
	bubble(t, "an actor whose name protoactor has given away does not start, and says so", func(t *testing.T) {
		child := supervision.Actor("actor", func(supervision.Deps) (*part, error) { return &part{}, nil }, supervision.Spec{})
		_, err := system.Start(t.Context(), supervision.Tree{
			Name: "stage", Budget: supervision.Budget{Restarts: 1, Within: time.Second}, Children: supervision.On(child),
		}, system.Options{
			Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{},
			Prepare: func(s *actor.ActorSystem) error {
				_, fresh := s.ProcessRegistry.Add(s.DeadLetter, "stage/actor")
				assert.True(t, fresh)

				return nil
			},
		})

		var taken *actors.NameTakenError

		require.ErrorAs(t, err, &taken)
		require.EqualError(t, taken, "/stage/actor: a process of that name is already registered with protoactor")
	})
}

func TestAnAbandonedIncarnationDoesNotAnswerForTheHealthOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, free := make(chan struct{}), make(chan struct{})
		asked := 0
		p := &part{health: func() error {
			asked++
			if asked > 1 {
				return nil
			}

			close(hung)
			<-free

			return errTest
		}}
		child := func(name string, p *part, spec supervision.Spec) *supervision.ActorChild[job] {
			spec.Backoff.Initial = supervision.Immediately

			return supervision.Actor(name, func(supervision.Deps) (actors.Actor[job], error) { return p, nil }, spec)
		}
		main := child("actor", p, supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Second}})
		other := child("other", &part{}, supervision.Spec{
			Decide: func(error) supervision.Directive { return supervision.EscalateFailure },
		})
		budget := supervision.Budget{Restarts: 9, Within: time.Second}

		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "stage", Budget: budget, Children: []supervision.Child{&supervision.Tree{
				Name: "inner", Budget: budget, Backoff: supervision.Backoff{Initial: supervision.Immediately},
				Children: []supervision.Child{main, other},
			}},
		}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Grace: 10 * time.Second})
		require.NoError(t, err)

		s := &stage{System: sys}

		defer s.stop(t)

		go func() {
			<-hung
			_ = other.From(sys.Intake()).TryTell(fail) // the actor is restarted with its supervisor
		}()

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		sys.Health(ctx) // until the first incarnation has been given up on, and long after

		held, release := hold()
		tell(t, main.From(sys.Intake()), held)
		synctest.Wait()

		var degraded error

		over := make(chan struct{})

		go func() {
			defer close(over)

			for n := range sys.Health(t.Context()).All() {
				degraded = errors.Join(degraded, n.Degraded)
			}
		}()

		synctest.Wait()
		close(free) // the first comes back while the second is busy
		synctest.Wait()
		release()
		<-over
		require.NoError(t, degraded)
	})
}
