package mailbox_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// auditor reads a mailbox's figures and notes what is wrong with them.
type auditor struct {
	box   *mailbox.Mailbox[letter]
	room  uint64 // sum of the capacities; 0 means unknown
	last  mailbox.Stats
	looks int
	wrong []string
}

// until looks until it is over, or often enough: then it waits, so that it does not keep a bubble from coming to rest.
func (w *auditor) until(over <-chan struct{}) {
	for range enough {
		w.look() // at least once

		select {
		case <-over:
			return
		default:
			runtime.Gosched() // or on one processor it would look at nothing but itself
		}
	}

	<-over
}

func (w *auditor) look() {
	s, last := w.box.Stats(), w.last
	w.looks++
	w.last = s

	say := func(wrong bool, what string) {
		if wrong && len(w.wrong) < 10 {
			w.wrong = append(w.wrong, fmt.Sprintf("look %d: %s: %+v after %+v", w.looks, what, s, last))
		}
	}
	say(s.Unaccounted() != 0, "not all is accounted for")
	say(s.Handling > 1, "more than one message is in hand")
	say(w.room > 0 && s.Queued > w.room, "more waits than there is room for")
	say(s.Accepted < last.Accepted || s.Processed < last.Processed || s.Failed < last.Failed || s.Dropped < last.Dropped,
		"a figure has gone back")

	for _, r := range mailbox.Reasons() {
		say(s.DeadLettered[r] < last.DeadLettered[r] || s.Refused[r] < last.Refused[r], "a figure has gone back")
	}
}

// Every snapshot obeys the law, whatever goes on meanwhile: while it is taken, the receiver goes through its batch.
func TestStatsAreConsistentAtAnyMoment(t *testing.T) {
	const senders, each, capacity = 3, 3000, 100

	for _, policy := range policies {
		t.Run(policy.String(), func(t *testing.T) {
			r := newReceiver(t, mailbox.Options{
				Capacity: capacity, Control: capacity, Overflow: policy, ControlOverflow: policy,
			}, func(l *mailbox.Lease[letter], m letter) {
				switch m.n % 5 {
				case 0:
					l.Fail(nil)
				case 1:
					l.DeadLetter(mailbox.Deadline, nil)
				case 2:
					l.Done()
				}
			})
			w := auditor{box: r.box, room: 2 * capacity}
			over := make(chan struct{})

			var sending, watching sync.WaitGroup

			watching.Go(func() { w.until(over) })

			for s := range senders {
				sending.Go(func() {
					for n := range each {
						lane := mailbox.Data + mailbox.Lane(n/50%2)
						err := r.box.Send(t.Context(), lane, newLetter(lane, s, n))
						assert.True(t, err == nil || policy == mailbox.Reject, "%v", err)
					}
				})
			}
			sending.Wait()
			close(over)
			watching.Wait()
			require.Empty(t, w.wrong)
			assert.Positive(t, w.looks)
		})
	}
}

// The receiver goes through its batch, with hands that are empty now and then, as fast as it can while snapshots are
// taken one after the other.
func TestStatsWhileABatchIsWorkedOff(t *testing.T) {
	const rounds, capacity = 1000, 1000

	box, lease := still[letter](t, mailbox.Options{Capacity: capacity})
	w := auditor{box: box, room: capacity}
	at := newMeeting()
	left := make(chan struct{})

	go func() {
		defer close(left)

		for at.arrive() {
			for n := range capacity {
				lease.Take()

				if n%3 == 0 {
					lease.Done()
				}
			}

			lease.Done()
			at.arrive()
		}
	}()

	for n := 0; n < rounds && !at.late(); n++ {
		for i := range capacity {
			if err := box.TrySend(mailbox.Data, newLetter(mailbox.Data, 0, i)); err != nil {
				require.NoError(t, err)
			}
		}

		at.arrive()

		for w.look(); w.last.Queued+w.last.Handling > 0; {
			w.look()
		}

		at.arrive()
	}

	at.leave()
	await(t, left, "the holder ends")
	require.Empty(t, w.wrong)
}
