package system_test

import (
	"fmt"
	"sync/atomic"
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

// task is a message for a pool: what it is about, and what to do.
type task struct {
	key string
	do  func(*actors.Context[task]) error
}

type taskPool = supervision.PoolChild[task]

func perform(ctx *actors.Context[task], m task) error {
	if m.do == nil {
		return nil
	}

	return m.do(ctx)
}

// pool declares one whose members come back at once; what spec leaves out is filled in.
func pool(spec supervision.PoolSpec[task]) *taskPool {
	if spec.Budget == (supervision.Budget{}) {
		spec.Budget = supervision.Budget{Restarts: 3, Within: 10 * time.Second}
	}

	spec.Backoff, spec.Member.Backoff = immediately, immediately

	return supervision.Pool("pool",
		func(supervision.Deps) (actors.Func[task], error) { return perform, nil }, spec)
}

// inPool runs a test with a pool alone in a tree, and checks the books at its end.
func inPool(
	t *testing.T, spec supervision.PoolSpec[task],
	f func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]),
) {
	t.Helper()
	virtual(t, func(t *testing.T) {
		p := pool(spec)
		s := start(t, tree(p), silent())
		f(t, s, p, p.From(s.Intake()))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// processed returns how many messages each member has processed, by its path.
func processed(s *system.System) map[string]uint64 {
	all := make(map[string]uint64)
	for _, a := range s.Stats() {
		all[a.Path] = a.Processed
	}

	return all
}

func TestAskAndForwardThroughAPool(t *testing.T) {
	virtual(t, func(t *testing.T) {
		type question struct{ actors.Reply[string] }

		var back actors.Ref[question]

		workers := supervision.Pool("workers", func(supervision.Deps) (actors.Func[question], error) {
			return func(ctx *actors.Context[question], q question) error { return q.Send(ctx.Path()) }, nil
		}, supervision.PoolSpec[question]{Size: 2, Budget: supervision.Budget{Within: 1}})
		front := supervision.Actor("front", func(in supervision.Deps) (actors.Func[question], error) {
			back = workers.From(in)

			return func(ctx *actors.Context[question], q question) error {
				return actors.Forward(ctx, back, q.Reply, func(r actors.Reply[string]) question { return question{r} })
			}, nil
		}, supervision.Spec{DependsOn: supervision.On(workers)})
		s := start(t, tree(front, workers), silent())
		ask := func(r actors.Reply[string]) question { return question{r} }
		answers := make(map[string]int)

		for range 4 {
			direct, err := actors.Ask(t.Context(), workers.From(s.Intake()), ask)
			require.NoError(t, err)

			answers[direct]++

			forwarded, err := actors.Ask(t.Context(), front.From(s.Intake()), ask)
			require.NoError(t, err)

			answers[forwarded]++
		}

		assert.Equal(t, map[string]int{"/test/workers/1": 4, "/test/workers/2": 4}, answers)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// batch is one of protoactor's.
type batch []any

func (b batch) GetMessages() []any { return b }

func TestProtoactorReachesAPoolByItsPID(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{
		Size: 2, Routing: actors.ConsistentHash(func(m task) string {
			if m.key == "bad" {
				panic(errBroken)
			}

			return m.key
		}),
	}, func(t *testing.T, s *system.System, _ *taskPool, ref actors.Ref[task]) {
		pid, ok := s.PID("/test/pool")
		require.True(t, ok)
		assert.Same(t, ref.PID(), pid)

		root := s.Protoactor().Root

		root.Send(pid, task{})
		root.Send(pid, batch{task{}, &actor.MessageEnvelope{Message: task{}}, "not a task"})
		root.Send(pid, "not a task")
		root.Send(pid, task{key: "bad"})
		root.Send(pid, (*actor.MessageEnvelope)(nil))
		root.Poison(pid)
		root.Stop(pid)
		synctest.Wait()

		var reasons []string

		for _, l := range s.DeadLetters().Letters() {
			assert.Equal(t, "/test/pool", l.Target)

			reasons = append(reasons, fmt.Sprintf("%T %v", l.Message, l.Reason))
		}

		assert.Equal(t, []string{
			"string undecodable", "string undecodable", "system_test.task undecodable", "<nil> undecodable",
			"*actor.PoisonPill undecodable",
		}, reasons)

		all := processed(s)
		assert.Equal(t, uint64(3), all["/test/pool/1"]+all["/test/pool/2"])
		assert.Panics(t, func() { _ = ref.TryTell(task{key: "bad"}) }, "here it is the sender's affair")
	})
}

func TestAMemberThatCrashesComesBackWithItsQueue(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{
		Size: 2, Routing: actors.ConsistentHash(func(m task) string { return m.key }),
	}, func(t *testing.T, s *system.System, _ *taskPool, ref actors.Ref[task]) {
		seen := make(chan uint64, 3)

		require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error { return errBroken }}))

		for range 3 {
			require.NoError(t, ref.Tell(t.Context(), task{do: func(ctx *actors.Context[task]) error {
				seen <- ctx.Incarnation()

				return nil
			}}))
		}

		for range 3 {
			assert.Equal(t, uint64(2), <-seen)
		}

		assert.Equal(t, 2, health(t, s, "/test/pool").RestartsLeft)
	})
}

func TestAPoolThatGivesUpComesBackWithItsMembersAndTheirQueues(t *testing.T) {
	spec := supervision.PoolSpec[task]{Size: 2}
	inPool(t, spec, func(t *testing.T, s *system.System, _ *taskPool, ref actors.Ref[task]) {
		var done atomic.Int64

		for i := range 40 {
			require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
				if i < 4 { // the budget is 3
					return errBroken
				}

				done.Add(1)

				return nil
			}}))
		}

		<-time.After(time.Second)
		assert.Equal(t, int64(36), done.Load())
		assert.Equal(t, 1, health(t, s, "/test/pool").Restarts)
		assert.Equal(t, 2, health(t, s, "/test").RestartsLeft)
	})
}

func TestDependentsOfAPoolStopBeforeAnyOfIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		store := declare(&probe{name: "store", diary: d}, quick())
		workers := supervision.Pool("workers", func(supervision.Deps) (*probe, error) {
			return &probe{name: "worker", diary: d}, nil
		}, supervision.PoolSpec[job]{
			Size: 3, Budget: supervision.Budget{Restarts: 3, Within: time.Second}, Member: quick(store),
		})

		var ref actors.Ref[job]

		web := supervision.Actor("web", func(in supervision.Deps) (*probe, error) {
			ref = workers.From(in)

			return &probe{name: "web", diary: d}, nil
		}, quick(workers))
		s := start(t, tree(web, workers, store), silent())

		tell(t, s, web, func(ctx *ctxOf) error {
			<-time.After(time.Second) // the shutdown has begun

			for range 30 {
				if err := ref.Tell(ctx, nothing); err != nil {
					return err
				}
			}

			return nil
		})

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(31), r.Total.Processed, "what comes in while they drain is worked off")
		assert.Equal(t, []string{
			"start store", "start worker", "start worker", "start worker", "start web",
			"flush web", "flush worker", "flush worker", "flush worker", "flush store",
			"close web", "close worker", "close worker", "close worker", "close store",
		}, d.read())
	})
}
