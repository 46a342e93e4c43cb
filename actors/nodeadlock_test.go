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

// results collects what operations have returned.
type results chan error

// all returns what so many operations have returned, none of which may still wait.
func (r results) all(t *testing.T, n int) {
	t.Helper()
	synctest.Wait()
	require.Len(t, r, n, "everybody went on")

	for range n {
		require.NoError(t, <-r)
	}
}

func TestAGoroutineThatWaitsForItsActorIsNoDeadlock(t *testing.T) {
	type start func(ctx *actors.Context[job], work func(context.Context) error) error

	for name, begin := range map[string]start{
		"Go": func(ctx *actors.Context[job], work func(context.Context) error) error { return ctx.Go(work) },
		"Go with the actor's own context": func(ctx *actors.Context[job], work func(context.Context) error) error {
			return ctx.Go(func(context.Context) error { return work(ctx) })
		},
		"Pipe": func(ctx *actors.Context[job], work func(context.Context) error) error {
			return actors.Pipe(ctx, func(ctx context.Context) (string, error) { return "", work(ctx) },
				func(string, error) job { return nothing })
		},
		"a bare goroutine": func(ctx *actors.Context[job], work func(context.Context) error) error {
			go func() { _ = work(ctx) }()

			return nil
		},
	} {
		for _, o := range []string{"ask", "tell", "control"} {
			bubble(t, name+", "+o, func(t *testing.T) {
				done := make(results, 1)
				s := play(t, &part{spec: supervision.Spec{Mailbox: small(mailbox.Block)}})
				held, release := hold()

				tell(t, s.ref(), func(ctx *actors.Context[job]) error {
					require.NoError(t, ctx.Self().TryTell(nothing))
					require.NoError(t, ctx.Self().TryTellControl(nothing))
					require.NoError(t, begin(ctx, func(ctx context.Context) error {
						done <- operation(o)(ctx, s.ref())

						return nil
					}))

					return held(ctx)
				})
				synctest.Wait()
				require.Empty(t, done, "it waits")
				release()
				done.all(t, 1)
			})
		}
	}
}

func TestWaitsThatEndAreNoDeadlock(t *testing.T) {
	bubble(t, "a chain without an end in itself", func(t *testing.T) {
		const length = 25

		parts := make([]*part, length)
		for i := range parts {
			parts[i] = &part{name: name(i)}
		}

		s := play(t, parts...)

		var link func(i int) job

		link = func(i int) job {
			return func(ctx *actors.Context[job]) error {
				if i == length {
					return nil
				}

				_, err := ask(ctx, s.refs[name(i)], func(ctx *actors.Context[job], r actors.Reply[string]) error {
					err := link(i + 1)(ctx)
					_ = r.Send("")

					return err
				})

				return err
			}
		}

		perform(t, s.refs[name(0)], link(1))
		assert.Empty(t, s.letters())
	})

	bubble(t, "a goroutine of the asked actor answers while the actor asks back", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})
		done := make(results, 2)
		held, release := hold()

		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, err := ask(ctx, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
				require.NoError(t, ctx.Go(func(context.Context) error { _ = held(nil); return r.Send("") }))
				done <- asks(ctx, s.refs["a"])

				return nil
			})
			done <- err

			return nil
		})
		synctest.Wait()
		require.Empty(t, done)
		release()
		done.all(t, 2)
	})

	bubble(t, "an actor asks who has asked it, after it passed the question on", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"}, &part{name: "c"})
		done := make(results, 2)
		held, release := hold()

		tell(t, s.refs["c"], held)
		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, err := ask(ctx, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
				require.NoError(t, actors.Forward(ctx, s.refs["c"], r, func(r actors.Reply[string]) job {
					return func(ctx *actors.Context[job]) error { return answering(ctx, r) }
				}))
				done <- asks(ctx, s.refs["a"])

				return nil
			})
			done <- err

			return nil
		})
		synctest.Wait()
		require.Empty(t, done)
		release()
		done.all(t, 2)
	})

	bubble(t, "an asker that waits no longer", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})
		done := make(results, 1)
		held, release := hold()

		tell(t, s.refs["b"], func(ctx *actors.Context[job]) error {
			_ = held(ctx)
			done <- asks(ctx, s.refs["a"])

			return nil
		})
		perform(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			limited, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()

			require.ErrorIs(t, asks(limited, s.refs["b"]), context.DeadlineExceeded)

			return nil
		})
		release()
		done.all(t, 1)
	})

	bubble(t, "one whose context has ended, which does not begin", func(t *testing.T) {
		s := play(t, &part{})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			assert.ErrorIs(t, asks(ended, s.ref()), context.Canceled)

			return nil
		})
	})

	bubble(t, "a full mailbox that refuses", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Mailbox: small(mailbox.Reject)}})
		perform(t, s.ref(), func(ctx *actors.Context[job]) error {
			require.NoError(t, s.ref().TryTell(nothing))
			require.ErrorIs(t, asks(ctx, s.ref()), mailbox.ErrFull)
			require.ErrorIs(t, tells(ctx, s.ref()), mailbox.ErrFull)

			return nil
		})
	})

	bubble(t, "an actor that failed on the question", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})
		perform(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, err := ask(ctx, s.refs["b"], func(*actors.Context[job], actors.Reply[string]) error { return errTest })
			require.ErrorIs(t, err, errTest)

			return nil
		})
		perform(t, s.refs["b"], func(ctx *actors.Context[job]) error { return asks(ctx, s.refs["a"]) })
	})
}

func TestAnAbandonedIncarnationThatWaitsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *stage

		done := make(results, 2)
		held, release := hold()
		s = play(t, &part{name: "a"}, &part{
			name: "b", spec: supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Second}},
			close: func(ctx context.Context) error {
				if ctx.Err() == nil && len(done) == 0 {
					done <- asks(context.WithoutCancel(ctx), s.refs["a"])
				}

				return nil
			},
		})

		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_ = held(ctx)
			done <- asks(ctx, s.refs["b"])

			return nil
		})
		tell(t, s.refs["b"], fail)
		assert.Equal(t, uint64(2), incarnation(t, s.refs["b"]))
		require.Empty(t, done, "the first incarnation still waits for a")
		release()
		done.all(t, 2)
	})
}

func TestATurnOnASendersGoroutineHoldsUpTheSender(t *testing.T) {
	synchronous := supervision.Spec{Mailbox: &mailbox.Options{Capacity: 8, Dispatch: mailbox.Synchronous}}

	bubble(t, "which is waited for", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"}, &part{name: "s", spec: synchronous})
		held, release := hold()

		var err error

		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			return s.refs["s"].Tell(ctx, func(inner *actors.Context[job]) error {
				_, err = ask(inner, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
					_ = held(ctx)

					return r.Fail(asks(ctx, s.refs["a"]))
				})

				return nil
			})
		})
		synctest.Wait() // s waits for b: who is the last to wait is told
		release()
		synctest.Wait()
		require.EqualError(t, err, "deadlock: /stage/b asks /stage/a, which runs a turn of /stage/s, which asks /stage/b")
	})

	bubble(t, "which asks the sender", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "s", spec: synchronous})

		var err error

		perform(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			return s.refs["s"].Tell(ctx, func(inner *actors.Context[job]) error {
				err = asks(inner, s.refs["a"])

				return nil
			})
		})
		require.EqualError(t, err, "deadlock: /stage/s asks /stage/a, which runs a turn of /stage/s")
	})

	bubble(t, "but nobody else", func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "s", spec: synchronous})
		done := make(results, 1)

		perform(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			return ctx.Go(func(context.Context) error {
				return s.refs["s"].Tell(ctx, func(inner *actors.Context[job]) error {
					done <- asks(inner, s.refs["a"])

					return nil
				})
			})
		})
		done.all(t, 1)
	})
}
