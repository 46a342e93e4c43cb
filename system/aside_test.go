package system_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestAPoisonMessageIsQuarantinedAndTheQueueBehindItHandledInOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a"}, supervision.Spec{
			Redeliver: 2, Backoff: supervision.Backoff{Initial: supervision.Immediately},
		})
		s := start(t, tree(a), silent()) // with a budget of 3

		tell(t, s, a, func(ctx *ctxOf) error {
			d.note(fmt.Sprint("poison ", ctx.Attempt()))

			return errBroken
		})

		for i := range 3 {
			tell(t, s, a, func(ctx *ctxOf) error {
				d.note(fmt.Sprintf("%d in incarnation %d", i, ctx.Incarnation()))

				return nil
			})
		}

		synctest.Wait()

		h := health(t, s, "/test")
		assert.Equal(t, system.Running, h.State)
		assert.Zero(t, h.RestartsLeft, "it has cost no more than the budget has")

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"poison 1", "poison 2", "poison 3", "0 in incarnation 4", "1 in incarnation 4", "2 in incarnation 4",
		}, d.read())
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Quarantined: 1}, r.DeadLetters)

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 1)
		letters[0].Number, letters[0].Time, letters[0].Message = 0, time.Time{}, nil
		assert.Equal(t, system.Letter{
			Target: "/test/a", Reason: mailbox.Quarantined, Cause: errBroken, Attempt: 3,
		}, letters[0])
	})
}

func TestTheStashOutlivesAnAbandonedIncarnation(t *testing.T) {
	virtual(t, func(t *testing.T) {
		type outcome struct {
			err  error
			back int
		}

		release, stale := make(chan struct{}), make(chan outcome, 1)
		a := declare(&probe{name: "a"}, supervision.Spec{
			Backoff: supervision.Backoff{Initial: supervision.Immediately}, Deadlines: supervision.Deadlines{Close: time.Second},
		})
		s := start(t, tree(a), silent())
		handled := make(chan uint64, 1)

		tell(t, s, a, func(ctx *ctxOf) error {
			if ctx.Incarnation() == 1 {
				return ctx.Stash()
			}

			handled <- ctx.Incarnation()

			return nil
		})
		tell(t, s, a, func(ctx *ctxOf) error {
			require.NoError(t, ctx.Go(func(context.Context) error {
				<-release
				stale <- outcome{ctx.Stash(), ctx.Unstash()}

				return nil
			}))

			return errBroken
		})
		<-time.After(time.Minute)
		assert.Len(t, health(t, s, "/test/a").Abandoned, 1)

		busy, free := make(chan struct{}), make(chan struct{})

		tell(t, s, a, func(ctx *ctxOf) error {
			close(busy)
			<-free
			assert.Equal(t, 1, ctx.Unstash(), "the one that was abandoned has left everything as it was")

			return nil
		})
		<-busy
		close(release)

		got := <-stale
		require.ErrorIs(t, got.err, actors.ErrAbandoned)
		assert.Zero(t, got.back)
		close(free)
		assert.Equal(t, uint64(2), <-handled)
		synctest.Wait() // until the one that was abandoned has come back

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
