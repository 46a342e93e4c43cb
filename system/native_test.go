package system_test

import (
	"errors"
	"fmt"
	"strings"
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

// act is a message to a native actor: what it does.
type act func(ctx actor.Context)

// legacy is a native actor that keeps a diary of its life and does what it is told.
type legacy struct {
	diary *diary
	name  string
	on    func(ctx actor.Context) // what else it does with a message
}

func (l *legacy) Receive(ctx actor.Context) {
	if a, ok := ctx.Message().(act); ok {
		a(ctx)

		return
	}

	if _, ok := ctx.Message().(string); ok {
		l.diary.note(fmt.Sprint(l.name, " ", ctx.Message()))
	} else {
		l.diary.note(l.name + " " + strings.TrimPrefix(fmt.Sprintf("%T", ctx.Message()), "*actor."))
	}

	if l.on != nil {
		l.on(ctx)
	}
}

// nativeStage is a running system with one native actor, "/test/legacy".
type nativeStage struct {
	*system.System

	diary *diary
	child *supervision.ActorChild[any]
	pid   *actor.PID
}

// props returns those of a legacy named "a".
func (d *diary) props(on func(actor.Context), options ...actor.PropsOption) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &legacy{diary: d, name: "a", on: on} }, options...)
}

func playNative(
	t *testing.T, spec supervision.Spec, on func(actor.Context), options ...actor.PropsOption,
) *nativeStage {
	t.Helper()

	d := &diary{}

	if spec.Backoff.Initial == 0 {
		spec.Backoff.Initial = supervision.Immediately
	}

	c := supervision.Actor("legacy", supervision.Native(d.props(on, options...)), spec)
	s := start(t, tree(c), silent())
	pid, ok := s.PID("/test/legacy")
	require.True(t, ok)

	return &nativeStage{System: s, diary: d, child: c, pid: pid}
}

// send sends to the native actor through protoactor and waits until all is at rest.
func (s *nativeStage) send(messages ...any) {
	for _, m := range messages {
		s.Protoactor().Root.Send(s.pid, m)
	}

	synctest.Wait()
}

// end stops the system and checks the law.
func (s *nativeStage) end(t *testing.T) *system.Report {
	t.Helper()

	r, err := stop(t, s.System)
	require.NoError(t, err)
	checkLaw(t, r)

	return r
}

func crash(actor.Context) { panic(errBroken) }

func TestANativeActorLivesAsProtoactorPromises(t *testing.T) {
	for name, c := range map[string]struct {
		decide func(error) supervision.Directive
		do     func(s *nativeStage)
		want   []string
	}{
		"started, then stopped with the system": {
			nil, func(s *nativeStage) { s.send("hello") }, []string{"Started", "hello", "Stopping", "Stopped"},
		},
		"restarted": {
			nil, func(s *nativeStage) { s.send(act(crash), "hello") },
			[]string{"Started", "Restarting", "Started", "hello", "Stopping", "Stopped"},
		},
		"resumed": {
			func(error) supervision.Directive { return supervision.ResumeChild },
			func(s *nativeStage) { s.send(act(crash), "hello") },
			[]string{"Started", "hello", "Stopping", "Stopped"},
		},
		"stopped by its supervisor": {
			func(error) supervision.Directive { return supervision.StopChild },
			func(s *nativeStage) { s.send(act(crash)) },
			[]string{"Started", "Stopping", "Stopped"},
		},
		"poisoned after its queue": {
			nil, func(s *nativeStage) { s.send("one", &actor.PoisonPill{}, "late") },
			[]string{"Started", "one", "Stopping", "Stopped"},
		},
		"poisoned by itself": {
			nil, func(s *nativeStage) { s.send(act(func(ctx actor.Context) { ctx.Poison(ctx.Self()) })) },
			[]string{"Started", "Stopping", "Stopped"},
		},
		"stopped by itself": {
			nil, func(s *nativeStage) { s.send(act(func(ctx actor.Context) { ctx.Stop(ctx.Self()) })) },
			[]string{"Started", "Stopping", "Stopped"},
		},
		"stopped from outside": {
			nil, func(s *nativeStage) { s.Protoactor().Root.Stop(s.pid); synctest.Wait() },
			[]string{"Started", "Stopping", "Stopped"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := playNative(t, supervision.Spec{Restart: supervision.Permanent, Decide: c.decide}, nil)
				c.do(s)
				s.end(t)

				want := make([]string, len(c.want))
				for i := range want {
					want[i] = "a " + c.want[i]
				}

				assert.Equal(t, want, s.diary.read())
			})
		})
	}
}

