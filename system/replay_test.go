package system_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// clerk is an actor of numbers: it fails on all while it is ill, and waits with each while it is held.
type clerk struct {
	*diary

	ill  bool
	held chan struct{}
	slow time.Duration
}

func (c *clerk) Receive(ctx *actors.Context[int], m int) error {
	if c.held != nil {
		<-c.held
	}

	if c.slow > 0 {
		<-time.After(c.slow)
	}

	if c.ill {
		return errBroken
	}

	c.note(fmt.Sprintf("%d at attempt %d, incarnation %d", m, ctx.Attempt(), ctx.Incarnation()))

	return nil
}

type clerkChild = supervision.ActorChild[int]

func (c *clerk) declare(name string, spec supervision.Spec) *clerkChild {
	c.diary = new(diary)
	spec.Backoff = immediately

	return supervision.Actor(name, func(supervision.Deps) (*clerk, error) { return c, nil }, spec)
}

// outcomesOf are what a replay has come to, each as text.
func outcomesOf(all ...system.Replayed) (texts []string) {
	for _, r := range all {
		texts = append(texts, r.Outcome.String())
	}

	return texts
}

// messages of the letters of the office.
func messages(s *system.System) (all []any) {
	for l := range s.DeadLetters().All(system.Filter{}) {
		all = append(all, l.Message)
	}

	return all
}

func resume(error) supervision.Directive { return supervision.ResumeChild }

func sendAll(t *testing.T, s *system.System, c *clerkChild, all ...int) {
	t.Helper()

	for _, m := range all {
		require.NoError(t, c.From(s.Intake()).Tell(t.Context(), m))
	}

	synctest.Wait()
}

