package actors_test

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// poison is a job that notes every delivery and then fails, in one way or another.
func poison(d *diary, end job) job {
	return func(ctx *actors.Context[job]) error {
		d.note(fmt.Sprintf("bad: attempt %d, incarnation %d", ctx.Attempt(), ctx.Incarnation()))

		return end(ctx)
	}
}

// jot is a job that notes its name.
func jot(d *diary, name string) job {
	return func(*actors.Context[job]) error {
		d.note(name)

		return nil
	}
}

func TestRedeliver(t *testing.T) {
	for name, end := range map[string]job{
		"an error": fail,
		"a panic":  func(*actors.Context[job]) error { panic("at the disco") },
		"an exit":  func(*actors.Context[job]) error { runtime.Goexit(); return nil },
	} {
		bubble(t, name+" is tried again before what is behind it, and then quarantined", func(t *testing.T) {
			d := &diary{}
			s := play(t, &part{spec: supervision.Spec{Redeliver: 2}})
			h, release := hold()

			tell(t, s.ref(), h, jot(d, "before"), poison(d, end), jot(d, "1"), jot(d, "2"))
			release()
			synctest.Wait()
			assert.Equal(t, []string{
				"before", "bad: attempt 1, incarnation 1", "bad: attempt 2, incarnation 2", "bad: attempt 3, incarnation 3",
				"1", "2",
			}, d.read())

			letters := s.letters()
			require.Len(t, letters, 1)
			assert.Equal(t, mailbox.Quarantined, letters[0].Reason)
			assert.Equal(t, 3, letters[0].Attempt)
			require.Error(t, letters[0].Cause)

			stats := s.stats()
			assert.Equal(t, uint64(1), stats.DeadLettered.Of(mailbox.Quarantined))
			assert.Zero(t, stats.Failed)
			assert.Equal(t, uint64(4), stats.Processed)
			assert.Equal(t, 100-3, s.budgetLeft(t))
		})
	}

	bubble(t, "between two deliveries it is queued, and what is urgent comes first", func(t *testing.T) {
		d := &diary{}
		s := play(t, &part{spec: supervision.Spec{
			Redeliver: 1, Backoff: supervision.Backoff{Initial: time.Second, Max: time.Second},
		}})

		tell(t, s.ref(), poison(d, fail))
		synctest.Wait()
		d.read()
		assert.Equal(t, mailbox.Stats{Accepted: 1, Queued: 1}, s.stats())
		require.NoError(t, s.ref().TellControl(t.Context(), jot(d, "urgent")))
		<-time.After(time.Minute)
		assert.Equal(t, []string{"urgent", "bad: attempt 2, incarnation 2"}, d.read())
	})

	bubble(t, "a control message is tried again before those behind it", func(t *testing.T) {
		d := &diary{}
		s := play(t, &part{spec: supervision.Spec{Redeliver: 1}})
		h, release := hold()

		tell(t, s.ref(), h, jot(d, "data"))
		require.NoError(t, s.ref().TellControl(t.Context(), poison(d, fail)))
		require.NoError(t, s.ref().TellControl(t.Context(), jot(d, "control")))
		release()
		synctest.Wait()
		assert.Equal(t, []string{
			"bad: attempt 1, incarnation 1", "bad: attempt 2, incarnation 2", "control", "data",
		}, d.read())
	})

	bubble(t, "one that succeeds in the end is processed, and its asker is told nothing before", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Redeliver: 1}})

		attempt, err := actors.Ask(t.Context(), s.ref(), func(r actors.Reply[int]) job {
			return func(ctx *actors.Context[job]) error {
				if ctx.Attempt() == 1 {
					return errTest
				}

				return r.Send(ctx.Attempt())
			}
		})
		require.NoError(t, err)
		assert.Equal(t, 2, attempt)
		synctest.Wait()
		assert.Equal(t, mailbox.Stats{Accepted: 1, Processed: 1}, s.stats())
		assert.Empty(t, s.letters())
	})

	bubble(t, "an asker learns at once that its message is quarantined", func(t *testing.T) {
		d := &diary{}
		s := play(t, &part{spec: supervision.Spec{Redeliver: 1}})

		_, err := actors.Ask(t.Context(), s.ref(), func(actors.Reply[int]) job { return poison(d, fail) })
		require.ErrorIs(t, err, errTest)
		assert.Len(t, d.read(), 2)
	})

	bubble(t, "putting it aside is no delivery", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{spec: supervision.Spec{Redeliver: 1}})

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			d.note(strconv.Itoa(ctx.Attempt()))

			if d.shut && ctx.Attempt() == 2 {
				return ctx.Stash()
			}

			return errTest
		}, d.open)
		synctest.Wait()
		assert.Equal(t, []string{"1", "2", "open, 1 back", "2"}, d.read())
		assert.Equal(t, mailbox.Quarantined, s.letters()[0].Reason)
	})
}