func TestANativeActorIsAtItsPIDForAllOfProtoactor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := playNative(t, supervision.Spec{}, nil)
		root := s.Protoactor().Root

		var self, parent, sender *actor.PID

		s.send(act(func(ctx actor.Context) { self, parent, sender = ctx.Self(), ctx.Parent(), ctx.Sender() }))
		assert.True(t, self.Equal(s.pid))
		assert.Equal(t, "test/legacy", self.GetId())
		assert.Nil(t, parent)
		assert.Nil(t, sender)

		respond := act(func(ctx actor.Context) { ctx.Respond("answer") })
		answer, err := root.RequestFuture(s.pid, respond, time.Second).Result()
		require.NoError(t, err)
		assert.Equal(t, "answer", answer)

		m := &actor.MessageEnvelope{Message: act(func(ctx actor.Context) {
			s.diary.note(ctx.MessageHeader().Get("trace"))
			ctx.Respond("with headers")
		})}
		m.SetHeader("trace", "7")

		future := actor.NewFuture(s.Protoactor(), time.Second)
		m.Sender = future.PID()
		s.send(m)

		answer, err = future.Result()
		require.NoError(t, err)
		assert.Equal(t, "with headers", answer)

		ref := s.child.From(s.Intake())
		require.NoError(t, ref.Tell(t.Context(), act(func(ctx actor.Context) {
			assert.Nil(t, ctx.Sender())
			s.diary.note("through a reference")
		})))
		synctest.Wait()

		touched, err := root.RequestFuture(s.pid, &actor.Touch{}, time.Second).Result()
		require.NoError(t, err)
		assert.IsType(t, &actor.Touched{}, touched)

		s.end(t)
		assert.Equal(t, []string{
			"a Started", "7", "through a reference", "a Touch", "a Stopping", "a Stopped",
		}, s.diary.read())
	})
}

func TestARequestThatCrashesANativeActorIsAnsweredAndADeadLetterWithItsCause(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := playNative(t, supervision.Spec{}, nil)

		_, err := s.Protoactor().Root.RequestFuture(s.pid, act(crash), time.Hour).Result()
		require.ErrorIs(t, err, actor.ErrDeadLetter)
		synctest.Wait()

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Failed, letters[0].Reason)
		assert.IsType(t, act(nil), letters[0].Message)
		assert.Contains(t, letters[0].Sender, "future")

		var panicked *actors.PanicError

		require.ErrorAs(t, letters[0].Cause, &panicked)
		assert.Contains(t, panicked.Stack.String(), "crash")

		r := s.end(t)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Equal(t, 1, r.Actors[0].Restarts)
	})
}

func TestANativeActorKeepsItsQueueAndPIDUnderCrashes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		child := supervision.Actor("legacy", supervision.Native(d.props(nil)), supervision.Spec{
			Mailbox: &mailbox.Options{Capacity: 10_000},
			Backoff: supervision.Backoff{Initial: time.Millisecond, Max: time.Millisecond},
		})
		top := tree(child)
		top.Budget = supervision.Budget{Restarts: 1000, Within: time.Second}
		s := start(t, top, silent())
		pid, _ := s.PID("/test/legacy")
		seen := 0

		for i := range 2000 {
			s.Protoactor().Root.Send(pid, act(func(ctx actor.Context) {
				assert.Equal(t, i, seen)
				assert.True(t, ctx.Self().Equal(pid))

				seen++
				if i%50 == 0 {
					panic("crash")
				}
			}))
		}

		<-time.After(time.Minute)
		synctest.Wait()
		assert.Equal(t, 2000, seen)

		r, err := stop(t, s)
		require.NoError(t, err)
		checkLaw(t, r)
		assert.Equal(t, uint64(1960), r.Total.Processed)
		assert.Equal(t, uint64(40), r.Total.Failed)
		assert.Equal(t, 40, r.Actors[0].Restarts)
	})
}

func TestAShutdownDrainsANativeActor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := playNative(t, supervision.Spec{}, nil)
		root := s.Protoactor().Root

		root.Send(s.pid, act(func(actor.Context) { <-time.After(time.Second) }))
		root.Send(s.pid, "one")
		root.Send(s.pid, "two")

		r := s.end(t)
		assert.Equal(t, uint64(3), r.Total.Processed)
		assert.Equal(t, []string{"a Started", "a one", "a two", "a Stopping", "a Stopped"}, s.diary.read())
		root.Send(s.pid, "late")
		assert.Equal(t, 0, count(s.diary.read(), "a late"))
	})
}