func TestALetterIsReplayedToTheLivingTarget(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{})
		s := start(t, tree(a), silent())
		f := s.DeadLetters()

		sendAll(t, s, a, 1, 2)
		c.ill = false

		letters := f.Letters()
		require.Len(t, letters, 2)
		assert.Equal(t, letters[0].Number+1, letters[1].Number)

		r := f.ReplayOne(letters[1].Number)
		assert.Equal(t, system.Replayed{Number: letters[1].Number, Target: "/test/a", Outcome: system.Accepted}, r)
		assert.Equal(t, []any{1}, messages(s), "it has left")
		assert.Equal(t, "not held", f.ReplayOne(letters[1].Number).Outcome.String(), "once")

		assert.Equal(t, []string{"accepted"}, outcomesOf(f.Replay(system.Filter{}, 10)...))
		synctest.Wait()

		assert.Equal(t, []string{"2 at attempt 2, incarnation 3", "1 at attempt 2, incarnation 3"}, c.read())
		assert.Equal(t, system.OfficeStats{Taken: 2, Replayed: 2}, f.Stats())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAReplayIsOfAtMostSoManyThatTheFilterMatches(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c, d := &clerk{ill: true}, &clerk{ill: true}
		a, b := c.declare("a", supervision.Spec{Decide: resume}), d.declare("b", supervision.Spec{Decide: resume})
		s := start(t, tree(a, b), silent())
		f := s.DeadLetters()

		sendAll(t, s, a, 1, 2, 3)
		<-time.After(time.Second)

		second := time.Now()

		sendAll(t, s, b, 4)
		s.Protoactor().Root.Send(actor.NewPID("nonhost", "test/b/c"), 5)
		synctest.Wait()

		c.ill, d.ill = false, false

		for name, of := range map[string]struct {
			filter system.Filter
			want   []any
		}{
			"all":       {system.Filter{}, []any{1, 2, 3, 4, 5}},
			"target":    {system.Filter{Target: "/test/b"}, []any{4}},
			"under":     {system.Filter{Under: "/test/b"}, []any{5}},
			"the root":  {system.Filter{Under: "/"}, []any{1, 2, 3, 4, 5}},
			"reasons":   {system.Filter{Reasons: []mailbox.Reason{mailbox.NoActor, mailbox.Full}}, []any{5}},
			"since":     {system.Filter{Since: second}, []any{4, 5}},
			"before":    {system.Filter{Before: second}, []any{1, 2, 3}},
			"all of it": {system.Filter{Target: "/test/b", Since: second.Add(1)}, nil},
		} {
			var got []any
			for l := range f.All(of.filter) {
				got = append(got, l.Message)
			}

			assert.Equal(t, of.want, got, name)
		}

		assert.Empty(t, f.Replay(system.Filter{}, 0))
		assert.Empty(t, f.Replay(system.Filter{}, -1))
		assert.Len(t, f.Replay(system.Filter{Before: second}, 2), 2)
		assert.Equal(t, []any{3, 4, 5}, messages(s))
		assert.Equal(t, []string{"accepted", "accepted", "no such actor"}, outcomesOf(f.Replay(system.Filter{}, 9)...))
		assert.Equal(t, []any{5}, messages(s))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAMessageThatDiesAgainIsANewLetterAndIsRefusedInTheEnd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Decide: resume})
		options := silent()
		options.Replays = 2
		s := start(t, tree(a), options)
		f := s.DeadLetters()

		sendAll(t, s, a, 1)

		last := f.Letters()[0]
		assert.Equal(t, [3]uint64{1, 0, 0}, [3]uint64{uint64(last.Attempt), uint64(last.Replays), last.Origin})

		for n := range 2 {
			assert.Equal(t, []string{"accepted"}, outcomesOf(f.Replay(system.Filter{}, 10)...), "not its own successor")
			synctest.Wait()

			letters := f.Letters()
			require.Len(t, letters, 1)
			assert.Equal(t, n+2, letters[0].Attempt)
			assert.Equal(t, n+1, letters[0].Replays)
			assert.Equal(t, last.Number, letters[0].Origin)
			assert.Greater(t, letters[0].Number, last.Number)

			last = letters[0]
		}

		r := f.ReplayOne(last.Number)
		assert.Equal(t, system.TooOften, r.Outcome)
		require.ErrorIs(t, r.Err, system.ErrReplayLimit)

		limit, ok := errors.AsType[*system.ReplayLimitError](r.Err)
		require.True(t, ok)
		assert.Equal(t, system.ReplayLimitError{Target: "/test/a", Replays: 2, Most: 2}, *limit)
		assert.Equal(t, []any{1}, messages(s), "it stays")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAReplayedMessageIsRedeliveredLikeAnyOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Redeliver: 1})
		wide := tree(a)
		wide.Budget.Restarts = 10
		s := start(t, wide, silent())

		sendAll(t, s, a, 1)
		assert.Equal(t, 2, s.DeadLetters().Letters()[0].Attempt)

		s.DeadLetters().Replay(system.Filter{}, 1)
		synctest.Wait()

		l := s.DeadLetters().Letters()[0]
		assert.Equal(t, mailbox.Quarantined, l.Reason)
		assert.Equal(t, 4, l.Attempt)
		assert.Equal(t, 1, l.Replays)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhatAFullTargetDoesNotTakeStaysInItsOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c, d := &clerk{ill: true}, &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Decide: resume, Mailbox: &mailbox.Options{Capacity: 2}})
		b := d.declare("b", supervision.Spec{Decide: resume})
		s := start(t, tree(a, b), silent())
		f := s.DeadLetters()

		sendAll(t, s, a, 1, 2)
		sendAll(t, s, a, 3, 4)
		sendAll(t, s, b, 5)

		c.ill, d.ill, c.held = false, false, make(chan struct{})

		sendAll(t, s, a, 0)

		all := f.Replay(system.Filter{}, 10)
		assert.Equal(t, []string{"accepted", "accepted", "full", "full", "accepted"}, outcomesOf(all...))
		require.ErrorIs(t, all[2].Err, mailbox.ErrFull)
		assert.Equal(t, []any{3, 4}, messages(s))

		close(c.held)
		synctest.Wait()
		assert.Equal(t, []string{"accepted", "accepted"}, outcomesOf(f.Replay(system.Filter{}, 10)...))
		synctest.Wait()

		assert.Len(t, c.read(), 5)
		assert.True(t, slices.IsSorted(c.read()))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// TestALetterDoesNotOvertakeOneThatFoundNoRoom has room come up in the middle of a replay: the key of a pool makes it.
