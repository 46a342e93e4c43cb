package actors_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// log is a diary whose entries bear the time since it was begun.
type log struct {
	diary

	began time.Time
}

func newLog() *log { return &log{began: time.Now()} }

// entry returns a job that notes what with the time.
func (l *log) entry(what string) job {
	return func(*actors.Context[job]) error {
		l.note(fmt.Sprint(what, " ", time.Since(l.began)))

		return nil
	}
}

// after returns a job that sets a timer, which must succeed, and puts it into t if that is not nil.
func after(tb testing.TB, d time.Duration, m job, t **actors.Timer[job]) job {
	tb.Helper()

	return func(ctx *actors.Context[job]) error {
		set, err := ctx.After(d, m)
		require.NoError(tb, err)

		if t != nil {
			*t = set
		}

		return nil
	}
}

// every is after for a timer that ticks again and again.
func every(tb testing.TB, d time.Duration, m job, t **actors.Timer[job]) job {
	tb.Helper()

	return func(ctx *actors.Context[job]) error {
		set, err := ctx.Every(d, m)
		require.NoError(tb, err)

		if t != nil {
			*t = set
		}

		return nil
	}
}

// lasts returns a job that takes so long.
func lasts(d time.Duration) job {
	return func(*actors.Context[job]) error {
		<-time.After(d)

		return nil
	}
}

// pass lets time pass, and then what is to happen at its end.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestAfter(t *testing.T) {
	bubble(t, "ticks once, not a nanosecond early, and is an accepted message", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})
		perform(t, s.ref(), after(t, time.Second, l.entry("tick"), nil))
		pass(time.Second - 1)
		assert.Empty(t, l.read())
		pass(1)
		assert.Equal(t, []string{"tick 1s"}, l.read())
		pass(time.Hour)
		assert.Empty(t, l.read())

		r := s.stop(t)
		assert.Equal(t, uint64(2), r.Total.Accepted)
		assert.Equal(t, uint64(2), r.Total.Processed)
	})

	bubble(t, "comes into a full mailbox, between two messages", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{spec: supervision.Spec{Mailbox: small(mailbox.Reject)}})
		tell(t, s.ref(), after(t, time.Second, l.entry("tick"), nil))
		synctest.Wait()
		tell(t, s.ref(), lasts(2*time.Second))
		synctest.Wait()
		tell(t, s.ref(), l.entry("message"))
		require.ErrorIs(t, s.ref().TryTell(nothing), mailbox.ErrFull)
		pass(2 * time.Second)
		assert.Equal(t, []string{"tick 2s", "message 2s"}, l.read())
	})

	bubble(t, "set in Start it ticks too", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{start: func(ctx *actors.Context[job]) error {
			_, err := ctx.After(time.Second, l.entry("tick"))

			return err
		}})
		pass(time.Second)
		assert.Equal(t, []string{"tick 1s"}, l.read())
		s.stop(t)
	})

	bubble(t, "cancelled it does not tick, also when it is due; only the first cancel says so", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})

		var waiting, due, over *actors.Timer[job]

		perform(t, s.ref(), after(t, time.Minute, l.entry("waiting"), &waiting))
		perform(t, s.ref(), after(t, time.Second, l.entry("due"), &due))
		perform(t, s.ref(), after(t, time.Millisecond, l.entry("over"), &over))
		pass(time.Millisecond)
		assert.False(t, over.Cancel())
		tell(t, s.ref(), lasts(2*time.Second))
		pass(time.Second)
		assert.True(t, due.Cancel())
		assert.False(t, due.Cancel())
		assert.True(t, waiting.Cancel())
		assert.False(t, waiting.Cancel())
		pass(time.Hour)
		assert.Equal(t, []string{"over 1ms"}, l.read())
	})

	bubble(t, "a tick that fails is a dead letter and its actor's failure", func(t *testing.T) {
		s := play(t, &part{})
		perform(t, s.ref(), after(t, time.Second, fail, nil))
		pass(time.Second)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))

		letters := s.letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Failed, letters[0].Reason)
		require.ErrorIs(t, letters[0].Cause, errTest)
		assert.Equal(t, uint64(1), s.stop(t).Total.Failed)
	})

	for name, end := range map[string]job{"error": fail, "panic": panicker, "Goexit": exiter} {
		bubble(t, "those due behind one that ends in "+name+" still come, if the actor goes on", func(t *testing.T) {
			l := newLog()
			s := play(t, &part{spec: supervision.Spec{Decide: func(error) supervision.Directive {
				return supervision.ResumeChild
			}}})
			perform(t, s.ref(), after(t, time.Second, end, nil))
			perform(t, s.ref(), after(t, time.Second+1, l.entry("tick"), nil))
			tell(t, s.ref(), lasts(2*time.Second))
			pass(3 * time.Second)
			assert.Equal(t, []string{"tick 2s"}, l.read())
			assert.Equal(t, uint64(1), s.stop(t).Total.Failed)
		})
	}

	bubble(t, "bad input is an error", func(t *testing.T) {
		s := play(t, &part{})

		var left *actors.Context[job]

		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			left = ctx

			for _, d := range []time.Duration{0, -1} {
				_, err := ctx.After(d, nothing)
				require.ErrorIs(t, err, actors.ErrDuration)
				assert.ErrorContains(t, err, "/stage/actor")

				_, err = ctx.Every(d, nothing)
				require.ErrorIs(t, err, actors.ErrDuration)
			}

			return nil
		})
		tell(t, s.ref(), fail)
		synctest.Wait()

		_, err := left.After(1, nothing)
		require.ErrorIs(t, err, actors.ErrNotRunning)

		var none *actors.Context[job]

		_, err = none.Every(1, nothing)
		require.ErrorIs(t, err, actors.ErrNotRunning)

		var timer *actors.Timer[job]

		assert.False(t, timer.Cancel())
		assert.False(t, new(actors.Timer[job]).Cancel())
	})

	bubble(t, "one too many is refused with the limit, and there is room when one is over", func(t *testing.T) {
		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			var last *actors.Timer[job]

			for range actors.MaxTimers {
				timer, err := ctx.After(time.Second, nothing)
				require.NoError(t, err)

				last = timer
			}

			_, err := ctx.Every(time.Second, nothing)

			var limit *actors.TimerLimitError

			require.ErrorAs(t, err, &limit)
			assert.Equal(t, actors.TimerLimitError{Path: "/stage/actor", Limit: actors.MaxTimers}, *limit)
			require.EqualError(t, err, "/stage/actor: all 1024 timers the actor may have are set")
			assert.True(t, last.Cancel())

			_, err = ctx.After(time.Second, nothing)

			return err
		})
		pass(time.Second)
		perform(t, s.ref(), after(t, time.Second, nothing, nil))
		assert.Equal(t, uint64(actors.MaxTimers+2), s.stop(t).Total.Processed)
	})
}

