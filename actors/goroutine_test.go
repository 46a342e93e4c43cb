package actors_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// starts returns a job that starts a goroutine of the actor, which must succeed.
func starts(t *testing.T, f func(ctx context.Context) error) job {
	t.Helper()

	return func(ctx *actors.Context[job]) error {
		require.NoError(t, ctx.Go(f))

		return nil
	}
}

// incarnation returns which life of the actor answers.
func incarnation(t *testing.T, ref actors.Ref[job]) uint64 {
	t.Helper()

	n, err := actors.Ask(t.Context(), ref, func(r actors.Reply[uint64]) job {
		return func(ctx *actors.Context[job]) error { return r.Send(ctx.Incarnation()) }
	})
	require.NoError(t, err)

	return n
}

func TestGo(t *testing.T) {
	bubble(t, "a goroutine runs beside the messages, under the incarnation's context", func(t *testing.T) {
		type key struct{}

		s := play(t, &part{})
		ran := false
		perform(t, s.ref(), starts(t, func(ctx context.Context) error {
			assert.Nil(t, ctx.Value(key{}))

			_, limited := ctx.Deadline()
			assert.False(t, limited)
			require.NoError(t, ctx.Err())

			child, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()

			ran = true
			<-child.Done()
			require.ErrorIs(t, context.Cause(child), context.Cause(ctx))

			return ctx.Err()
		}))
		synctest.Wait()
		assert.True(t, ran)
		assert.Equal(t, uint64(1), incarnation(t, s.ref()))
	})

	bubble(t, "at a stop its context ends once the queue is worked off, and Close waits for it", func(t *testing.T) {
		var d diary

		p := &part{
			flush: func(context.Context) error { d.note("flush"); return nil },
			close: func(context.Context) error { d.note("close"); return nil },
		}
		s := play(t, p)
		held, release := hold()
		tell(t, s.ref(), starts(t, func(ctx context.Context) error {
			<-ctx.Done()
			d.note("context ended")
			time.AfterFunc(time.Second, func() { d.note("a second later") })
			<-time.After(time.Second + 1)
			d.note("goroutine ended")

			return ctx.Err() // that it has ended is no failure
		}), held, func(*actors.Context[job]) error { d.note("last message"); return nil })
		synctest.Wait()
		s.Stop()
		synctest.Wait()
		assert.Empty(t, d.read())
		release()
		<-s.Done()
		assert.Equal(t, []string{
			"last message", "context ended", "a second later", "goroutine ended", "flush", "close",
		}, d.read())
		require.NoError(t, s.Report().Err())
	})

	for name, f := range map[string]func(context.Context) error{
		"an error":       func(context.Context) error { return errTest },
		"a panic":        func(context.Context) error { panic(errTest) },
		"runtime.Goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		bubble(t, name+" of it is the actor's failure, and costs no message", func(t *testing.T) {
			var seen error

			s := play(t, &part{spec: supervision.Spec{Decide: func(err error) supervision.Directive {
				seen = err

				return supervision.RestartChild
			}}})
			tell(t, s.ref(), starts(t, f), nothing)
			synctest.Wait()
			assert.Equal(t, uint64(2), incarnation(t, s.ref()))

			switch name {
			case "a panic":
				var panicked *actors.PanicError

				require.ErrorAs(t, seen, &panicked)
				assert.Contains(t, panicked.Stack.String(), "goroutine_test.go")

				fallthrough
			case "an error":
				require.ErrorIs(t, seen, errTest)
			default:
				require.ErrorIs(t, seen, actors.ErrExited)
			}

			r := s.stop(t)
			assert.Zero(t, r.Total.Failed)
			assert.Equal(t, uint64(3), r.Total.Processed)
		})
	}

	bubble(t, "the next incarnation does not begin before the last one's goroutines have ended", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Close: 2 * time.Second}}})
		began := time.Now()
		tell(t, s.ref(), starts(t, func(ctx context.Context) error {
			<-ctx.Done()
			require.ErrorIs(t, context.Cause(ctx), errTest)
			<-time.After(time.Second)

			return errTest // too late to matter
		}), fail)
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, 1, s.stop(t).Restarts)
	})

	bubble(t, "one too many is refused with the limit, and there is room when one has ended", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Goroutines: 2}})
		end := make(chan struct{})
		wait := func(ctx context.Context) error { <-end; return ctx.Err() }
		perform(t, s.ref(), starts(t, wait))
		perform(t, s.ref(), starts(t, wait))
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			err := ctx.Go(wait)

			var limit *actors.GoroutineLimitError

			require.ErrorAs(t, err, &limit)
			assert.Equal(t, actors.GoroutineLimitError{Path: "/stage/actor", Limit: 2}, *limit)
			require.EqualError(t, err, "/stage/actor: all 2 goroutines the actor may have are running")
			require.ErrorAs(t, actors.Pipe(ctx, answer, into(&diary{})), &limit, "a pipe is one of them")

			return nil
		})
		end <- struct{}{}
		synctest.Wait()
		perform(t, s.ref(), starts(t, wait))
		close(end)
	})

	bubble(t, "no function, no goroutine; and none once the incarnation has ended", func(t *testing.T) {
		s := play(t, &part{})

		var left *actors.Context[job]

		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			left = ctx
			require.ErrorIs(t, ctx.Go(nil), actors.ErrNilFunc)

			return nil
		})
		tell(t, s.ref(), fail)
		synctest.Wait()
		require.ErrorIs(t, left.Go(func(context.Context) error { return nil }), actors.ErrNotRunning)
		require.ErrorIs(t, actors.Pipe(left, answer, into(&diary{})), actors.ErrNotRunning)
		require.ErrorIs(t, left.Err(), context.Canceled)
		require.ErrorIs(t, context.Cause(left), errTest)
		<-left.Done()
	})

	bubble(t, "one that returns because a drain was cut short does not fail the actor", func(t *testing.T) {
		for name, reason := range map[string]func(context.Context) error{
			"error": context.Context.Err, "cause": context.Cause,
		} {
			flushed := 0
			s := play(t, &part{
				flush: func(context.Context) error { flushed++; return nil },
				spec:  supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}},
			})
			tell(t, s.ref(), starts(t, func(ctx context.Context) error {
				<-ctx.Done()

				return reason(ctx)
			}), func(ctx *actors.Context[job]) error { <-ctx.Done(); <-time.After(1); return nil }, nothing)
			synctest.Wait()

			r := s.stop(t)
			assert.Equal(t, 1, flushed, name)
			assert.Zero(t, r.Restarts, name)
		}
	})
}

