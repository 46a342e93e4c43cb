package supervision_test

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	proto "github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
)

var errChild = errors.New("child failed")

// family is a protoactor supervisor with a strategy, and its child.
type family struct {
	system        *proto.ActorSystem
	parent, child *proto.PID

	mu     sync.Mutex
	starts []time.Duration // of the child, since the beginning
	events []proto.SupervisorEvent
}

func (f *family) started(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.starts = append(f.starts, time.Since(since))
}

func (f *family) read() ([]time.Duration, []proto.SupervisorEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()

	return append([]time.Duration(nil), f.starts...), append([]proto.SupervisorEvent(nil), f.events...)
}

// grow spawns a family. The child panics on "crash", the parent under options.
func grow(t *testing.T, s proto.SupervisorStrategy, options ...proto.PropsOption) *family {
	t.Helper()

	f := &family{}
	f.system = proto.NewActorSystem(proto.WithLoggerFactory(func(*proto.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	f.system.EventStream.Subscribe(func(e any) {
		if e, ok := e.(*proto.SupervisorEvent); ok {
			f.mu.Lock()
			defer f.mu.Unlock()

			f.events = append(f.events, *e)
		}
	})

	since := time.Now()
	child := proto.PropsFromFunc(func(ctx proto.Context) {
		switch ctx.Message().(type) {
		case *proto.Started:
			f.started(since)
		case string:
			panic(errChild)
		}
	})
	f.parent = f.system.Root.Spawn(proto.PropsFromFunc(func(ctx proto.Context) {
		if _, ok := ctx.Message().(*proto.Started); ok {
			f.child = ctx.Spawn(child)
		}
	}, append(options, proto.WithSupervisor(s))...))

	synctest.Wait()
	t.Cleanup(func() {
		f.system.Root.Stop(f.parent)
		<-time.After(time.Minute) // the goroutine of protoactor's log of dead letters has ended
	})

	return f
}

func (f *family) crash() {
	f.system.Root.Send(f.child, "crash")
	synctest.Wait()
}

func strategy(t *testing.T, o supervision.ProtoactorOptions) proto.SupervisorStrategy {
	t.Helper()

	if o.Budget == (supervision.Budget{}) {
		o.Budget = supervision.Budget{Restarts: 3, Within: time.Hour}
	}

	s, err := supervision.Protoactor(o)
	require.NoError(t, err)
	supervision.SetChance(s, func() float64 { return 1 })

	return s
}

func virtual(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestProtoactorStrategyBacksOffExponentially(t *testing.T) {
	second := supervision.Backoff{Initial: time.Second, Max: 3 * time.Second, Stable: time.Minute}

	virtual(t, "each wait is twice the last, up to the cap, and begins again after a stable run", func(t *testing.T) {
		f := grow(t, strategy(t, supervision.ProtoactorOptions{
			Budget: supervision.Budget{Restarts: 10, Within: time.Hour}, Backoff: second,
		}))

		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
			before, _ := f.read()
			f.crash()
			<-time.After(wait - 1)
			synctest.Wait()

			early, _ := f.read()
			assert.Len(t, early, len(before), "not one nanosecond early")
			<-time.After(1)
			synctest.Wait()

			now, _ := f.read()
			assert.Len(t, now, len(before)+1)
		}

		<-time.After(time.Minute)
		f.crash()
		<-time.After(time.Second)
		synctest.Wait()

		starts, _ := f.read()
		assert.Len(t, starts, 6)
	})

	virtual(t, "protoactor's own exponential back-off is linear", func(t *testing.T) {
		f := grow(t, proto.NewExponentialBackoffStrategy(time.Hour, time.Second))

		for range 4 {
			f.crash()
			<-time.After(10 * time.Second)
			synctest.Wait()
		}

		starts, _ := f.read()
		require.Len(t, starts, 5)

		for i, at := range starts[1:] {
			assert.InDelta(t, time.Duration(i+1)*time.Second, at-time.Duration(10*i)*time.Second, 1000)
		}
	})

	virtual(t, "a child that stops while it waits is not restarted", func(t *testing.T) {
		for _, stop := range []func(f *family) *proto.PID{
			func(f *family) *proto.PID { return f.child }, func(f *family) *proto.PID { return f.parent },
		} {
			f := grow(t, strategy(t, supervision.ProtoactorOptions{Backoff: second}))
			f.crash()
			f.system.Root.Stop(stop(f))
			<-time.After(time.Minute)
			synctest.Wait()

			starts, _ := f.read()
			assert.Len(t, starts, 1)
		}
	})
}

func TestProtoactorStrategyEscalatesAnExhaustedBudget(t *testing.T) {
	at := supervision.Backoff{Initial: supervision.Immediately}

	virtual(t, "protoactor's own stops the child quietly", func(t *testing.T) {
		f := grow(t, proto.NewOneForOneStrategy(3, time.Hour, proto.DefaultDecider))

		for range 4 {
			f.crash()
		}

		_, alive := f.system.ProcessRegistry.GetLocal(f.child.GetId())
		assert.False(t, alive)

		starts, events := f.read()
		assert.Len(t, starts, 4)
		assert.Equal(t, proto.StopDirective, events[3].Directive)
	})

	virtual(t, "a guardian gets the failures that counted, and at the end stops the supervisor", func(t *testing.T) {
		var told []error

		above := strategy(t, supervision.ProtoactorOptions{
			Budget: supervision.Budget{Restarts: 1, Within: time.Hour}, Backoff: at,
			AtRoot: func(_ *proto.PID, err error) { told = append(told, err) },
		})
		f := grow(t, strategy(t, supervision.ProtoactorOptions{Backoff: at}), proto.WithGuardian(above))

		for range 4 {
			f.crash()
		}

		_, events := f.read()
		last := events[len(events)-1]
		assert.True(t, last.Child.Equal(f.parent))
		assert.Equal(t, proto.RestartDirective, last.Directive)

		var budget *supervision.BudgetError

		err, _ := last.Reason.(error)
		require.ErrorAs(t, err, &budget)
		assert.Len(t, budget.Failures, 4)
		require.ErrorIs(t, budget, errChild)
		assert.Equal(t, "nonhost/"+f.parent.GetId(), budget.Path)
		assert.Empty(t, told)

		for range 4 { // the supervisor has a new budget, and the guardian none left
			f.crash()
		}

		_, alive := f.system.ProcessRegistry.GetLocal(f.parent.GetId())
		assert.False(t, alive)
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0], errChild)

		_, events = f.read()
		assert.Equal(t, proto.EscalateDirective, events[len(events)-1].Directive)

		other := f.system.Root.Spawn(proto.PropsFromFunc(func(ctx proto.Context) {
			if _, ok := ctx.Message().(string); ok {
				panic(errChild)
			}
		}, proto.WithGuardian(above)))
		f.system.Root.Send(other, "crash")
		synctest.Wait()
		assert.Len(t, told, 1, "the guardian has a new budget")

		_, events = f.read()
		assert.Equal(t, proto.RestartDirective, events[len(events)-1].Directive)
		f.system.Root.Stop(other)
	})

	virtual(t, "without a guardian it is told, and protoactor's root restarts the supervisor", func(t *testing.T) {
		var told []*proto.PID

		f := grow(t, strategy(t, supervision.ProtoactorOptions{
			Backoff: at, AtRoot: func(failed *proto.PID, _ error) { told = append(told, failed) },
		}))
		first := f.child

		for range 4 {
			f.crash()
		}

		require.Len(t, told, 1)
		assert.True(t, told[0].Equal(f.parent))
		assert.False(t, f.child.Equal(first))

		_, alive := f.system.ProcessRegistry.GetLocal(f.parent.GetId())
		assert.True(t, alive)
	})

	virtual(t, "the window slides, exact to the nanosecond", func(t *testing.T) {
		for _, c := range []struct {
			pause time.Duration
			over  int
		}{{time.Hour - 1, 1}, {time.Hour, 0}} {
			told := 0
			f := grow(t, strategy(t, supervision.ProtoactorOptions{
				Backoff: at, AtRoot: func(*proto.PID, error) { told++ },
			}))

			for range 3 {
				f.crash()
			}

			<-time.After(c.pause)
			f.crash()
			assert.Equal(t, c.over, told)
		}
	})
}

func TestProtoactorStrategyDecidesByError(t *testing.T) {
	for d, want := range map[supervision.Directive]proto.Directive{
		0: proto.RestartDirective, supervision.ResumeChild: proto.ResumeDirective,
		supervision.StopChild: proto.StopDirective, supervision.EscalateFailure: proto.EscalateDirective,
	} {
		virtual(t, want.String(), func(t *testing.T) {
			f := grow(t, strategy(t, supervision.ProtoactorOptions{
				Backoff: supervision.Backoff{Initial: supervision.Immediately},
				Decide: func(err error) supervision.Directive {
					if errors.Is(err, errChild) {
						return d
					}

					return 0
				},
			}))
			f.crash()

			_, events := f.read()
			assert.Equal(t, want, events[0].Directive)
		})
	}
}

// TestProtoactorStrategyContainsPanicsOfFunctions is at a guardian, where protoactor recovers from none.
func TestProtoactorStrategyContainsPanicsOfFunctions(t *testing.T) {
	var atRoot []error

	for name, c := range map[string]struct {
		decide supervision.Directive // 0 panics
		starts int
		want   proto.Directive
	}{
		"Decide": {0, 2, proto.RestartDirective},
		"AtRoot": {supervision.EscalateFailure, 1, proto.EscalateDirective},
	} {
		virtual(t, name, func(t *testing.T) {
			s := strategy(t, supervision.ProtoactorOptions{
				Backoff: supervision.Backoff{Initial: supervision.Immediately},
				Decide: func(error) supervision.Directive {
					if c.decide == 0 {
						panic("Decide")
					}

					return c.decide
				},
				AtRoot: func(_ *proto.PID, err error) {
					atRoot = append(atRoot, err)

					panic("AtRoot")
				},
			})
			f := grow(t, proto.NewOneForOneStrategy(0, 0, func(any) proto.Directive { return proto.EscalateDirective }),
				proto.WithGuardian(s))
			f.system.EventStream.Subscribe(func(e any) {
				if e, ok := e.(*proto.SupervisorEvent); ok && e.Directive == c.want {
					panic("a subscriber")
				}
			})
			f.crash()

			starts, events := f.read()
			assert.Len(t, starts, c.starts)
			assert.Equal(t, c.want, events[len(events)-1].Directive)
		})
	}

	require.Len(t, atRoot, 1)
	require.ErrorIs(t, atRoot[0], errChild)
}

// TestProtoactorStrategyWaitsOnceForAChild has one fail again, on a message of protoactor's own, while it waits for its
// restart: that comes once, in its time, whatever is decided about the second failure.
func TestProtoactorStrategyWaitsOnceForAChild(t *testing.T) {
	errAgain := errors.New("again")

	for name, d := range map[string]supervision.Directive{"restart": 0, "resume": supervision.ResumeChild} {
		virtual(t, name, func(t *testing.T) {
			var handled []time.Duration

			s := strategy(t, supervision.ProtoactorOptions{
				Backoff: supervision.Backoff{Initial: time.Second},
				Decide: func(err error) supervision.Directive {
					if errors.Is(err, errAgain) {
						return d
					}

					return 0
				},
			})
			f := grow(t, s)
			other := f.system.Root.Spawn(proto.PropsFromFunc(func(proto.Context) {}))
			since := time.Now()
			child := f.system.Root.Spawn(proto.PropsFromFunc(func(ctx proto.Context) {
				switch m := ctx.Message().(type) {
				case *proto.PID:
					ctx.Watch(m)
				case *proto.Terminated:
					panic(errAgain)
				case error:
					panic(m)
				case string:
					handled = append(handled, time.Since(since))
				}
			}, proto.WithGuardian(s)))

			f.system.Root.Send(child, other)
			f.system.Root.Send(child, errChild)
			f.system.Root.Send(child, "a message")
			synctest.Wait()
			f.system.Root.Stop(other)
			<-time.After(time.Minute)
			synctest.Wait()
			assert.Equal(t, []time.Duration{time.Second}, handled)

			_, events := f.read()
			restarts := 0

			for _, e := range events {
				if e.Directive == proto.RestartDirective {
					restarts++
				}
			}

			assert.Equal(t, 1, restarts)
			f.system.Root.Stop(child)
		})
	}
}

// TestProtoactorStrategyRemembersChildrenThatLive has many fail and stop, and then many that fail and live on.
func TestProtoactorStrategyRemembersChildrenThatLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := strategy(t, supervision.ProtoactorOptions{
			Budget:  supervision.Budget{Restarts: 1000, Within: time.Hour},
			Backoff: supervision.Backoff{Initial: supervision.Immediately},
		})
		f := grow(t, s)
		crashed := func() *proto.PID {
			child := f.system.Root.Spawn(proto.PropsFromFunc(func(ctx proto.Context) {
				if _, ok := ctx.Message().(string); ok {
					panic(errChild)
				}
			}, proto.WithGuardian(s)))
			f.system.Root.Send(child, "crash")
			synctest.Wait()

			return child
		}

		for range 100 {
			f.system.Root.Stop(crashed())
			synctest.Wait()
			require.LessOrEqual(t, supervision.Remembered(s, f.system), 16)
		}

		before := supervision.Remembered(s, f.system)

		var alive []*proto.PID
		for range 40 {
			alive = append(alive, crashed())
		}

		now := supervision.Remembered(s, f.system)
		assert.GreaterOrEqual(t, now, 40)
		assert.LessOrEqual(t, now, 40+before)

		for _, child := range alive {
			f.system.Root.Stop(child)
		}
	})
}

