package mailbox_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// driver is a *testing.T, a *testing.B or a *rapid.T.
type driver interface {
	require.TestingT
	Context() context.Context
	Helper()
}

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
	// dropped is what the mailbox calls for a dropped message; nil means nothing.
	dropped func(m M, cause error)
	// piecewise receives with Take and Rest rather than with Next.
	piecewise bool
	// suspend makes the receiver suspend itself before the next message, once.
	suspend atomic.Bool
}

// newReceiver makes a mailbox with a receiver that runs and is woken for the first time.
func newReceiver[M any](t driver, o mailbox.Options, handle func(l *mailbox.Lease[M], m M)) *receiver[M] {
	t.Helper()

	r := &receiver[M]{handle: handle}
	r.listen(t, o)

	return r
}

// listen makes the mailbox and wakes the receiver for the first time.
func (r *receiver[M]) listen(t driver, o mailbox.Options) {
	t.Helper()
	r.prepare(t, o)
	r.box.Signal(wake)
}

// prepare makes the mailbox. The receiver sleeps until its first command.
func (r *receiver[M]) prepare(t driver, o mailbox.Options) {
	t.Helper()

	dropped := func(m M, cause error) {
		if r.dropped != nil {
			r.dropped(m, cause)
		}
	}

	box, err := mailbox.New("/test/receiver", &o, r.run, dropped)
	require.NoError(t, err)

	r.box = box
}

func (r *receiver[M]) run(l *mailbox.Lease[M]) {
	for r.turn(l) {
	}
}

func (r *receiver[M]) turn(l *mailbox.Lease[M]) (again bool) {
	for {
		switch m, got := r.next(l); got {
		case mailbox.Message:
			if r.handle != nil {
				r.handle(l, m)
			}
		case mailbox.Pending:
			r.commands(l)
		case mailbox.Nothing:
			again, void := l.Rest(r.suspend.Swap(false))
			if void && r.returned != nil {
				r.returned(l)
			}

			return again
		case mailbox.Void:
			if r.returned != nil {
				r.returned(l)
			}

			return false
		case mailbox.Rested:
			return false
		}
	}
}

// next looks for what there is to do; Nothing also means that the receiver is to suspend itself.
func (r *receiver[M]) next(l *mailbox.Lease[M]) (m M, got mailbox.Got) {
	switch {
	case r.suspend.Load():
		return m, mailbox.Nothing
	case !r.piecewise:
		return l.Next(true)
	}

	r.commands(l)

	m, ok := l.Take()
	if !ok {
		return m, mailbox.Nothing
	}

	return m, mailbox.Message
}

func (r *receiver[M]) commands(l *mailbox.Lease[M]) {
	for c := l.Commands(); c != 0; c = l.Commands() {
		if l.Done() && r.obey != nil {
			r.obey(l, c)
		}
	}
}

// still makes a mailbox that nobody receives from but the test, which holds the lease it gets, and that drops nothing.
func still[M any](t driver, o mailbox.Options) (*mailbox.Mailbox[M], *mailbox.Lease[M]) {
	t.Helper()

	return dropping(t, o, func(m M, cause error) { require.NoError(t, cause, "%v was dropped", m) })
}

// dropping is still, with what is to be called for a message that is dropped.
func dropping[M any](
	t driver, o mailbox.Options, dropped func(m M, cause error),
) (*mailbox.Mailbox[M], *mailbox.Lease[M]) {
	t.Helper()

	box, err := mailbox.New("/test/still", &o, func(*mailbox.Lease[M]) {}, dropped)
	require.NoError(t, err)

	box.Signal(wake)

	lease := box.Begin()
	require.Equal(t, wake, lease.Commands())

	return box, lease
}

// await waits for what must come over a channel.
func await[T any](t driver, c <-chan T, what string, args ...any) T {
	t.Helper()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		require.Failf(t, "it did not happen", what+"\n\n%s", append(args, stacks())...)
		panic("unreachable")
	}
}

// stacks returns those of all goroutines, by which a test that waited in vain says who else waits for what.
func stacks() string {
	buf := make([]byte, 1<<20)

	return string(buf[:runtime.Stack(buf, true)])
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