// answer is the work of a pipe, and into makes a message of its result that notes it.
func answer(context.Context) (string, error) { return "answer", nil }

func into(d *diary) func(string, error) job {
	return func(value string, err error) job {
		return func(*actors.Context[job]) error {
			if err != nil {
				value = err.Error()
			}

			d.note(value)

			return nil
		}
	}
}

// pipes returns a job that starts a pipe, which must succeed.
func pipes(t *testing.T, d *diary, work func(context.Context) (string, error)) job {
	t.Helper()

	return func(ctx *actors.Context[job]) error {
		require.NoError(t, actors.Pipe(ctx, work, into(d)))

		return nil
	}
}

func TestPipe(t *testing.T) {
	bubble(t, "the result comes back as a message, be it a value or an error", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		tell(t, s.ref(), pipes(t, &d, answer))
		synctest.Wait()
		tell(t, s.ref(), pipes(t, &d, func(context.Context) (string, error) { return "", errTest }))
		synctest.Wait()
		assert.Equal(t, []string{"answer", errTest.Error()}, d.read())
		assert.Equal(t, uint64(4), s.stop(t).Total.Processed)
	})

	bubble(t, "needs both functions", func(t *testing.T) {
		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			require.ErrorIs(t, actors.Pipe[string](ctx, nil, into(&diary{})), actors.ErrNilFunc)
			require.ErrorIs(t, actors.Pipe(ctx, answer, nil), actors.ErrNilFunc)

			return nil
		})
	})

	bubble(t, "a stop waits for it, and its message is handled, and what that pipes too", func(t *testing.T) {
		var d diary

		s := play(t, &part{flush: func(context.Context) error { d.note("flush"); return nil }})
		slow := func(ctx context.Context) (string, error) {
			<-time.After(time.Second)

			return "slow answer", ctx.Err()
		}
		tell(t, s.ref(), pipes(t, &d, slow), func(ctx *actors.Context[job]) error {
			return actors.Pipe(ctx, slow, func(string, error) job { return pipes(t, &d, slow) })
		})
		synctest.Wait()

		began := time.Now()

		s.stop(t)
		assert.Equal(t, []string{"slow answer", "slow answer", "flush"}, d.read())
		assert.Equal(t, 2*time.Second, time.Since(began))
	})

	// Each result starts the next, as if it were the only one: with one of two the other one waits for room.
	for pipes, capacity := range map[int]int{1: 64, 2: 1} {
		t.Run(fmt.Sprintf("who handles a result has its place again, %d at a time", pipes), func(t *testing.T) {
			const results = 20_000

			handled, refused := 0, error(nil)
			done := make(chan struct{})
			end := sync.OnceFunc(func() { close(done) })
			s := play(t, &part{spec: supervision.Spec{
				Goroutines: pipes, Mailbox: &mailbox.Options{Capacity: capacity},
			}})

			var next job

			next = func(ctx *actors.Context[job]) error {
				handled++
				if handled >= results {
					end()

					return nil
				}

				err := actors.Pipe(ctx, answer, func(string, error) job { return next })
				if err != nil && refused == nil {
					refused = err

					end()
				}

				return nil
			}

			for range pipes {
				tell(t, s.ref(), next)
			}

			<-done
			s.stop(t)
			require.NoError(t, refused)
		})
	}

	t.Run("no result is lost however a stop falls between work and message", func(t *testing.T) {
		const systems, each, pipes = 12, 50, 4

		for range systems {
			var handled atomic.Int32

			parts := make([]*part, each)
			for i := range parts {
				parts[i] = &part{name: fmt.Sprintf("actor%d", i)}
			}

			s := play(t, parts...)

			for _, ref := range s.refs {
				for range pipes {
					tell(t, ref, func(ctx *actors.Context[job]) error {
						return actors.Pipe(ctx, answer, func(string, error) job {
							return func(*actors.Context[job]) error { handled.Add(1); return nil }
						})
					})
				}
			}

			r := s.stop(t)
			require.Equal(t, int32(each*pipes), handled.Load())
			require.Empty(t, r.Total.DeadLettered)
		}
	})

	bubble(t, "of an incarnation that fails meanwhile the result is dropped", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		tell(t, s.ref(), pipes(t, &d, func(ctx context.Context) (string, error) {
			<-ctx.Done()

			return "dropped", nil
		}), fail)
		synctest.Wait()
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		assert.Empty(t, d.read())
	})

	bubble(t, "waits for room in a full mailbox, and fails the actor where that is refused", func(t *testing.T) {
		for _, policy := range []mailbox.Overflow{mailbox.Block, mailbox.Reject} {
			var d diary

			s := play(t, &part{spec: supervision.Spec{Mailbox: small(policy)}})
			held, release := hold()
			tell(t, s.ref(), func(ctx *actors.Context[job]) error {
				require.NoError(t, actors.Pipe(ctx, func(context.Context) (string, error) {
					<-time.After(time.Second)

					return "answer", nil
				}, into(&d)))

				return held(ctx)
			})
			synctest.Wait()
			tell(t, s.ref(), nothing)
			<-time.After(2 * time.Second)
			release()
			synctest.Wait()

			r := s.stop(t)
			if policy == mailbox.Block {
				assert.Equal(t, []string{"answer"}, d.read())
				assert.Zero(t, r.Restarts)
			} else {
				assert.Empty(t, d.read())
				assert.Equal(t, 1, r.Restarts)
			}
		}
	})

	bubble(t, "a panic in the work or in making the message fails the actor", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), pipes(t, &diary{}, func(context.Context) (string, error) { panic(errTest) }))
		synctest.Wait()
		assert.Equal(t, uint64(2), incarnation(t, s.ref()))
		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			return actors.Pipe(ctx, answer, func(string, error) job { panic(errTest) })
		})
		synctest.Wait()
		assert.Equal(t, uint64(3), incarnation(t, s.ref()))
	})
}
