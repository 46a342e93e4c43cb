package mailbox_test

import (
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// A pinned receiver is called on one thread of the operating system, which no other goroutine shares.
func TestPinnedRunsOnOneThread(t *testing.T) {
	const messages = 200

	threads := make(chan int)
	r := newReceiver(t, mailbox.Options{Capacity: 1, Dispatch: mailbox.Pinned}, func(*mailbox.Lease[int], int) {
		threads <- syscall.Gettid()
	})

	var (
		own   = map[int]bool{}
		mu    sync.Mutex
		wg    sync.WaitGroup
		other = map[int]bool{}
	)

	// The worker has its thread when it has handled a message; until then that may be anybody's.
	require.NoError(t, r.box.Send(t.Context(), mailbox.Data, messages))
	own[await(t, threads, "the message is handled")] = true

	for m := range messages {
		wg.Go(func() { // makes the scheduler move goroutines about
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			other[syscall.Gettid()] = true
		})
		require.NoError(t, r.box.Send(t.Context(), mailbox.Data, m))
		own[await(t, threads, "the message is handled")] = true
	}
	wg.Wait()
	r.box.Close()

	require.Len(t, own, 1)

	for thread := range own {
		assert.NotContains(t, other, thread)
	}
}
