package mailbox_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// storm is everything that can happen to a mailbox, at the same time: senders of both lanes whose contexts end at any
// moment, a receiver that fails, dead-letters, hangs and suspends itself, revocations, a seal and a close.
type storm struct {
	receiver[letter]
	*postOffice

	senders, each int
	calm          bool // nothing is revoked
	stuck         chan hung
	over          chan struct{}
	ended         sync.WaitGroup // turns that were revoked

	errs  []error // of each sender
	watch auditor
}

// hung is a turn that hangs in user code until release is closed.
type hung struct {
	lease   *mailbox.Lease[letter]
	release chan struct{}
}

const finish mailbox.Command = 2

// enough is how often what goes on beside the senders does what it does, at most: many times what a storm needs, so
// that one in which somebody waits in vain comes to rest.
const enough = 200_000

// newStorm prepares a storm of so many senders with so many letters each, per lane.
func newStorm(senders, each int) *storm {
	s := &storm{postOffice: newPostOffice(), senders: senders, each: each, errs: make([]error, senders)}
	s.handle, s.obey = s.take, s.discard
	s.returned = func(*mailbox.Lease[letter]) { s.ended.Done() }
	s.dropped = func(m letter, _ error) { s.note(m, func(f *fate) { f.dropped++ }) }

	return s
}

// rage lets the storm happen in a bubble of virtual time. Whoever waits in vain is told so when there is nothing left
// that could run, at once, and not before, however slow the machine is.
func (s *storm) rage(t *testing.T, o mailbox.Options) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.stuck, s.over = make(chan hung), make(chan struct{})
		s.prepare(t, o)
		s.watch.box = s.box
		s.happen(t)
	})
}

// verify checks what the storm has left.
func (s *storm) verify(t driver) {
	t.Helper()
	require.NoError(t, errors.Join(s.errs...))
	s.check(t, s.box)
	require.Empty(t, s.watch.wrong)
}

func (s *storm) happen(t *testing.T) {
	t.Helper()

	var (
		sending, others sync.WaitGroup
		sent, calm      = make(chan struct{}), make(chan struct{})
	)

	s.box.Signal(wake)

	for n := range s.senders {
		sending.Go(func() {
			s.errs[n] = s.send(n)

			if n == 0 {
				s.box.Seal() // the first to be through shuts out the others
			}
		})
	}
	others.Go(func() { s.suspendNowAndThen(sent) })
	others.Go(func() { s.watch.until(s.over) })

	if !s.calm {
		others.Go(func() { s.revokeAll(calm) })
	}

	await(t, done(&sending), "every sender is answered")
	close(sent)

	if !s.calm {
		calm <- struct{}{} // only what hangs is revoked from here on
	}

	s.box.Close()
	s.box.Signal(finish)
	await(t, s.over, "the last turn finds the order to finish")
	await(t, done(&others), "everything else sees that it is over")
	await(t, done(&s.ended), "every turn that was revoked ends")
}

// done returns a channel that is closed when those in the group are.
func done(group *sync.WaitGroup) <-chan struct{} {
	c := make(chan struct{})

	go func() { defer close(c); group.Wait() }()

	return c
}

// send sends letters of both lanes, under contexts some of which end meanwhile.
func (s *storm) send(sender int) error {
	for n := range s.each {
		for _, lane := range []mailbox.Lane{mailbox.Data, mailbox.Control} {
			ctx, cancel := context.WithCancel(context.Background())

			var partner sync.WaitGroup
			if n%3 == 0 {
				partner.Go(cancel)
			}

			err := s.sendOne(ctx, newLetter(lane, sender, n))

			cancel()
			partner.Wait()

			switch {
			case err == nil, errors.Is(err, context.Canceled), errors.Is(err, mailbox.ErrFull):
			case errors.Is(err, mailbox.ErrStopping):
				return nil
			default:
				return err
			}
		}
	}

	return nil
}

func (s *storm) sendOne(ctx context.Context, l letter) (err error) {
	switch ticket := (&mailbox.Ticket{Loser: receipt{s.postOffice, l}}); l.n % 5 {
	case 0:
		err = s.box.TrySend(l.lane, l)
	case 1, 2:
		err = s.box.SendTicket(ctx, l.lane, l, ticket)
		if err == nil {
			s.note(l, func(f *fate) { f.ticketed++ })
		}

		if l.n%5 == 2 && s.box.Forget(ticket) {
			s.note(l, func(f *fate) { f.forgot++ })
		}
	default:
		err = s.box.Send(ctx, l.lane, l)
	}

	if err == nil {
		s.note(l, func(f *fate) { f.accepted++ })
	}

	return err
}

// take handles a letter as its number says.
func (s *storm) take(l *mailbox.Lease[letter], m letter) {
	s.deliver(m)

	switch m.n % 13 {
	case 1:
		if got, _, had := l.Fail(nil); had {
			s.note(got, func(f *fate) { f.failed++ })
		}
	case 2:
		if l.DeadLetter(mailbox.Deadline, nil) {
			s.note(m, func(f *fate) { f.dead++ })
		}
	case 3:
		if m.n%5 == 0 && !s.calm {
			s.hang(l)
		}
	case 4:
		l.Done()
	case 5:
		l.Orphan(nil)
	}
}

// hang hangs until the storm has revoked the turn and lets it come back.
func (s *storm) hang(l *mailbox.Lease[letter]) {
	dawdle() // the turn may be revoked meanwhile, and the storm be over

	h := hung{l, make(chan struct{})}

	select {
	case s.stuck <- h:
		<-h.release
	case <-s.over: // the turn was revoked before it came here, and nobody looks after it any more
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

// suspendNowAndThen makes the receiver suspend itself and wakes it again, until all is sent.
func (s *storm) suspendNowAndThen(sent <-chan struct{}) {
	for range enough {
		select {
		case <-sent:
			return
		default:
			s.suspend.Store(true)
			dawdle()
			s.box.Signal(wake)
			dawdle()
		}
	}

	s.suspend.Store(false)
	s.box.Signal(wake) // it may have suspended itself since it was last woken
}

// dawdle lets others run for a random while.
func dawdle() {
	for range rand.IntN(50) {
		runtime.Gosched()
	}
}

func (s *storm) revoke() {
	s.ended.Add(1)

	found := s.box.Revoke(finish, nil)
	if !found.Stuck {
		s.ended.Done()
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
		if !h.lease.Revoked() { // another turn is none of its business: it may be about to obey
			s.revoke()
		}

		hanging = append(hanging, h)
		release(rand.IntN(4))
	}

	rages := make(chan struct{})
	close(rages)

	for n := 0; ; n++ {
		switch {
		case calm == nil:
			rages = nil
		case n >= enough:
			rages = nil

			release(0) // as below, but no revocation comes after this one
		}

		select {
		case h := <-s.stuck:
			hang(h)
		case <-calm:
			calm = nil
		case <-s.over:
			return
		case <-rages:
			s.revoke()
			dawdle()
			release(rand.IntN(4)) // one may hang on the goroutine of a sender
		}
	}
}