func TestALetterDoesNotOvertakeOneThatFoundNoRoom(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Decide: resume, Mailbox: &mailbox.Options{Capacity: 1}})
		key := func() { panic("no key yet") }
		p := pool(supervision.PoolSpec[task]{Size: 1, Routing: actors.ConsistentHash(func(m task) string {
			key()

			return m.key
		})})
		s := start(t, tree(a, p), silent())
		at, _ := s.PID("/test/pool")

		sendAll(t, s, a, 1)
		s.Protoactor().Root.Send(at, task{key: "k"})
		sendAll(t, s, a, 2)

		c.ill, c.held = false, make(chan struct{})
		sendAll(t, s, a, -1)
		sendAll(t, s, a, 0)

		key = func() {
			close(c.held)
			synctest.Wait()
		}
		all := s.DeadLetters().Replay(system.Filter{}, 10)
		assert.Equal(t, []string{"full", "accepted", "full"}, outcomesOf(all...))
		assert.Equal(t, []any{1, 2}, messages(s))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestALaneThatDropsDropsWhatIsReplayed(t *testing.T) {
	for policy, want := range map[mailbox.Overflow][]any{
		mailbox.DropNewest: {2}, mailbox.DropOldest: {1},
	} {
		virtual(t, func(t *testing.T) {
			c := &clerk{ill: true}
			a := c.declare("a", supervision.Spec{
				Decide: resume, Mailbox: &mailbox.Options{Capacity: 1, Overflow: policy},
			})
			s := start(t, tree(a), silent())
			f := s.DeadLetters()

			sendAll(t, s, a, 1)
			sendAll(t, s, a, 2)

			c.ill, c.held = false, make(chan struct{})
			sendAll(t, s, a, 0)

			assert.Equal(t, []string{"accepted", "accepted"}, outcomesOf(f.Replay(system.Filter{}, 10)...))

			l := f.Letters()
			assert.Equal(t, want, messages(s))
			assert.Equal(t, mailbox.Dropped, l[0].Reason)
			assert.Equal(t, [2]int{2, 1}, [2]int{l[0].Attempt, l[0].Replays})
			close(c.held)

			r, err := s.Shutdown(t.Context())
			require.NoError(t, err)
			assert.Zero(t, r.Unaccounted)
			assert.Equal(t, system.OfficeStats{Taken: 3, Held: 1, Replayed: 2}, f.Stats())
		})
	}
}

func TestNothingIsReplayedOnceTheIntakeIsShut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		back := declare(&probe{name: "back"}, supervision.Spec{Decide: resume})
		front := declare(&probe{name: "front"}, supervision.Spec{DependsOn: supervision.On(back)})
		s := start(t, tree(back, front), silent())

		tell(t, s, back, broken)
		tell(t, s, front, hangs(release))
		s.Stop()
		synctest.Wait()

		// It does not drain yet: who depends on it does.
		all := s.DeadLetters().Replay(system.Filter{}, 1)
		assert.Equal(t, []string{"stopping"}, outcomesOf(all...))
		assert.Equal(t, system.OfficeStats{Taken: 1, Held: 1}, s.DeadLetters().Stats())

		close(release)
		<-s.Done()
	})
}

