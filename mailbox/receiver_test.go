package mailbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// patience is how long a test waits for what must happen before it says that it did not.
const patience = time.Minute

const wake mailbox.Command = 1

// receiver runs turns on a mailbox as an actor does: commands before messages, looked at before each.
type receiver[M any] struct {
	box *mailbox.Mailbox[M]
	// handle gets each message while it is in hand; nil means nothing.
	handle func(l *mailbox.Lease[M], m M)
	// obey gets commands; nil means nothing.
	obey func(l *mailbox.Lease[M], c mailbox.Command)
	// returned is called when a turn ends because its lease was revoked; nil means nothing.
	returned func(l *mailbox.Lease[M])
}

// newReceiver makes a mailbox with a receiver that runs and is woken for the first time.
func newReceiver[M any](t testing.TB, o mailbox.Options, handle func(l *mailbox.Lease[M], m M)) *receiver[M] {
	t.Helper()

	r := &receiver[M]{handle: handle}
	r.listen(t, o)

	return r
}

func (r *receiver[M]) listen(t testing.TB, o mailbox.Options) {
	t.Helper()

	box, err := mailbox.New[M]("/test/receiver", &o, r.run, nil)
	require.NoError(t, err)

	r.box = box
	box.Signal(wake)
}

func (r *receiver[M]) run(l *mailbox.Lease[M]) {
	for r.turn(l) {
	}
}

func (r *receiver[M]) turn(l *mailbox.Lease[M]) (again bool) {
	for {
		if c := l.Commands(); c != 0 {
			if l.Done() && r.obey != nil {
				r.obey(l, c)
			}

			continue
		}

		m, ok := l.Take()
		if !ok {
			again, void := l.Rest(false)
			if void && r.returned != nil {
				r.returned(l)
			}

			return again
		}

		if r.handle != nil {
			r.handle(l, m)
		}
	}
}

// still makes a mailbox that nobody receives from but the test, which holds the lease it gets.
func still[M any](t testing.TB, o mailbox.Options) (*mailbox.Mailbox[M], *mailbox.Lease[M]) {
	t.Helper()

	box, err := mailbox.New[M]("/test/still", &o, func(*mailbox.Lease[M]) {}, nil)
	require.NoError(t, err)

	box.Signal(wake)

	lease := box.Begin()
	require.Equal(t, wake, lease.Commands())

	return box, lease
}

// await waits for what must come over a channel.
func await[T any](t testing.TB, c <-chan T, what string, args ...any) T {
	t.Helper()

	ctx, cancel := context.WithTimeout(context.Background(), patience) //nolint:usetesting // also used while t ends
	defer cancel()

	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		require.Failf(t, "it did not happen", what, args...)
		panic("unreachable")
	}
}

// drain takes everything there is.
func drain[M any](l *mailbox.Lease[M]) []M {
	var all []M

	for m, ok := l.Take(); ok; m, ok = l.Take() {
		all = append(all, m)
	}

	l.Done()

	return all
}
