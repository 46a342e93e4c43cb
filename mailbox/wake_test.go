package mailbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// Every sender sends one message and waits until it was handled, so that the receiver is at the boundary between busy
// and idle all the time. A wake-up that gets lost there stops the sender for good.
func TestNoWakeUpIsLost(t *testing.T) {
	for _, dispatch := range []mailbox.Dispatch{
		mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned, mailbox.Synchronous,
	} {
		for senders := 1; senders <= 4; senders++ {
			t.Run(fmt.Sprintf("%v, with %d senders of messages and one of commands", dispatch, senders),
				func(t *testing.T) { testWakeUps(t, dispatch, senders, senders%2 == 0) })
		}
	}

	t.Run("with Take and Rest, one sender", func(t *testing.T) { testWakeUps(t, mailbox.OnDemand, 1, true) })
}

func testWakeUps(t *testing.T, dispatch mailbox.Dispatch, senders int, piecewise bool) {
	type message struct {
		handled chan struct{}
	}

	rounds := 20_000
	if dispatch == mailbox.Pinned {
		rounds = 2000 // each wakes a thread
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	obeyed := make(chan struct{}, 1)
	r := &receiver[message]{piecewise: piecewise}
	r.handle = func(_ *mailbox.Lease[message], m message) { m.handled <- struct{}{} }
	r.obey = func(_ *mailbox.Lease[message], c mailbox.Command) {
		if c&^wake != 0 {
			obeyed <- struct{}{}
		}
	}
	r.listen(t, mailbox.Options{Capacity: 2, Control: 1, Dispatch: dispatch})

	var wg sync.WaitGroup

	lost := make([]error, senders+1)
	wait := func(done <-chan struct{}, who string, n int) error {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s: round %d of %d was never handled: %+v", who, n, rounds, r.box.Stats())
		}
	}

	for s := range senders {
		wg.Go(func() {
			lane := mailbox.Data
			if s == 3 {
				lane = mailbox.Control
			}

			m := message{make(chan struct{}, 1)}
			for n := range rounds {
				err := mailbox.ErrFull
				if n%2 == 0 {
					err = r.box.TrySend(lane, m)
				}

				if err != nil {
					err = r.box.Send(ctx, lane, m)
				}

				if err == nil {
					err = wait(m.handled, fmt.Sprintf("sender %d", s), n)
				}

				if err != nil {
					lost[s] = err

					return
				}
			}
		})
	}

	wg.Go(func() {
		for n := range rounds {
			r.box.Signal(wake << 1)

			if lost[senders] = wait(obeyed, "commands", n); lost[senders] != nil {
				return
			}
		}
	})
	wg.Wait()
	r.box.Close()

	for _, err := range lost {
		require.NoError(t, err)
	}
}

// Senders are at the boundary between room and none all the time, while the receiver makes room as fast as it can. One
// that went to sleep while there was room would sleep for good once it is the last.
func TestNoBlockedSenderIsForgotten(t *testing.T) {
	const senders, each = 4, 20_000

	for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
		for _, capacity := range []int{1, 2, 3, 20} {
			t.Run(fmt.Sprintf("in a %v lane of capacity %d", lane, capacity), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()

				handled, all := 0, make(chan struct{})
				r := newReceiver(t, mailbox.Options{Capacity: capacity, Control: capacity},
					func(*mailbox.Lease[int], int) {
						handled++

						if handled == senders*each {
							close(all)
						}
					})

				var wg sync.WaitGroup

				errs := make([]error, senders)
				for s := range senders {
					wg.Go(func() {
						for n := 0; n < each && errs[s] == nil; n++ {
							errs[s] = r.box.Send(ctx, lane, n)
						}
					})
				}
				wg.Wait()

				for _, err := range errs {
					require.NoError(t, err, "a sender was never let in: %+v", r.box.Stats())
				}

				await(t, all, "all are handled")
			})
		}
	}
}

