package mailbox_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// observer notes what it is told, and can refuse a wait.
type observer struct {
	target any
	sender mailbox.Blocked
	refuse error
	first  func() // called before the observer answers
	over   int
}

func (o *observer) Blocks(_ context.Context, target any, sender mailbox.Blocked) (over func(), err error) {
	o.target, o.sender = target, sender

	if o.first != nil {
		o.first()
	}

	return func() { o.over++ }, o.refuse
}

func (o *observer) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, mailbox.ObserverKey{}, o)
}

func TestObserver(t *testing.T) {
	t.Run("is told of a sender that waits, until it goes on", func(t *testing.T) {
		crowded(t, 1, 1, func(t *testing.T, q *queue) {
			o := &observer{}
			s := send(o.context(t.Context()), q.box, mailbox.Data, 9)
			synctest.Wait()

			if s.returned { // in the other lane there is room
				assert.Nil(t, o.target)

				return
			}

			assert.Same(t, q.box, o.target)
			assert.True(t, o.sender.Waiting())
			assert.Zero(t, o.over)
			assert.Len(t, drain(q.lease), 3)
			synctest.Wait()
			assert.True(t, s.returned)
			assert.Equal(t, 1, o.over)
		})
	})

	t.Run("can refuse the wait: the message is not accepted and not counted", func(t *testing.T) {
		crowded(t, 1, 1, func(t *testing.T, q *queue) {
			o := &observer{refuse: errTest}

			for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
				err := q.box.Send(o.context(t.Context()), lane, 9)
				if o.target != nil {
					require.ErrorIs(t, err, errTest)
					assert.Equal(t, 1, o.over)

					break
				}
			}

			stats := q.box.Stats()
			assert.Empty(t, stats.Refused)
			assert.Zero(t, stats.Unaccounted())
			assert.NotContains(t, drain(q.lease)[:2], 9)
		})
	})

	t.Run("can end the wait later: the message is not accepted, and the others wait on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 1, Control: 1})

			for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
				require.NoError(t, box.TrySend(lane, 1))

				o := &observer{}
				ended := make(chan error, 1)

				go func() { ended <- box.Send(o.context(t.Context()), lane, 2) }()

				synctest.Wait()

				after := make(chan error, 1)

				go func() { after <- box.Send(t.Context(), lane, 3) }()

				synctest.Wait()
				o.sender.End(errTest)
				require.Equal(t, errTest, <-ended)
				assert.Equal(t, 1, o.over)
				assert.Equal(t, []int{1, 3}, drain(lease))
				require.NoError(t, <-after)
			}

			stats := box.Stats()
			assert.EqualValues(t, 4, stats.Accepted)
			assert.Zero(t, stats.Unaccounted())
		})
	})

	t.Run("cannot end the wait of one that was answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 1})
			o := &observer{}
			o.first = func() {
				_, _ = lease.Take()

				o.sender.End(errTest)
			}

			require.NoError(t, box.TrySend(mailbox.Data, 1))
			require.NoError(t, box.Send(o.context(t.Context()), mailbox.Data, 2))
			assert.Equal(t, []int{2}, drain(lease))
		})
	})

	t.Run("is too late for one that was answered meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			box, lease := still[int](t, mailbox.Options{Capacity: 1})
			o := &observer{refuse: errTest, first: func() { _, _ = lease.Take() }}

			require.NoError(t, box.TrySend(mailbox.Data, 1))
			require.NoError(t, box.Send(o.context(t.Context()), mailbox.Data, 2))
			assert.False(t, o.sender.Waiting())
			assert.Equal(t, []int{2}, drain(lease))
		})
	})
}

func TestReceptive(t *testing.T) {
	for policy, receptive := range map[mailbox.Overflow]bool{
		mailbox.Block: true, mailbox.Reject: false, mailbox.DropOldest: true, mailbox.DropNewest: false,
	} {
		t.Run(policy.String(), func(t *testing.T) {
			box, _ := still[int](t, mailbox.Options{Capacity: 1, Overflow: policy})
			assert.True(t, box.Receptive(), "there is room")
			require.NoError(t, box.TrySend(mailbox.Data, 1))
			assert.Equal(t, receptive, box.Receptive())
			box.Seal()
			assert.False(t, box.Receptive())
		})
	}
}

func TestOutstanding(t *testing.T) {
	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		box, lease := still[int](t, mailbox.Options{Capacity: 1, Control: 1})
		ticket := &mailbox.Ticket{Loser: &loser{}}
		is := func(outstanding, queued bool) {
			t.Helper()

			gotOutstanding, gotQueued := box.Outstanding(ticket)
			assert.Equal(t, []bool{outstanding, queued}, []bool{gotOutstanding, gotQueued})
		}

		is(false, false)
		require.NoError(t, box.SendTicket(t.Context(), lane, 1, ticket))
		is(true, true)

		_, _ = lease.Take()

		is(true, false)
		lease.Fail(errTest)
		is(false, false)
	}
}

func TestATurnOnASendersGoroutineKnowsItsContext(t *testing.T) {
	type key struct{}

	synctest.Test(t, func(t *testing.T) {
		var seen []bool

		box, err := mailbox.New("/test", &mailbox.Options{Capacity: 1, Dispatch: mailbox.Synchronous},
			func(l *mailbox.Lease[int]) {
				seen = append(seen, l.Sender() != nil && l.Sender().Value(key{}) != nil)

				_ = l.Commands()
				_ = drain(l)
				_, _ = l.Rest(false)
			}, nil)
		require.NoError(t, err)

		awaken := func() {
			box.Signal(wake)
			synctest.Wait()
		}
		ctx := context.WithValue(t.Context(), key{}, 1)

		awaken() // it begins suspended
		require.NoError(t, box.Send(ctx, mailbox.Data, 1))
		require.NoError(t, box.TrySend(mailbox.Data, 2))
		require.NoError(t, box.Send(ctx, mailbox.Data, 3))
		awaken()
		assert.Equal(t, []bool{false, true, false, true, false}, seen)
	})
}