func TestAnExhaustedBudgetOfANativeActorEscalates(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := playNative(t, supervision.Spec{}, nil)

		for range 4 { // the budget is 3 within 10 s
			s.send(act(crash))
		}

		<-s.Done()

		var budget *supervision.BudgetError

		require.ErrorAs(t, s.Report().Err(), &budget)
		require.ErrorIs(t, budget, errBroken)
		checkLaw(t, s.Report())
	})
}

func TestTheChildrenOfANativeActorStopWithIt(t *testing.T) {
	spawn := func(s *nativeStage, f actor.ReceiveFunc, options ...actor.PropsOption) *actor.PID {
		var pid *actor.PID

		s.send(act(func(ctx actor.Context) { pid = ctx.Spawn(actor.PropsFromFunc(f, options...)) }))

		return pid
	}

	t.Run("at a restart, before the new incarnation starts", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)
			pid := spawn(s, func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Stopped); ok {
					<-time.After(time.Second)
					s.diary.note("child stopped")
				}
			})

			s.send(act(crash))
			<-time.After(time.Minute)

			_, alive := s.Protoactor().ProcessRegistry.GetLocal(pid.GetId())
			assert.False(t, alive)
			s.end(t)
			assert.Equal(t, []string{
				"a Started", "a Restarting", "child stopped", "a Terminated", "a Started", "a Stopping", "a Stopped",
			}, s.diary.read())
		})
	})

	t.Run("the last first, as under protoactor", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)

			for n := range 4 {
				spawn(s, func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Stopped); ok {
						s.diary.note(fmt.Sprintf("child %d stopped", n))
					}
				}, actor.WithDispatcher(actor.NewSynchronizedDispatcher(1))) // on the goroutine of who tells it to
			}

			s.end(t)

			var stopped []string

			for _, note := range s.diary.read() {
				if strings.HasPrefix(note, "child") {
					stopped = append(stopped, note)
				}
			}

			assert.Equal(t, []string{
				"child 3 stopped", "child 2 stopped", "child 1 stopped", "child 0 stopped",
			}, stopped)
		})
	})

	t.Run("all of them, while what else it is told waits for the next incarnation", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var (
				d     *diary
				other *actor.PID
			)

			s := playNative(t, supervision.Spec{}, func(ctx actor.Context) {
				if m, ok := ctx.Message().(*actor.Terminated); ok && m.GetWho().GetId() == other.GetId() {
					d.note("it was the other")
				}
			})
			d, other = s.diary, s.Protoactor().Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))

			for _, takes := range []time.Duration{time.Second, 2 * time.Second} {
				spawn(s, func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Stopped); ok {
						<-time.After(takes)
						s.diary.note("child stopped")
					}
				})
			}

			s.send(act(func(ctx actor.Context) { ctx.Watch(other) }), act(func(ctx actor.Context) {
				s.Protoactor().Root.Stop(other)
				<-time.After(time.Second) // it has stopped
				crash(ctx)
			}))
			<-time.After(time.Minute)
			assert.Equal(t, []string{
				"a Started", "a Restarting", "child stopped", "a Terminated", "child stopped", "a Terminated", "a Started",
				"a Terminated", "it was the other",
			}, s.diary.read())
			s.end(t)
		})
	})

	t.Run("one that hangs does not hold the actor longer than its deadline", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)
			held := make(chan struct{})
			pid := spawn(s, func(ctx actor.Context) {
				if ctx.Message() == "hang" {
					<-held
				}
			})

			s.Protoactor().Root.Send(pid, "hang")
			synctest.Wait()
			s.send(act(crash))
			<-time.After(time.Minute)
			assert.Equal(t, system.Running, health(t, s.System, "/test/legacy").State)
			close(held)
			synctest.Wait()
			s.end(t)
			assert.Equal(t, 2, count(s.diary.read(), "a Started"))
		})
	})

	t.Run("what its strategy escalates is the actor's own failure", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			escalate := actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.EscalateDirective })
			s := playNative(t, supervision.Spec{Decide: func(err error) supervision.Directive {
				var escalated *actors.EscalatedError
				if errors.As(err, &escalated) && errors.Is(err, errBroken) {
					return supervision.StopChild
				}

				return 0
			}}, nil, actor.WithSupervisor(escalate))
			pid := spawn(s, func(ctx actor.Context) {
				if ctx.Message() == "crash" {
					panic(errBroken)
				}
			})

			s.Protoactor().Root.Send(pid, "crash")
			synctest.Wait()
			assert.Equal(t, system.Failed, health(t, s.System, "/test/legacy").State)
			s.end(t)
		})
	})
}
