package jetstream

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	beatsInWait    = 3
	defaultAckWait = 30 * time.Second // the server's, if the consumer does not say
)

// beats is the goroutine that tells the server which messages are under way.
type beats struct {
	ends  chan struct{} // closed to end it
	ended chan struct{}
	err   error // the first; to be read when ended is closed
}

func startBeats(every time.Duration, underway func() []jetstream.Msg) *beats {
	b := &beats{ends: make(chan struct{}), ended: make(chan struct{})}

	go b.run(every, underway)

	return b
}

func (b *beats) run(every time.Duration, underway func() []jetstream.Msg) {
	defer close(b.ended)

	tick := time.NewTicker(max(every, time.Millisecond))
	defer tick.Stop()

	for {
		select {
		case <-b.ends:
			return
		case <-tick.C:
			b.tell(underway())
		}
	}
}

// tell tells of messages. One that was acknowledged meanwhile is none any more.
func (b *beats) tell(underway []jetstream.Msg) {
	for _, m := range underway {
		err := m.InProgress()
		if err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) && b.err == nil {
			b.err = fmt.Errorf("in progress: %w", err)
		}
	}
}

// stop ends the goroutine, and returns the first error it had.
func (b *beats) stop() error {
	close(b.ends)
	<-b.ended

	return b.err
}
