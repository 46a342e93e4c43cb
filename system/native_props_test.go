package system_test

import (
	"context"
	"fmt"
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

func TestWhatStandsInPropsKeepsWorking(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var d diary

		note := func(what string) { d.note(what) }
		other := actor.PropsFromFunc(func(ctx actor.Context) { note(fmt.Sprint(ctx.Message())) })
		s := playNative(t, supervision.Spec{}, nil,
			actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
				return func(ctx actor.ReceiverContext, m *actor.MessageEnvelope) {
					note(fmt.Sprintf("receives %T as %s", m.Message, ctx.Self().GetId()))
					next(ctx, m)
				}
			}),
			actor.WithSenderMiddleware(func(next actor.SenderFunc) actor.SenderFunc {
				return func(ctx actor.SenderContext, to *actor.PID, m *actor.MessageEnvelope) {
					note(fmt.Sprint("sends ", m.Message))
					next(ctx, to, m)
				}
			}),
			actor.WithContextDecorator(func(next actor.ContextDecoratorFunc) actor.ContextDecoratorFunc {
				return func(ctx actor.Context) actor.Context { return decorated{next(ctx)} }
			}),
			actor.WithOnInit(func(ctx actor.Context) { ctx.Send(ctx.Self(), "from OnInit") }),
			actor.WithMailbox(actor.Unbounded()), actor.WithDispatcher(actor.NewSynchronizedDispatcher(1)),
			actor.WithGuardian(actor.DefaultSupervisorStrategy()),
			actor.WithSpawnFunc(func(*actor.ActorSystem, string, *actor.Props, actor.SpawnerContext) (*actor.PID, error) {
				return nil, errBroken
			}),
		)
		pid := s.Protoactor().Root.Spawn(other)

		s.send(act(func(ctx actor.Context) {
			_, is := ctx.(decorated)
			assert.True(t, is)
			ctx.Send(pid, "hello")
		}))
		s.Protoactor().Root.Stop(pid)
		s.end(t)

		notes := d.read()
		assert.Contains(t, notes, "receives *actor.Started as test/legacy")
		assert.Contains(t, notes, "receives string as test/legacy")
		assert.Contains(t, notes, "sends hello")
		assert.Contains(t, notes, "hello")
		assert.Equal(t, 1, count(s.diary.read(), "a from OnInit"))

		for id := range ids(s.Protoactor()) {
			assert.NotContains(t, id, "legacy/", "no provisional name is left")
		}
	})
}

type decorated struct{ actor.Context }

// ids returns the names of all processes.
func ids(p *actor.ActorSystem) map[string]bool {
	all := make(map[string]bool)

	for _, bucket := range p.ProcessRegistry.LocalPIDs.LocalPIDs {
		for _, id := range bucket.Keys() {
			all[id] = true
		}
	}

	return all
}

func TestANativeActorThatHangsIsAbandonedAndItsSuccessorWorks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		held := make(chan struct{})
		s := playNative(t, supervision.Spec{}, nil)
		s.send(act(func(actor.Context) { <-held }), "queued")

		go func() {
			<-time.After(time.Hour)
			close(held)
		}()

		r, err := stop(t, s.System)
		require.Error(t, err)
		checkLaw(t, r)
		assert.Equal(t, uint64(1), r.DeadLetters[mailbox.Abandoned])
		<-time.After(2 * time.Hour)
		synctest.Wait()
		assert.Equal(t, 1, count(s.diary.read(), "a Stopped"), "when it has come back at last")
	})
}

