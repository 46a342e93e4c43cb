package system_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestAReplyPortInAReplayedMessageLeadsNowhere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		type question struct{ actors.Reply[int] }

		ill, answers := true, []error(nil)
		a := supervision.Actor("a", func(supervision.Deps) (actors.Func[question], error) {
			return func(_ *actors.Context[question], q question) error {
				if ill {
					return errBroken
				}

				answers = append(answers, q.Send(1), q.Send(2))

				return nil
			}, nil
		}, supervision.Spec{Decide: resume})
		s := start(t, tree(a), silent())
		ref := a.From(s.Intake())

		ask := func(ctx context.Context) (int, error) {
			return actors.Ask(ctx, ref, func(r actors.Reply[int]) question { return question{r} })
		}

		_, err := ask(t.Context())
		require.ErrorIs(t, err, errBroken)
		synctest.Wait() // the asker may know before the office does

		ill = false

		require.Equal(t, []string{"accepted"}, outcomesOf(s.DeadLetters().Replay(system.Filter{}, 1)...))
		synctest.Wait()
		require.NoError(t, answers[0], "the answer is dropped")
		require.ErrorIs(t, answers[1], actors.ErrReplied)

		n, err := ask(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n, "and reaches nobody else")

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestAPoolTakesWhatIsReplayedToIt(t *testing.T) {
	var s *system.System

	flood, letters := 0, 2
	panics := false

	virtual(t, func(t *testing.T) {
		p := pool(supervision.PoolSpec[task]{
			Size: 2, Routing: actors.ConsistentHash(func(m task) string {
				if panics {
					panic("key")
				}

				for range flood {
					s.Protoactor().Root.Send(actor.NewPID("nonhost", "nobody"), 1)
				}

				return m.key
			}),
		})
		options := silent()
		options.Letters = letters
		s = start(t, tree(p), options)
		f := s.DeadLetters()
		at, _ := s.PID("/test/pool")

		panics = true

		s.Protoactor().Root.Send(at, task{key: "a"})

		all := f.Replay(system.Filter{}, 1)
		assert.Equal(t, []string{"refused"}, outcomesOf(all...))
		require.ErrorContains(t, all[0].Err, "key")

		panics, flood = false, 5

		all = f.Replay(system.Filter{}, 9)
		assert.Equal(t, []string{"accepted"}, outcomesOf(all...))
		assert.Equal(t, system.OfficeStats{Taken: 6, Held: 2, Replayed: 1, Evicted: 3}, f.Stats(),
			"it was not evicted, although it had to make room while it was replayed")

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), processed(s)["/test/pool/1"]+processed(s)["/test/pool/2"])
	})
}

func TestAReplayDoesNotTakeUpWhatComesInMeanwhile(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const letters = 3 * 64 // whole chunks, so that it looks for more

		key := func() { panic("no key yet") }
		p := pool(supervision.PoolSpec[task]{Size: 1, Routing: actors.ConsistentHash(func(m task) string {
			key()

			return m.key
		})})
		s := start(t, tree(p), silent())
		at, _ := s.PID("/test/pool")

		for range letters {
			s.Protoactor().Root.Send(at, task{})
		}

		key = func() { s.Protoactor().Root.Send(actor.NewPID("nonhost", "nobody"), 1) }
		assert.Len(t, s.DeadLetters().Replay(system.Filter{}, 10*letters), letters)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestASuccessorIsFoundByItsPath(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 3}, func(t *testing.T, s *system.System, g group) {
		d := &diary{}
		ref := enter(t, g, "child", &probe{})
		send(t, ref, broken)
		synctest.Wait()
		require.NoError(t, g.Stop(t.Context(), "child"))

		err := ref.Tell(t.Context(), func(ctx *ctxOf) error { d.note(ctx.Path()); return nil })
		require.ErrorIs(t, err, mailbox.ErrStopped)

		f := s.DeadLetters()
		filter := system.Filter{Reasons: []mailbox.Reason{mailbox.Stopped}}
		assert.Equal(t, []string{"no such actor"}, outcomesOf(f.Replay(filter, 1)...))

		enter(t, g, "child", &probe{})
		assert.Equal(t, []string{"accepted"}, outcomesOf(f.Replay(filter, 1)...))
		synctest.Wait()
		assert.Equal(t, []string{"/test/crowd/child"}, d.read())
	})
}

func TestANativeActorKnowsTheSenderOfAReplayedMessage(t *testing.T) {
	virtual(t, func(t *testing.T) {
		ill, seen := true, ""
		props := actor.PropsFromFunc(func(ctx actor.Context) {
			if m, ok := ctx.Message().(string); ok {
				if ill {
					panic(errBroken)
				}

				seen = m + " from " + ctx.Sender().GetId()
			}
		})
		a := supervision.Actor("a", supervision.Native(props), supervision.Spec{Decide: resume})
		s := start(t, tree(a), silent())
		at, _ := s.PID("/test/a")

		s.Protoactor().Root.RequestWithCustomSender(at, "hello", actor.NewPID("nonhost", "client"))
		synctest.Wait()

		ill = false

		assert.Equal(t, []string{"accepted"}, outcomesOf(
			s.DeadLetters().Replay(system.Filter{Reasons: []mailbox.Reason{mailbox.Failed}}, 1)...))
		synctest.Wait()
		assert.Equal(t, "hello from client", seen)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestEveryOutcomeHasAName(t *testing.T) {
	seen := make(map[string]bool)

	for _, o := range system.Outcomes() {
		text, err := o.MarshalText()
		require.NoError(t, err)
		assert.False(t, seen[string(text)])

		seen[string(text)] = true
	}

	assert.Len(t, seen, 10)
	assert.Equal(t, "Outcome(0)", system.Outcome(0).String())
	assert.Equal(t, "Outcome(200)", system.Outcome(200).String())
}

// Children of groups and members of pools are not in the plan, but they end with the system all the same.
func TestAReplayAfterTheStopToWhoIsNotInThePlan(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := start(t, tree(crowd(supervision.GroupSpec{MaxChildren: 3}), pool(supervision.PoolSpec[task]{Size: 1})), silent())
		replay := func(target string) system.Replayed {
			return s.DeadLetters().Resend(system.Letter{Target: target, Message: task{}}, func() bool { return true })
		}

		require.Equal(t, system.NoTarget, replay("/test/crowd/first").Outcome, "it can come yet")

		_, err := stop(t, s)
		require.NoError(t, err)

		for target, want := range map[string]system.Outcome{
			"/test/crowd/first": system.TargetStopped, "/test/pool/1": system.TargetStopped,
			"/test/crowd/": system.NoTarget, "/test/crowd/a/b": system.NoTarget, "/test/nobody": system.NoTarget,
		} {
			r := replay(target)
			assert.Equal(t, want, r.Outcome, "%s: %v", target, r.Err)
			assert.ErrorContains(t, r.Err, target+": ")
		}
	})
}