// The receiver claims a message, without the lock, at the moment at which a sender finds the lane full. There is room
// then, so the sender must not sleep, though the receiver looks at nothing more.
func TestNoSenderSleepsWhileThereIsRoom(t *testing.T) {
	const rounds = 100_000

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	box, lease := still[int](t, mailbox.Options{Capacity: 2})

	at := newMeeting()

	var err error

	go func() {
		for at.arrive() {
			linger(rand.IntN(200))
			err = box.Send(ctx, mailbox.Data, 4)
			at.arrive()
		}
	}()
	defer at.leave()

	for n := 0; n < rounds && !at.late(); n++ {
		for m := 1; m <= 3; m++ {
			if m == 3 {
				lease.Take() // the first two are handed over, and one of them is taken
			}

			if full := box.TrySend(mailbox.Data, m); full != nil {
				require.NoError(t, full)
			}
		}

		at.arrive()
		linger(rand.IntN(200))
		lease.Take()
		at.arrive()

		if err != nil {
			require.NoError(t, err, "there was room for the sender, in round %d", n)
		}

		if left := drain(lease); len(left) != 2 || left[0] != 3 || left[1] != 4 {
			require.Equal(t, []int{3, 4}, left)
		}
	}
}

// A holder whose message was put aside finds that out with its next claim, and needs the lock then. If it loses its
// lease before it has that, the message is not its own any more, but the room that the claim has made is there.
func TestNoSenderSleepsWhileThereIsRoomThatARevokedHolderMade(t *testing.T) {
	const rounds = 20_000

	box, lease := still[int](t, mailbox.Options{Capacity: 2})

	at := newMeeting()

	go func() {
		for at.arrive() {
			linger(rand.IntN(200))
			lease.Next(false)
			at.arrive()
		}
	}()
	defer at.leave()

	for n := 0; n < rounds && !at.late(); n++ {
		fill(t, box, mailbox.Data, 1, 2)
		takeAll(lease, 1) // both are handed over
		fill(t, box, mailbox.Data, 3)
		require.NoError(t, lease.Stash(1))

		waits, answered := make(chan struct{}), make(chan error, 1)
		o := &observer{first: func() { close(waits) }}

		go func() { answered <- box.Send(o.context(t.Context()), mailbox.Data, 4) }()

		await(t, waits, "the lane is full")
		at.arrive()
		linger(rand.IntN(200))

		found := box.Revoke(0, nil)

		at.arrive()

		if found.Had {
			require.Equal(t, 2, found.Message)
			require.False(t, o.sender.Waiting(), "in round %d", n)
		}

		lease = box.Begin()
		lease.Unstash()

		left := drain(lease)
		require.Equal(t, 4, left[len(left)-1])
		require.NoError(t, await(t, answered, "the sender is answered"))
	}
}

// A holder claims the last message, loses its lease, and only then lets in the sender that waits for the room. By then
// the next holder may have found nothing and rest: it must be woken.
func TestARevokedHolderThatLetsASenderInWakesTheNextOne(t *testing.T) {
	for _, dispatch := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated} {
		t.Run(dispatch.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := 0
				box, err := mailbox.New("/test", &mailbox.Options{Capacity: 1, Dispatch: dispatch},
					func(*mailbox.Lease[int]) { turns++ }, nil)
				require.NoError(t, err)

				old := box.Begin()
				old.Rest(false)
				fill(t, box, mailbox.Data, 1)

				s := send(t.Context(), box, mailbox.Data, 2)
				synctest.Wait()

				old.ClaimOnly()
				box.Revoke(0, nil)

				next := box.Begin()
				_, got := next.Next(true)
				require.Equal(t, mailbox.Rested, got)
				synctest.Wait()
				require.Equal(t, 2, turns, "for the first message, and for the next holder")

				old.Admit()
				synctest.Wait()
				assert.True(t, s.returned)
				require.NoError(t, s.err)
				assert.Equal(t, 3, turns)
				assert.Equal(t, []int{2}, drain(next))
				box.Close()
			})
		})
	}
}