func TestWhatCannotBeReplayedStaysAndSaysWhy(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{Decide: resume})
		gone := declare(&probe{name: "gone"}, supervision.Spec{Restart: supervision.Temporary})
		s := start(t, tree(a, gone), silent())
		f, p := s.DeadLetters(), s.Protoactor().Root

		at := func(c *child) *actor.PID {
			pid, ok := s.PID("/test/" + map[*child]string{a: "a", gone: "gone"}[c])
			require.True(t, ok)

			return pid
		}

		tell(t, s, a, broken)
		synctest.Wait()

		p.Send(at(a), "not a job")
		p.Send(actor.NewPID("nonhost", "nobody"), 1)
		tell(t, s, gone, broken)
		synctest.Wait()

		all := f.Replay(system.Filter{Reasons: []mailbox.Reason{mailbox.Undecodable, mailbox.NoActor}}, 10)
		assert.Equal(t, []string{"type mismatch", "no such actor"}, outcomesOf(all...))
		require.ErrorIs(t, all[0].Err, system.ErrMismatch)
		require.EqualError(t, all[1].Err, "/nobody: no such actor")

		stopped := f.Replay(system.Filter{Target: "/test/gone"}, 1)
		assert.Equal(t, []string{"stopped"}, outcomesOf(stopped...))
		require.ErrorIs(t, stopped[0].Err, mailbox.ErrStopped)

		tell(t, s, a, hangs(release))
		s.Stop()
		synctest.Wait()

		filter := system.Filter{Target: "/test/a", Reasons: []mailbox.Reason{mailbox.Failed}}
		assert.Equal(t, []string{"stopping"}, outcomesOf(f.Replay(filter, 1)...))
		close(release)
		<-s.Done()
		assert.Equal(t, []string{"stopped"}, outcomesOf(f.Replay(filter, 1)...))

		assert.Equal(t, system.OfficeStats{Taken: 4, Held: 4}, f.Stats(), "a replay that is refused makes no letter")
		assert.Equal(t, "not held", f.ReplayOne(7).Outcome.String())

		nobody := f.Resend(f.Letters()[0], nil)
		assert.Equal(t, "refused", nobody.Outcome.String())
		require.ErrorIs(t, nobody.Err, actors.ErrNilFunc)
	})
}

func TestOneWhoReplaysKeepsOthersFromIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Decide: resume})
		s := start(t, tree(a), silent())
		f := s.DeadLetters()

		sendAll(t, s, a, 1)
		c.ill = false

		l := f.Letters()[0]
		r := f.Resend(l, func() bool {
			inner := f.ReplayOne(l.Number)
			assert.Equal(t, system.Leaving, inner.Outcome)
			require.ErrorIs(t, inner.Err, system.ErrLeaving)

			return false
		})
		assert.Equal(t, system.NotHeld, r.Outcome)
		assert.Panics(t, func() { f.Resend(l, func() bool { panic("held") }) })

		assert.Equal(t, system.Accepted, f.Resend(l, func() bool { return true }).Outcome)
		assert.Equal(t, system.OfficeStats{Taken: 1, Replayed: 1}, f.Stats(), "the office's own has left with it")

		elsewhere := system.Letter{Number: 7, Target: "/test/a", Message: 2, Attempt: 4, Replays: 1, Time: time.Now()}
		assert.Equal(t, system.Accepted, f.Resend(elsewhere, func() bool { return true }).Outcome)
		synctest.Wait()

		assert.Equal(t, []string{"1 at attempt 2, incarnation 1", "2 at attempt 5, incarnation 1"}, c.read())
		assert.Equal(t, system.OfficeStats{Taken: 1, Replayed: 1}, f.Stats(), "it was none of its own")

		c.ill = true

		sendAll(t, s, a, 3)

		namesake := f.Letters()[0] // of a process whose clock was set back
		namesake.Time = namesake.Time.Add(-1)
		assert.Equal(t, system.Accepted, f.Resend(namesake, func() bool { return true }).Outcome)
		synctest.Wait()
		assert.Equal(t, system.OfficeStats{Taken: 3, Held: 2, Replayed: 1}, f.Stats(), "the office's own is another")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
