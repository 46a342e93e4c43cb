package mailbox_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// letter is a message that shows if it was torn.
type letter struct {
	lane      mailbox.Lane
	sender, n int
	sum       int
}

func newLetter(lane mailbox.Lane, sender, n int) letter {
	return letter{lane, sender, n, 1_000_003*sender + n}
}

// fate is what was seen of one letter.
type fate struct{ accepted, delivered, failed, dead, left, abandoned int }

// history is what was seen of all letters.
type history struct {
	mu    sync.Mutex
	fates map[letter]*fate
	order map[mailbox.Lane]map[int][]letter // as delivered, by lane and sender
	torn  []letter
}

func (h *history) note(l letter, change func(f *fate)) {
	h.mu.Lock()
	defer h.mu.Unlock()

	f := h.fates[l]
	if f == nil {
		f = &fate{}
		h.fates[l] = f
	}

	change(f)
}

func (h *history) deliver(l letter) {
	h.note(l, func(f *fate) {
		f.delivered++

		if l.lane == 0 || l != newLetter(l.lane, l.sender, l.n) {
			h.torn = append(h.torn, l)

			return
		}

		h.order[l.lane][l.sender] = append(h.order[l.lane][l.sender], l)
	})
}

// hung is a turn that hangs in user code until release is closed.
type hung struct{ release chan struct{} }

const finish mailbox.Command = 2

// storm is everything that can happen to a mailbox, at the same time.
type storm struct {
	receiver[letter]
	history
	stuck    chan hung
	over     chan struct{}
	returned sync.WaitGroup // turns that were revoked
}

func newStorm(t *testing.T, o mailbox.Options) *storm {
	t.Helper()

	s := &storm{stuck: make(chan hung), over: make(chan struct{})}
	s.fates = make(map[letter]*fate)
	s.order = map[mailbox.Lane]map[int][]letter{mailbox.Data: {}, mailbox.Control: {}}
	s.handle, s.obey = s.take, s.discard
	s.receiver.returned = func(*mailbox.Lease[letter]) { s.returned.Done() }
	s.listen(t, o)

	return s
}

// take handles a letter as its number says.
func (s *storm) take(l *mailbox.Lease[letter], m letter) {
	s.deliver(m)

	switch m.n % 13 {
	case 1:
		if got, had := l.Fail(nil); had {
			s.note(got, func(f *fate) { f.failed++ })
		}
	case 2:
		if l.DeadLetter(mailbox.Deadline, nil) {
			s.note(m, func(f *fate) { f.dead++ })
		}
	case 3:
		if m.n%5 == 0 {
			h := hung{make(chan struct{})}
			s.stuck <- h
			<-h.release
		}
	case 4:
		l.Done()
	}
}

// discard ends the storm when it is told to.
func (s *storm) discard(l *mailbox.Lease[letter], c mailbox.Command) {
	if c&finish == 0 {
		return
	}

	for m, ok := l.Take(); ok; m, ok = l.Take() {
		if l.DeadLetter(mailbox.Stopped, nil) {
			s.note(m, func(f *fate) { f.left++ })
		}
	}

	close(s.over)
}

func (s *storm) revoke() {
	s.returned.Add(1)

	found := s.box.Revoke(finish, nil)
	if !found.Stuck {
		s.returned.Done()
	}

	if found.Had {
		s.note(found.Message, func(f *fate) { f.abandoned++ })
	}
}

// revokeAll revokes turns that hang, and, until calm, whatever turn there is at random moments. Those that hang come
// back a few revocations later.
func (s *storm) revokeAll(calm <-chan struct{}) {
	var hanging []hung

	release := func(keep int) {
		for ; len(hanging) > keep; hanging = hanging[1:] {
			close(hanging[0].release)
		}
	}
	defer release(0)

	hang := func(h hung) {
		s.revoke()
		hanging = append(hanging, h)
		release(rand.IntN(4))
	}

	for {
		select {
		case h := <-s.stuck:
			hang(h)
		case <-calm:
			for {
				select {
				case h := <-s.stuck:
					hang(h)
				case <-s.over:
					return
				}
			}
		default:
			s.revoke()

			for range rand.IntN(50) {
				runtime.Gosched()
			}
		}
	}
}

// send sends letters of both lanes, under contexts some of which end meanwhile.
func (s *storm) send(sender, each int) error {
	for n := range each {
		for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
			ctx, cancel := context.WithCancel(context.Background())

			var partner sync.WaitGroup
			if n%3 == 0 {
				partner.Go(cancel)
			}

			l := newLetter(lane, sender, n)

			var err error
			if n%4 == 0 {
				err = s.box.TrySend(lane, l)
			} else {
				err = s.box.Send(ctx, lane, l)
			}

			cancel()
			partner.Wait()

			switch {
			case err == nil:
				s.note(l, func(f *fate) { f.accepted++ })
			case errors.Is(err, context.Canceled), errors.Is(err, mailbox.ErrFull):
			case errors.Is(err, mailbox.ErrStopping):
				return nil
			default:
				return err
			}
		}
	}

	return nil
}

func TestEveryMessageIsAccountedForInAStorm(t *testing.T) {
	const senders, each = 4, 1500

	for _, capacity := range []int{1, 7, 300} {
		s := newStorm(t, mailbox.Options{Capacity: capacity, Control: capacity})
		calm := make(chan struct{})

		var sending, revoking sync.WaitGroup

		errs := make([]error, senders)
		for n := range senders {
			sending.Go(func() {
				errs[n] = s.send(n, each)

				if n == 0 {
					s.box.Seal() // the first to be through shuts out the others
				}
			})
		}
		revoking.Go(func() { s.revokeAll(calm) })

		sending.Wait()
		require.NoError(t, errors.Join(errs...))
		calm <- struct{}{}
		s.box.Close()
		s.box.Signal(finish)
		await(t, s.over, "the last turn finds the order to finish")
		revoking.Wait()

		back := make(chan struct{})
		go func() { defer close(back); s.returned.Wait() }()
		await(t, back, "every turn that was revoked ends")

		s.check(t)
	}
}

// check compares what was seen with what was counted.
func (s *storm) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()

	require.Empty(t, s.torn)

	want := mailbox.Stats{}

	for l, f := range s.fates {
		require.Equal(t, 1, f.accepted, "letters come from senders that were told so: %+v %+v", l, f)
		require.LessOrEqual(t, f.delivered, 1, "%+v: %+v", l, f)

		known := f.failed + f.dead + f.left + f.abandoned
		require.LessOrEqual(t, known, 1, "%+v: %+v", l, f)

		if known == 0 {
			require.Equal(t, 1, f.delivered, "%+v was accepted and lost: %+v", l, f)
			want.Processed++
		}

		want.Accepted++
		want.Failed += uint64(f.failed)
		want.DeadLettered[mailbox.Deadline] += uint64(f.dead)
		want.DeadLettered[mailbox.Stopped] += uint64(f.left)
		want.DeadLettered[mailbox.Abandoned] += uint64(f.abandoned)
	}

	got := s.box.Stats()
	assert.Zero(t, got.Unaccounted())

	got.Refused = mailbox.Counts{}
	assert.Equal(t, want, got)

	// What was abandoned may be seen late, by a holder that was on its way when it lost its lease.
	for _, bySender := range s.order {
		for _, letters := range bySender {
			last := -1
			for _, l := range letters {
				if s.fates[l].abandoned == 0 {
					require.Greater(t, l.n, last, "%+v", l)
					last = l.n
				}
			}
		}
	}
}
