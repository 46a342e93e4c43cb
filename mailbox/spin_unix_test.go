//go:build unix

package mailbox_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// used returns how much processor time this process has used.
func used(t testing.TB) time.Duration {
	t.Helper()

	var u syscall.Rusage

	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))

	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// burns waits until the process has used so much processor time that somebody must be spinning, however busy the
// machine is otherwise. The test itself uses next to nothing meanwhile.
func burns(t testing.TB) {
	t.Helper()

	const much = 100 * time.Millisecond

	begin, until := used(t), time.Now().Add(patience)

	for used(t)-begin < much {
		require.Less(t, time.Now(), until, "nobody spins")
		<-time.After(10 * time.Millisecond)
	}
}

// idles waits for a fifth of a second in which the process has used less than a tenth of that.
func idles(t testing.TB) {
	t.Helper()

	const window = 200 * time.Millisecond

	for until := time.Now().Add(patience); ; {
		begin := used(t)

		<-time.After(window)

		if used(t)-begin < window/10 {
			return
		}

		require.Less(t, time.Now(), until, "somebody spins")
	}
}

func TestFaultASenderSpinsAtAFullBounded(t *testing.T) {
	s := &scribe{}
	theirs := actor.Bounded(2)()
	theirs.RegisterHandlers(s, s)
	post(theirs, 1, 2)

	returned := make(chan struct{})

	go func() {
		post(theirs, 3)
		close(returned)
	}()

	burns(t)

	select {
	case <-returned:
		assert.Fail(t, "it has returned")
	default:
	}

	s.play() // which makes room
	await(t, returned, "the sender has its room")
	s.play()

	told, observer := watchLetters()
	s, ours := newScribe(t, produce(t, mailbox.Options{Capacity: 2}, observer))

	post(ours, 1, 2, 3) // and returns
	assert.Equal(t, []string{"3 full"}, told.read())
	idles(t)
	s.play()
	assert.Equal(t, []any{1, 2}, s.read())
}

func TestFaultANilMessageMakesTheReceiverSpin(t *testing.T) {
	s := &scribe{}
	theirs := actor.Unbounded()()
	theirs.RegisterHandlers(s, s)
	post(theirs, nil)
	assert.Empty(t, spins(t, s, theirs), "and has not even got it")

	s, ours := newScribe(t, produce(t, mailbox.Options{Capacity: 2}))
	post(ours, nil)
	s.play()
	assert.Equal(t, []any{nil}, s.read())
	idles(t)
}

func TestFaultADropMakesTheReceiverOfBoundedDroppingSpin(t *testing.T) {
	s := &scribe{}
	theirs := actor.BoundedDropping(2)()
	theirs.RegisterHandlers(s, s)
	post(theirs, 1, 2)
	assert.Equal(t, []any{2}, spins(t, s, theirs))
	assert.Equal(t, 1, theirs.UserMessageCount(), "what was dropped is counted as queued for ever")

	s, ours := newScribe(t, produce(t, mailbox.Options{Capacity: 1, Overflow: mailbox.DropOldest}))
	post(ours, 1, 2)
	s.play()
	assert.Equal(t, []any{2}, s.read())
	assert.Zero(t, ours.UserMessageCount())
	idles(t)
}

// spins runs a turn that spins, and ends it by suspending the mailbox.
func spins(t testing.TB, s *scribe, box actor.Mailbox) (handled []any) {
	t.Helper()

	returned := make(chan struct{})

	go func() {
		s.play()
		close(returned)
	}()

	burns(t)
	box.PostSystemMessage(&actor.SuspendMailbox{})
	await(t, returned, "the turn ended")

	return s.read()
}
