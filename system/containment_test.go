package system_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
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

// logger is a log handler that does what a test wants.
type logger func()

func (logger) Enabled(context.Context, slog.Level) bool    { return true }
func (l logger) Handle(context.Context, slog.Record) error { l(); return nil }
func (l logger) WithAttrs([]slog.Attr) slog.Handler        { return l }
func (l logger) WithGroup(string) slog.Handler             { return l }

var immediately = supervision.Backoff{Initial: supervision.Immediately}

func TestALogThatHangsOrPanicsHoldsUpNobody(t *testing.T) {
	var release chan struct{} // of the bubble

	for name, c := range map[string]struct {
		handle logger
		says   string
	}{
		"a handler that hangs":  {func() { <-release }, "log: its handler does not return"},
		"a handler that panics": {func() { panic("log") }, "log: its handler panicked: log"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				release = make(chan struct{})
				options := silent()
				options.Logger = slog.New(c.handle)
				a := declare(&probe{name: "a", closes: func(context.Context) error { return errBroken }},
					supervision.Spec{Restart: supervision.Permanent, Backoff: immediately})
				s := start(t, tree(a), options)

				tell(t, s, a, broken)
				tell(t, s, a, nothing)

				began := time.Now()
				r, err := stop(t, s)
				require.ErrorIs(t, err, errBroken, "its Close failed")
				require.ErrorContains(t, err, c.says)
				assert.Equal(t, uint64(1), r.Total.Processed, "the actor was restarted")
				assert.LessOrEqual(t, time.Since(began), 2*system.ForcedGrace)
				close(release)
				synctest.Wait()
			})
		})
	}
}

// broke is an error whose Error method panics when it is a nil pointer.
type broke struct{ text string }

func (b *broke) Error() string { return b.text }

func TestAnErrorWhoseTextPanicsIsReportedAllTheSame(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var none *broke

		a := declare(&probe{name: "a", flush: func(context.Context) error { return none }}, supervision.Spec{})
		s := start(t, tree(a), silent())

		r, err := stop(t, s)
		require.ErrorContains(t, err, "/test/a: *system_test.broke whose Error method panics")
		assert.Contains(t, r.Actors[0].Flush.Error, "panics")
	})
}

func TestCloseAfterAFailureIsToldItsOwnDeadline(t *testing.T) {
	virtual(t, func(t *testing.T) {
		left := make(chan time.Duration, 1)
		a := declare(&probe{name: "a", closes: func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)

			left <- time.Until(deadline)

			return nil
		}}, supervision.Spec{Restart: supervision.Temporary, Deadlines: supervision.Deadlines{Close: 10 * time.Second}})
		s := start(t, tree(a), patient(time.Minute))

		<-time.After(time.Hour)
		tell(t, s, a, broken)
		assert.Equal(t, 9*time.Second, <-left)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAHookThatBeginsWhenItsTimeIsOverIsToldSo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var told atomic.Bool

		a := declare(&probe{name: "a", closes: func(ctx context.Context) error {
			<-ctx.Done() // at 900 ms already

			told.Store(errors.As(context.Cause(ctx), new(*supervision.DeadlineError)))

			return nil
		}}, supervision.Spec{Restart: supervision.Temporary, Deadlines: supervision.Deadlines{Close: time.Second}})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *ctxOf) error {
			require.NoError(t, ctx.Go(func(context.Context) error {
				<-time.After(950 * time.Millisecond)

				return nil
			}))

			return errBroken
		})
		<-time.After(time.Minute)
		assert.True(t, told.Load())
		assert.Empty(t, health(t, s, "/test/a").Abandoned)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAnAbandonedInstanceThatComesBackIsClosed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		release := make(chan struct{})
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{
			Restart: supervision.Temporary, Deadlines: supervision.Deadlines{Close: time.Second},
		})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *ctxOf) error {
			require.NoError(t, ctx.Go(func(context.Context) error {
				<-release

				return nil
			}))

			return errBroken
		})
		<-time.After(time.Minute)
		assert.Zero(t, count(d.read(), "close a"), "it never runs concurrently with the actor's goroutines")
		close(release)
		synctest.Wait()
		assert.Equal(t, 1, count(d.read(), "close a"))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestHealthAsksAllAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		busy, well := declare(&probe{name: "busy"}, supervision.Spec{}), declare(&probe{name: "well"}, supervision.Spec{})
		plain := supervision.Actor("plain", func(supervision.Deps) (actors.Func[job], error) {
			return func(ctx *ctxOf, j job) error { return j(ctx) }, nil
		}, supervision.Spec{})
		s := start(t, tree(busy, plain, well), silent())

		tell(t, s, busy, hangs(release))
		tell(t, s, plain, hangs(release))
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		all := s.Health(ctx).Children
		require.ErrorIs(t, all[0].Degraded, context.DeadlineExceeded)
		require.NoError(t, all[1].Degraded, "it has no hook")
		require.NoError(t, all[2].Degraded, "it has answered, though another did not")
		close(release)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAShutdownDoesNotStormAnActorThatCannotStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var starts atomic.Int32

		a := declare(&probe{name: "a", start: func(*ctxOf) error {
			if starts.Add(1) > 1 {
				return errBroken
			}

			return nil
		}}, supervision.Spec{
			Restart: supervision.Permanent, Backoff: supervision.Backoff{Initial: time.Hour, Max: time.Hour},
		})
		patient := tree(a)
		patient.Budget.Restarts = supervision.MaxRestarts
		s := start(t, patient, silent())

		tell(t, s, a, broken)
		synctest.Wait()

		for range 3 {
			tell(t, s, a, nothing)
		}

		r, err := stop(t, s)
		require.ErrorIs(t, err, errBroken, "that is what the queue was lost for")
		assert.Equal(t, uint64(3), r.Total.DeadLettered[mailbox.Deadline])
		assert.LessOrEqual(t, starts.Load(), int32(3), "one attempt at once")
	})
}

