package mailbox_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/mailbox"
)

// deliveries is a mailbox beside a simple model of which delivery every message is at.
type deliveries struct {
	*rapid.T

	box   *mailbox.Mailbox[int]
	lease *mailbox.Lease[int]
	next  int                      // the number of the next message
	at    map[int]mailbox.Delivery // of the messages that are not settled
	hand  int                      // the message in hand, or -1
	most  int                      // messages not settled, ever
}

func (d *deliveries) take() {
	if d.hand >= 0 {
		delete(d.at, d.hand) // processed
	}

	d.hand = -1
	if m, ok := d.lease.Take(); ok {
		d.hand = m
	}
}

// send sends a message, that was a dead letter if so it is drawn.
func (d *deliveries) send() {
	m, at := d.next, mailbox.Delivery{Attempt: 1}
	lane := rapid.SampledFrom([]mailbox.Lane{mailbox.Data, mailbox.Control}).Draw(d.T, "lane")
	d.next++
	d.at[m] = at

	var err error

	if rapid.Bool().Draw(d.T, "again") {
		at = mailbox.Delivery{Attempt: m + 2, Replays: m%3 + 1, Origin: uint64(m)}
		d.at[m] = at
		err = d.box.TryResend(lane, m, at)
	} else {
		err = d.box.TrySend(lane, m)
	}

	if err != nil {
		require.ErrorIs(d, err, mailbox.ErrFull)
		delete(d.at, m)
	}
}

func (d *deliveries) redeliver() {
	if d.hand < 0 {
		return
	}

	at := d.at[d.hand]
	at.Attempt++
	at.Redelivered++
	d.at[d.hand] = at
	require.True(d, d.lease.Redeliver())
	d.hand = -1
}

func (d *deliveries) stash() {
	if d.hand >= 0 && d.lease.Stash(4) == nil {
		d.hand = -1
	}
}

func (d *deliveries) dropped(m int, cause error) {
	dropped, ok := errors.AsType[*mailbox.DroppedError](cause)
	require.True(d, ok)

	want := d.at[m]
	if want.Attempt == 1 {
		want = mailbox.Delivery{} // it was not sent before
	}

	require.Equal(d, want, dropped.Delivery)
	delete(d.at, m)
}

func (d *deliveries) revoke() {
	found := d.box.Revoke(0, errTest)
	d.lease = d.box.Begin()

	require.Equal(d, d.hand >= 0, found.Had)

	if found.Had {
		require.Equal(d, d.at[d.hand], found.Delivery)
		delete(d.at, d.hand)
	}

	d.hand = -1
}

func (d *deliveries) check() {
	want := mailbox.Delivery{}
	if d.hand >= 0 {
		want = d.at[d.hand]
	}

	require.Equal(d, want, d.lease.Delivery())

	d.most = max(d.most, len(d.at))
	require.LessOrEqual(d, d.box.Resents(), d.most, "a lane remembers no more than have been outstanding at a time")
}

func TestEveryMessageKeepsItsDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &deliveries{T: t, at: make(map[int]mailbox.Delivery), hand: -1}
		policies := []mailbox.Overflow{mailbox.Reject, mailbox.DropNewest, mailbox.DropOldest}
		d.box, d.lease = dropping(t, mailbox.Options{
			Capacity: rapid.IntRange(1, 12).Draw(t, "capacity"), Control: rapid.IntRange(1, 3).Draw(t, "control"),
			Overflow:        rapid.SampledFrom(policies).Draw(t, "data"),
			ControlOverflow: rapid.SampledFrom(policies).Draw(t, "control"),
		}, d.dropped)

		steps := map[string]func(){
			"send": d.send, "send more": d.send, "take": d.take, "take more": d.take, "stash": d.stash,
			"unstash": func() { d.lease.Unstash() }, "redeliver": d.redeliver, "revoke": d.revoke,
		}
		names := []string{"send", "send more", "take", "take more", "stash", "unstash", "redeliver", "revoke"}

		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			steps[rapid.SampledFrom(names).Draw(t, "step")]()
			d.check()
		}

		d.lease.Unstash()

		for d.take(); d.hand >= 0; d.take() {
			d.check()
		}

		require.Empty(t, d.at)
	})
}

func TestWhatIsRememberedOfResentMessagesIsBounded(t *testing.T) {
	for _, policy := range []mailbox.Overflow{mailbox.Reject, mailbox.DropOldest} {
		box, lease := dropping(t, mailbox.Options{Capacity: 4, Overflow: policy}, func(int, error) {})

		for m := range 1000 {
			require.NoError(t, box.TryResend(mailbox.Data, m, mailbox.Delivery{Attempt: 2, Replays: 1}))
			assert.LessOrEqual(t, box.Resents(), 5)

			if _, ok := lease.Take(); !ok {
				t.Fatal("nothing to take")
			}
		}

		for m := range 1000 { // while one message is in hand all the time
			if err := box.TryResend(mailbox.Data, m, mailbox.Delivery{Attempt: 2, Replays: 1}); err != nil {
				require.ErrorIs(t, err, mailbox.ErrFull)
			}

			assert.LessOrEqual(t, box.Resents(), 5)
		}

		assert.Equal(t, mailbox.Delivery{Attempt: 2, Replays: 1}, lease.Delivery())
		assert.Len(t, drain(lease), 4)
	}
}
