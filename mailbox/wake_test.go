package mailbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// Every sender sends one message and waits until it was handled, so that the receiver is at the boundary between busy
// and idle all the time. A wake-up that gets lost there stops the sender for good.
func TestNoWakeUpIsLost(t *testing.T) {
	const rounds = 20_000

	type message struct {
		handled chan struct{}
	}

	for senders := 1; senders <= 4; senders++ {
		t.Run(fmt.Sprintf("with %d senders of messages and one of commands", senders), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()

			obeyed := make(chan struct{}, 1)
			r := &receiver[message]{}
			r.handle = func(_ *mailbox.Lease[message], m message) { m.handled <- struct{}{} }
			r.obey = func(_ *mailbox.Lease[message], c mailbox.Command) {
				if c&^wake != 0 {
					obeyed <- struct{}{}
				}
			}
			r.listen(t, mailbox.Options{Capacity: 2, Control: 1})

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
						err := r.box.Send(ctx, lane, m)
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

			for _, err := range lost {
				require.NoError(t, err)
			}
		})
	}
}
