package actors_test

import (
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// What a full lane drops was accepted, so it is accounted for: a dead letter with its reason, its cause and the
// message.
func TestDrops(t *testing.T) {
	for _, row := range []struct {
		policy mailbox.Overflow
		lost   string
	}{{mailbox.DropNewest, "second"}, {mailbox.DropOldest, "first"}} {
		for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
			bubble(t, row.policy.String()+" in the "+lane.String()+" lane", func(t *testing.T) {
				s := play(t, &part{spec: supervision.Spec{Mailbox: small(row.policy)}})

				send := s.ref().Tell
				if lane == mailbox.Control {
					send = s.ref().TellControl
				}

				held, release := hold()
				tell(t, s.ref(), held)
				synctest.Wait()

				var done diary

				for _, name := range []string{"first", "second"} {
					require.NoError(t, send(t.Context(), func(*actors.Context[job]) error {
						done.note(name)

						return nil
					}))
				}

				letters := s.DeadLetters().Letters()
				require.Len(t, letters, 1)
				assert.Equal(t, mailbox.Dropped, letters[0].Reason)

				var cause *mailbox.DroppedError
				require.ErrorAs(t, letters[0].Cause, &cause)
				assert.Equal(t, mailbox.DroppedError{Target: "/stage/actor", Lane: lane, Policy: row.policy}, *cause)

				lost, _ := letters[0].Message.(job)
				require.NoError(t, lost(nil))
				assert.Equal(t, []string{row.lost}, done.read(), "the letter has the message")

				release()
				synctest.Wait()
				assert.NotContains(t, done.read(), row.lost)

				total := s.stop(t).Total
				assert.Equal(t, uint64(3), total.Accepted)
				assert.Equal(t, uint64(2), total.Processed)
				assert.Equal(t, uint64(1), total.Dropped)
				assert.Zero(t, total.Unaccounted)
			})
		}
	}

	bubble(t, "an asker whose message is dropped learns it at once", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Mailbox: small(mailbox.DropOldest)}})
		held, release := hold()
		tell(t, s.ref(), held)
		synctest.Wait()

		q := asking(t.Context(), s.ref(), keep)
		tell(t, s.ref(), nothing)
		synctest.Wait()
		require.ErrorIs(t, q.err, mailbox.ErrDropped)
		release()
	})

	bubble(t, "the poison pill is never dropped", func(t *testing.T) {
		for _, policy := range []mailbox.Overflow{mailbox.DropNewest, mailbox.DropOldest} {
			s := play(t, &part{spec: supervision.Spec{Mailbox: small(policy)}})
			held, release := hold()
			tell(t, s.ref(), held)
			synctest.Wait()
			tell(t, s.ref(), nothing)
			s.Protoactor().Root.Send(s.ref().PID(), &actor.PoisonPill{})
			_ = s.ref().TryTell(nothing)
			release()
			synctest.Wait()

			children := s.Health(t.Context()).Children
			assert.Equal(t, "stopped", children[len(children)-1].State.String())
		}
	})
}