func TestANativeActorThatCannotStartSaysWhy(t *testing.T) {
	once := actors.FromProps(actor.PropsFromFunc(func(ctx actor.Context) {
		if a, ok := ctx.Message().(act); ok {
			a(ctx)
		}
	}))

	for name, c := range map[string]struct {
		make func() actors.Actor[any]
		want error
	}{
		"nil props": {func() actors.Actor[any] { return actors.FromProps(nil) }, actors.ErrNilProps},
		"a producer that panics": {func() actors.Actor[any] {
			return actors.FromProps(actor.PropsFromProducer(func() actor.Actor { panic(errBroken) }))
		}, errBroken},
		"OnInit that panics": {func() actors.Actor[any] {
			return actors.FromProps(actor.PropsFromFunc(func(actor.Context) {},
				actor.WithOnInit(func(actor.Context) { panic(errBroken) })))
		}, errBroken},
		"Started that panics": {func() actors.Actor[any] {
			return actors.FromProps(actor.PropsFromFunc(func(actor.Context) { panic(errBroken) }))
		}, errBroken},
		"a nil instance": {func() actors.Actor[any] {
			return actors.FromProps(actor.PropsFromProducer(func() actor.Actor { return nil }))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := supervision.Actor("legacy", func(supervision.Deps) (actors.Actor[any], error) { return c.make(), nil },
					supervision.Spec{})
				_, err := system.Start(t.Context(), tree(a), silent())
				require.ErrorContains(t, err, "/test/legacy")

				if c.want != nil {
					require.ErrorIs(t, err, c.want)
				} else {
					require.ErrorContains(t, err, "nil actor")
				}
			})
		})
	}

	t.Run("the same actor for a second incarnation", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			a := supervision.Actor("legacy", func(supervision.Deps) (actors.Actor[any], error) { return once, nil },
				supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}})
			s := start(t, tree(a), silent())
			require.NoError(t, a.From(s.Intake()).Tell(t.Context(), act(crash)))
			<-s.Done()
			require.ErrorIs(t, s.Report().Err(), actors.ErrPropsReused)
		})
	})

	t.Run("the same actor for two, of which the first goes on undisturbed", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var d diary

			shared := actors.FromProps(actor.PropsFromFunc(func(ctx actor.Context) {
				d.note(fmt.Sprintf("%T", ctx.Message()))
			}))
			factory := func(supervision.Deps) (actors.Actor[any], error) { return shared, nil }
			first := supervision.Actor("first", factory, supervision.Spec{})
			second := supervision.Actor("second", factory, supervision.Spec{DependsOn: supervision.On(first)})

			_, err := system.Start(t.Context(), tree(first, second), silent())
			require.ErrorIs(t, err, actors.ErrPropsReused)
			require.ErrorContains(t, err, "/test/second")
			assert.Equal(t, []string{"*actor.Started", "*actor.Stopping", "*actor.Stopped"}, d.read())
		})
	})

	t.Run("the same actor inside of others", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var d diary

			shared := actors.FromProps(actor.PropsFromFunc(func(ctx actor.Context) {
				d.note(fmt.Sprintf("%T", ctx.Message()))
			}))
			factory := func(supervision.Deps) (actors.Actor[any], error) { return &around{shared}, nil }
			first := supervision.Actor("first", factory, supervision.Spec{})
			second := supervision.Actor("second", factory, supervision.Spec{DependsOn: supervision.On(first)})

			_, err := system.Start(t.Context(), tree(first, second), silent())
			require.ErrorIs(t, err, actors.ErrPropsReused)
			assert.Equal(t, []string{"*actor.Started"}, d.read())
		})
	})

	_, err := supervision.Compile(tree(supervision.Actor("legacy", supervision.Native(nil), supervision.Spec{})))
	require.ErrorContains(t, err, "/test/legacy")
}

// around is an actor with another inside.
type around struct{ actors.Actor[any] }

func (a *around) Start(ctx *actors.Context[any]) error {
	s, _ := a.Actor.(actors.Starter[any])

	return s.Start(ctx)
}

// plain is an actor of any message that is not a native one, with every hook.
type plain struct{ diary *diary }

func (p *plain) Receive(_ *actors.Context[any], m any) error {
	p.diary.note(fmt.Sprint(m))

	return nil
}

func (p *plain) Start(*actors.Context[any]) error { p.diary.note("start"); return nil }
func (p *plain) Flush(context.Context) error      { p.diary.note("flush"); return nil }
func (p *plain) Close(context.Context) error      { p.diary.note("close"); return nil }
func (p *plain) Health() error                    { return errBroken }

func TestAnActorOfAnyMessageGetsMessagesWithoutTheirEnvelopes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := supervision.Actor("a", func(supervision.Deps) (*plain, error) { return &plain{d}, nil }, supervision.Spec{})
		s := start(t, tree(a), silent())
		pid, _ := s.PID("/test/a")

		s.Protoactor().Root.RequestWithCustomSender(pid, "enveloped", pid)
		synctest.Wait()
		require.ErrorIs(t, health(t, s, "/test/a").Degraded, errBroken)

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, []string{"start", "enveloped", "flush", "close"}, d.read())
	})
}

func TestABehaviourOfAnyMessageGetsMessagesWithoutTheirEnvelopes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		got := make(chan any, 1)
		a := supervision.Actor("a", func(supervision.Deps) (actors.Func[any], error) {
			return func(ctx *actors.Context[any], _ any) error {
				return ctx.Become(func(_ *actors.Context[any], m any) error {
					got <- m

					return nil
				})
			}, nil
		}, supervision.Spec{})
		s := start(t, tree(a), silent())
		pid, _ := s.PID("/test/a")

		s.Protoactor().Root.RequestWithCustomSender(pid, "become", pid)
		s.Protoactor().Root.RequestWithCustomSender(pid, "enveloped", pid)
		assert.Equal(t, "enveloped", <-got)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