func TestEvery(t *testing.T) {
	bubble(t, "keeps its schedule, and leaves out ticks whose time comes while one waits", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})

		var timer *actors.Timer[job]

		perform(t, s.ref(), every(t, time.Second, l.entry("tick"), &timer))
		pass(2*time.Second - 1)
		assert.Equal(t, []string{"tick 1s"}, l.read())
		pass(1)
		assert.Equal(t, []string{"tick 2s"}, l.read())

		tell(t, s.ref(), lasts(3500*time.Millisecond)) // until 5.5
		pass(4 * time.Second)
		assert.Equal(t, []string{"tick 5.5s", "tick 6s"}, l.read())
		assert.True(t, timer.Cancel())
		pass(time.Hour)
		assert.Empty(t, l.read())
		assert.False(t, timer.Cancel())
	})

	bubble(t, "a tick that is slower than the schedule does not pile up", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})
		perform(t, s.ref(), every(t, time.Second, func(ctx *actors.Context[job]) error {
			_ = l.entry("tick")(ctx)

			return lasts(2500 * time.Millisecond)(ctx)
		}, nil))
		pass(9 * time.Second)
		assert.Equal(t, []string{"tick 1s", "tick 3.5s", "tick 6s", "tick 8.5s"}, l.read())
	})

	bubble(t, "one that is always due lets a waiting message through between any two ticks", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})

		var timer *actors.Timer[job]

		perform(t, s.ref(), every(t, 1, func(ctx *actors.Context[job]) error {
			l.note("tick")

			return lasts(10)(ctx) // the next one is due before this one is over
		}, &timer))
		tell(t, s.ref(), lasts(10))

		for range 3 {
			tell(t, s.ref(), func(*actors.Context[job]) error { l.note("message"); return nil })
		}

		pass(100)
		assert.False(t, timer.Cancel(), "one has its turn")
		assert.Equal(t, []string{"tick", "message", "tick", "message", "tick", "message", "tick", "tick"}, l.read()[:8])
	})

	bubble(t, "messages without end do not starve ticks, and commands come before either", func(t *testing.T) {
		s := play(t, &part{})
		ticks := 0

		var again job

		again = func(ctx *actors.Context[job]) error {
			_ = lasts(300 * time.Microsecond)(ctx)
			_ = ctx.Self().TryTell(again) // until the actor is stopped

			return nil
		}

		perform(t, s.ref(), every(t, time.Millisecond, func(*actors.Context[job]) error { ticks++; return nil }, nil))
		tell(t, s.ref(), again)
		pass(50 * time.Millisecond)
		assert.Equal(t, 49, ticks) // the 50th is due, but the message in hand goes on

		began := time.Now()

		s.stop(t)
		assert.LessOrEqual(t, time.Since(began), 2*time.Millisecond)
	})
}
