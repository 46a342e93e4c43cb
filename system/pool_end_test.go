package system_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// fatal is a message that its member fails on.
var fatal = task{do: func(*actors.Context[task]) error { return errBroken }}

func TestATemporaryMemberThatFailsLeavesThePoolSmaller(t *testing.T) {
	for name, routing := range map[string]actors.Routing[task]{
		"round robin": actors.RoundRobin[task](), "least loaded": actors.LeastLoaded[task](),
		"consistent hash": actors.ConsistentHash(func(m task) string { return m.key }),
	} {
		t.Run(name, func(t *testing.T) {
			inPool(t, supervision.PoolSpec[task]{
				Size: 3, Routing: routing, Member: supervision.Spec{Restart: supervision.Temporary},
			}, func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
				for left := 2; left >= 1; left-- {
					require.NoError(t, ref.Tell(t.Context(), fatal))
					synctest.Wait()
					assert.Len(t, members(t, s), left)

					for range 3 {
						s.Protoactor().Root.Send(ref.PID(), task{}) // who goes on to nobody else
						synctest.Wait()
					}

					for range 10 {
						require.NoError(t, ref.Tell(t.Context(), task{}), "the others get all")
						synctest.Wait()
					}
				}

				require.NoError(t, ref.Tell(t.Context(), fatal))
				synctest.Wait()
				assert.Empty(t, members(t, s))
				resize(t, s, p, 2)

				for range 10 {
					require.NoError(t, ref.Tell(t.Context(), task{}), "nobody who has left is asked")
				}

				for _, l := range s.DeadLetters().Letters() {
					assert.Equal(t, mailbox.Failed, l.Reason)
				}
			})
		})
	}
}

func TestAPoolWithoutMembersIsNotAtItsEnd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		leave := task{do: func(ctx *actors.Context[task]) error { ctx.Stop(); return nil }}
		p := pool(supervision.PoolSpec[task]{Size: 2, Max: 4})
		sibling := supervision.Actor("sibling", func(in supervision.Deps) (*poolWatcher, error) {
			return &poolWatcher{pool: p.From(in)}, nil
		}, supervision.Spec{DependsOn: supervision.On(p), Backoff: immediately})

		of := tree(p, sibling)
		of.Strategy = supervision.AllForOne
		s := start(t, of, silent())
		ref := p.From(s.Intake())

		require.NoError(t, p.Resize(t.Context(), s.Intake(), 3))

		for range 3 {
			require.NoError(t, ref.Tell(t.Context(), leave))
			synctest.Wait()
		}

		stopped := &mailbox.SendError{Target: "/test/pool", Err: mailbox.ErrStopped}

		assert.Equal(t, stopped, ref.Tell(t.Context(), task{}))
		assert.Equal(t, stopped, ref.TryTellControl(task{}))

		_, err := actors.Ask(t.Context(), ref, func(actors.Reply[int]) task { return task{} })
		assert.Equal(t, stopped, err)

		h := health(t, s, "/test/pool")
		assert.Equal(t, system.Running, h.State)
		assert.False(t, h.Ready(), "nobody takes what is sent to it")
		assert.True(t, h.Live(), "and a restart would be no answer to that")
		assert.Empty(t, h.Children)

		told, err := actors.Ask(t.Context(), sibling.From(s.Intake()), howMany)
		require.NoError(t, err)
		assert.Zero(t, told, "it has not ended for who watches it")

		require.NoError(t, p.Resize(t.Context(), s.Intake(), 1))
		require.NoError(t, ref.Tell(t.Context(), leave))
		synctest.Wait()
		require.ErrorIs(t, ref.Tell(t.Context(), task{}), mailbox.ErrStopped)

		require.NoError(t, sibling.From(s.Intake()).Tell(t.Context(), census{fail: true}))
		synctest.Wait()
		assert.Equal(t, []string{"/test/pool/5", "/test/pool/6"}, members(t, s), "a restart begins anew with Size members")
		require.NoError(t, ref.Tell(t.Context(), task{}))

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

// count asks a watcher how often it was told that the pool has ended.
type census struct {
	actors.Reply[int]

	ended, fail bool
}

func howMany(r actors.Reply[int]) census { return census{Reply: r} }

type poolWatcher struct {
	pool actors.Ref[task]
	told int
}

func (w *poolWatcher) Start(ctx *actors.Context[census]) error {
	return actors.Watch(ctx, w.pool, func(actors.Terminated) census { return census{ended: true} })
}

func (w *poolWatcher) Receive(_ *actors.Context[census], m census) error {
	switch {
	case m.fail:
		return errBroken
	case m.ended:
		w.told++

		return nil
	default:
		return m.Send(w.told)
	}
}

// TestNobodyIsToldOfAMemberThatHasLeft has senders that must not notice that members end for good, all but one.
func TestNobodyIsToldOfAMemberThatHasLeft(t *testing.T) {
	const size, senders = 100, 4

	var over atomic.Bool

	p := pool(supervision.PoolSpec[task]{
		Size: size, Member: supervision.Spec{Restart: supervision.Temporary},
		Budget: supervision.Budget{Restarts: size, Within: 1},
	})
	s := start(t, tree(p), silent())
	ref := p.From(s.Intake())

	var sending sync.WaitGroup

	for range senders {
		sending.Go(func() {
			for !over.Load() {
				assert.NoError(t, ref.Tell(t.Context(), task{}))
			}
		})
	}

	for range size - 1 { // at most so many members fail
		_, err := actors.Ask(t.Context(), ref, func(actors.Reply[int]) task { return fatal })
		require.Error(t, err) // some come to a member that has failed already
	}

	over.Store(true)
	sending.Wait()

	_, err := stop(t, s)
	require.NoError(t, err)
}