// TestProtoactorStrategyTellsNamesakesApart has a child that fails after another one of its name, which had failed
// before and has stopped: it has waits of its own, and the restart of the first is not its.
func TestProtoactorStrategyTellsNamesakesApart(t *testing.T) {
	for name, crashes := range map[string]time.Duration{
		"fails before the restart of the first": 10 * time.Second, "fails behind it": 13 * time.Second,
	} {
		virtual(t, name, func(t *testing.T) {
			s := strategy(t, supervision.ProtoactorOptions{
				Budget:  supervision.Budget{Restarts: 10, Within: time.Hour},
				Backoff: supervision.Backoff{Initial: 4 * time.Second, Max: time.Hour, Stable: time.Hour},
			})
			f := grow(t, s)
			since := time.Now()

			var starts atomic.Int32

			spawn := func() *proto.PID {
				starts.Store(0)

				pid, err := f.system.Root.SpawnNamed(proto.PropsFromFunc(func(ctx proto.Context) {
					switch ctx.Message().(type) {
					case *proto.Started:
						starts.Add(1)
					case string:
						panic(errChild)
					}
				}, proto.WithGuardian(s)), "child")
				require.NoError(t, err)

				return pid
			}
			crash := func(pid *proto.PID) {
				f.system.Root.Send(pid, "crash")
				synctest.Wait()
			}
			reach := func(at time.Duration) {
				<-time.After(at - time.Since(since))
				synctest.Wait()
			}

			first := spawn()
			crash(first)
			reach(4 * time.Second)
			assert.Equal(t, int32(2), starts.Load())
			crash(first) // is to be back at 12 s
			f.system.Root.Stop(first)
			synctest.Wait()

			second := spawn()

			reach(crashes)
			assert.Equal(t, int32(1), starts.Load())
			crash(second)
			reach(crashes + 4*time.Second - 1)
			assert.Equal(t, int32(1), starts.Load())
			reach(crashes + 4*time.Second)
			assert.Equal(t, int32(2), starts.Load())
			f.system.Root.Stop(second)
		})
	}
}

func TestProtoactorStrategyReportsAllThatIsWrongWithItsOptions(t *testing.T) {
	_, err := supervision.Protoactor(supervision.ProtoactorOptions{
		Budget: supervision.Budget{Restarts: -1, Within: 0}, Backoff: supervision.Backoff{Initial: -2, Stable: -1},
	})

	for _, field := range []string{"Budget.Restarts", "Budget.Within", "Backoff.Initial", "Backoff.Stable"} {
		require.ErrorContains(t, err, "supervision.Protoactor: "+field)
	}

	_, err = supervision.Protoactor(supervision.ProtoactorOptions{})
	require.ErrorContains(t, err, "supervision.Protoactor: Budget: is not set")
}
