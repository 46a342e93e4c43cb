package actors_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

func TestTimersEnd(t *testing.T) {
	bubble(t, "with their incarnation", func(t *testing.T) {
		for name, end := range map[string]job{"failure": fail, "stop": halt, "panic": panicker} {
			l := newLog()
			s := play(t, &part{spec: supervision.Spec{Restart: supervision.Permanent}})

			var due, waiting *actors.Timer[job]

			perform(t, s.ref(), every(t, time.Second, l.entry("due"), &due))
			perform(t, s.ref(), every(t, time.Minute, l.entry("waiting"), &waiting))
			tell(t, s.ref(), func(ctx *actors.Context[job]) error { _ = lasts(2 * time.Second)(ctx); return end(ctx) })
			pass(time.Hour)
			assert.Empty(t, l.read(), name)
			assert.Equal(t, uint64(2), incarnation(t, s.ref()), name)
			assert.False(t, due.Cancel(), name)
			assert.False(t, waiting.Cancel(), name)
			s.stop(t)
		}
	})

	bubble(t, "when it is abandoned, whatever it does later", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Second}}})
		held, release := hold()
		tell(t, s.ref(), every(t, time.Second, l.entry("tick"), nil), starts(t, func(ctx context.Context) error {
			_ = held(nil)
			actx, _ := ctx.(*actors.Context[job])
			_, err := actx.After(1, l.entry("late"))
			assert.ErrorIs(t, err, actors.ErrNotRunning)

			return nil
		}), fail)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		release()
		pass(time.Hour)
		assert.Empty(t, l.read())
	})

	bubble(t, "when the actor begins to work off its queue; one set then is no error", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{})
		perform(t, s.ref(), every(t, time.Second, l.entry("tick"), nil))
		tell(t, s.ref(), lasts(1500*time.Millisecond), func(ctx *actors.Context[job]) error {
			timer, err := ctx.After(1, l.entry("late"))
			require.NoError(t, err)
			assert.False(t, timer.Cancel())

			return lasts(2 * time.Second)(ctx)
		}, l.entry("last"))
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, []string{"last 3.5s"}, l.read())
	})

	bubble(t, "a tick that hangs is a dead letter, abandoned, and those due behind it never come", func(t *testing.T) {
		l := newLog()
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})
		held, release := hold()
		perform(t, s.ref(), after(t, time.Second-1, held, nil))
		perform(t, s.ref(), after(t, 2*time.Second, l.entry("tick"), nil))
		perform(t, s.ref(), idles(t, l.entry("idle")))
		pass(3 * time.Second)

		r := s.stop(t)
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Abandoned: 1}, r.Total.DeadLettered)
		assert.Equal(t, uint64(4), r.Total.Accepted)
		assert.Equal(t, uint64(3), r.Total.Processed)
		release()
		pass(time.Hour)
		assert.Empty(t, l.read())
	})

	bubble(t, "nothing is left of a timer that was stopped, or of a watch or an idle timeout", func(t *testing.T) {
		var e ends

		l := newLog()
		s := play(t, &part{}, &part{name: "other"})
		perform(t, s.ref(), every(t, time.Second, l.entry("tick"), nil))
		perform(t, s.ref(), idles(t, l.entry("idle")))
		perform(t, s.ref(), watches(t, s.refs["other"], &e))
		tell(t, s.ref(), halt)
		synctest.Wait()
		tell(t, s.refs["other"], halt)
		pass(time.Hour)
		assert.Empty(t, l.read())
		assert.Empty(t, e.read())
	})
}