func (s *stage) budgetLeft(t *testing.T) int {
	t.Helper()

	return s.Health(t.Context()).RestartsLeft
}

// What an actor gets from itself is not of a lane, and ends with the incarnation.
func TestANoticeIsNotDeliveredAgain(t *testing.T) {
	const soon = time.Second

	for name, set := range map[string]func(ctx *actors.Context[job], bad job) error{
		"a tick of After": func(ctx *actors.Context[job], bad job) error { _, err := ctx.After(soon, bad); return err },
		"a tick of Every": func(ctx *actors.Context[job], bad job) error { _, err := ctx.Every(soon, bad); return err },
		"an idle timeout": func(ctx *actors.Context[job], bad job) error { return ctx.SetIdleTimeout(soon, bad) },
	} {
		bubble(t, name, func(t *testing.T) {
			d := &diary{}
			s := play(t, &part{spec: supervision.Spec{Redeliver: 2}})

			tell(t, s.ref(), func(ctx *actors.Context[job]) error { return set(ctx, poison(d, fail)) })
			<-time.After(time.Hour)
			tell(t, s.ref(), jot(d, "next"))
			synctest.Wait()
			assert.Equal(t, []string{"bad: attempt 1, incarnation 1", "next"}, d.read())
			assert.Equal(t, []system.Letter{{Target: "/stage/actor", Reason: mailbox.Failed, Cause: errTest}}, s.letters())
			assert.Equal(t, uint64(1), s.stats().Failed)
		})
	}
}

func TestRedeliverEndsWithTheIncarnation(t *testing.T) {
	directive := func(d supervision.Directive) func(error) supervision.Directive {
		return func(error) supervision.Directive { return d }
	}

	for name, d := range map[string]supervision.Directive{
		"resume": supervision.ResumeChild, "stop": supervision.StopChild, "escalate": supervision.EscalateFailure,
	} {
		bubble(t, "at the directive to "+name+" a message is not delivered again", func(t *testing.T) {
			diary := &diary{}
			s := play(t, &part{spec: supervision.Spec{Redeliver: 2, Decide: directive(d)}})

			tell(t, s.ref(), poison(diary, fail))
			synctest.Wait()
			assert.Len(t, diary.read(), 1)
			assert.Equal(t, []system.Letter{{Target: "/stage/actor", Reason: mailbox.Failed, Cause: errTest}}, s.letters())
		})
	}

	bubble(t, "at a stop it is worked off like what is queued", func(t *testing.T) {
		d := &diary{}
		s := play(t, &part{spec: supervision.Spec{
			Redeliver: 1, Backoff: supervision.Backoff{Initial: time.Hour, Max: time.Hour},
		}})

		tell(t, s.ref(), poison(d, func(ctx *actors.Context[job]) error {
			if ctx.Attempt() == 1 {
				return errTest
			}

			return nil
		}), jot(d, "behind"))
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, []string{"bad: attempt 1, incarnation 1", "bad: attempt 2, incarnation 2", "behind"}, d.read())
	})

	bubble(t, "a message that hangs until the actor is abandoned is not delivered again", func(t *testing.T) {
		d := &diary{}
		h, release := hold()
		s := play(t, &part{spec: supervision.Spec{
			Redeliver: 5, Deadlines: supervision.Deadlines{Drain: time.Second},
		}})

		tell(t, s.ref(), poison(d, func(ctx *actors.Context[job]) error {
			if ctx.Attempt() == 1 {
				return errTest
			}

			return errors.Join(h(ctx), errTest)
		}))
		s.stop(t)
		release()
		synctest.Wait()
		assert.Len(t, d.read(), 2)

		letters := s.letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Abandoned, letters[0].Reason)
		assert.Equal(t, 2, letters[0].Attempt)
	})

	bubble(t, "one whose actor is given up on is a dead letter, and its asker is told", func(t *testing.T) {
		p := &part{spec: supervision.Spec{Redeliver: 5}}
		s := play(t, p)
		p.start = fail // every restart fails too, until the budget is used up

		_, err := actors.Ask(t.Context(), s.ref(), func(actors.Reply[int]) job { return fail })
		require.ErrorIs(t, err, mailbox.ErrStopped)
		require.Error(t, s.Wait(t.Context()))

		letters := s.letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Stopped, letters[0].Reason)
		assert.Equal(t, 2, letters[0].Attempt, "the one that did not come")
	})
}