func TestDecideIsAskedAboutAFailedRestart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var starts atomic.Int32

		a := declare(&probe{name: "a", start: func(*ctxOf) error {
			if starts.Add(1) > 1 {
				return errStop
			}

			return nil
		}}, supervision.Spec{Restart: supervision.Permanent, Backoff: immediately, Decide: decide})
		s := start(t, tree(a), silent())

		tell(t, s, a, broken)
		synctest.Wait()
		assert.Equal(t, int32(2), starts.Load())
		assert.Equal(t, system.Failed, health(t, s, "/test/a").State)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAResumedGoroutineLeavesATraceAndDoesNotHideAStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{Decide: decide})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *ctxOf) error {
			return ctx.Go(func(context.Context) error { return errResume })
		})
		synctest.Wait()
		require.ErrorIs(t, health(t, s, "/test/a").LastFailure, errResume)
		assert.Equal(t, system.Running, health(t, s, "/test/a").State)

		tell(t, s, a, func(ctx *ctxOf) error {
			failed := make(chan struct{})
			if err := ctx.Go(func(context.Context) error {
				defer close(failed)

				return errResume
			}); err != nil {
				return err
			}

			<-failed
			ctx.Stop()

			return nil
		})
		synctest.Wait()
		assert.Equal(t, system.Stopped, health(t, s, "/test/a").State)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestThePanicOfPrepareIsAnError(t *testing.T) {
	options := silent()
	options.Prepare = func(*actor.ActorSystem) error { panic("prepare") }

	_, err := system.Start(t.Context(), tree(), options)
	require.ErrorContains(t, err, "system.Options.Prepare: panic: prepare")
}

func TestALogHandlerThatEndsItsGoroutineGetsTheNextLine(t *testing.T) {
	const line = "any line"

	for on, row := range map[string]struct{ restarts, lines int }{
		line:                         {30, 30}, // ten times started, restarting and dead-lettered, and more
		supervision.Failed.String():  {3, 10},
		supervision.GaveUp.String():  {30, 30},
		supervision.Stopped.String(): {30, 30},
		"events not logged":          {30, 30},
	} {
		t.Run("on "+on, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				options, lines := logging(slog.LevelDebug)
				seen := 0
				options.Logger = slog.New(leaving{lines, func(r slog.Record) {
					seen++

					if on == line || r.Message == on {
						runtime.Goexit()
					}
				}})
				a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Permanent, Backoff: immediately})
				patient := tree(a)
				patient.Budget.Restarts = row.restarts
				s := start(t, patient, options)

				for range 40 {
					_ = a.From(s.Intake()).TryTell(broken)
				}

				<-s.Done()
				require.ErrorContains(t, s.Report().Err(), "log: its handler has ended its goroutine")
				assert.Greater(t, seen, row.lines)
			})
		})
	}
}

// leaving is a log whose handler can end the goroutine it is called on.
type leaving struct {
	*log

	before func(slog.Record)
}

func (l leaving) Handle(ctx context.Context, r slog.Record) error {
	l.before(r)

	return l.log.Handle(ctx, r)
}
