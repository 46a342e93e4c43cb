package actors_test

import (
	"context"
	"errors"
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

// op is a way to wait for another actor.
type op func(ctx context.Context, to actors.Ref[job]) error

func answering(_ *actors.Context[job], r actors.Reply[string]) error { return r.Send("answer") }

func asks(ctx context.Context, to actors.Ref[job]) error {
	_, err := ask(ctx, to, answering)

	return err
}

func tells(ctx context.Context, to actors.Ref[job]) error { return to.Tell(ctx, nothing) }

func tellsControl(ctx context.Context, to actors.Ref[job]) error { return to.TellControl(ctx, nothing) }

// waitsOf returns the waits of a ring.
func waitsOf(ops ...string) (all []actors.Wait) {
	for i, o := range ops {
		w := actors.Wait{Path: "/stage/" + name(i), For: actors.WaitRoom}
		if o == "ask" {
			w.For = actors.WaitAnswer
		}

		all = append(all, w)
	}

	return all
}

func name(i int) string { return string(rune('a' + i)) }

func operation(name string) op {
	return map[string]op{"ask": asks, "tell": tells, "control": tellsControl}[name]
}

// ring is actors that each are in the middle of a message, with a full mailbox if the one before is to wait for room
// there. To let one go is to have it wait for the next.
type ring struct {
	*stage

	ops  []string
	gate []chan struct{}
	err  []error
	over []bool
}

func newRing(t *testing.T, d mailbox.Dispatch, ops ...string) *ring {
	t.Helper()

	r := &ring{
		ops: ops, gate: make([]chan struct{}, len(ops)), err: make([]error, len(ops)), over: make([]bool, len(ops)),
	}
	parts := make([]*part, len(ops))

	for i := range ops {
		parts[i] = &part{name: name(i), spec: supervision.Spec{
			Mailbox: &mailbox.Options{Capacity: 1, Control: 1, Dispatch: d},
		}}
	}

	r.stage = play(t, parts...)

	for i, o := range ops {
		r.gate[i] = make(chan struct{})
		next := r.refs[name((i+1)%len(ops))]

		go func() { // with the dispatch Synchronous it is the turn
			_ = r.refs[name(i)].Tell(t.Context(), func(ctx *actors.Context[job]) error {
				<-r.gate[i]

				r.err[i] = operation(o)(ctx, next)
				r.over[i] = true

				return nil
			})
		}()
	}

	synctest.Wait()

	for i, o := range ops {
		next := r.refs[name((i+1)%len(ops))]

		switch o {
		case "tell":
			require.NoError(t, next.TryTell(nothing))
		case "control":
			require.NoError(t, next.TryTellControl(nothing))
		}
	}

	return r
}

// turn lets one actor go on until it waits.
func (r *ring) turn(i int) {
	close(r.gate[i])
	synctest.Wait()
}

func TestWhoWouldWaitForItselfGetsADeadlockError(t *testing.T) {
	rings := [][]string{
		{"ask"},
		{"tell"},
		{"control"},
		{"ask", "ask"},
		{"tell", "tell"},
		{"ask", "tell"},
		{"tell", "control"},
		{"control", "control", "control"},
		{"ask", "tell", "control"},
		{"tell", "ask", "ask"},
		{"ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask"},
		{"tell", "tell", "tell", "tell", "tell", "tell", "tell", "tell"},
		{"ask", "tell", "ask", "control", "ask", "tell", "tell", "ask"},
		{"ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask", "ask"},
	}

	for _, d := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned, mailbox.Synchronous} {
		for _, ops := range rings {
			bubble(t, fmt.Sprintf("%v, %v", d, ops), func(t *testing.T) {
				r := newRing(t, d, ops...)
				last := len(ops) - 1

				for i := range last {
					r.turn(i)
					assert.False(t, r.over[i], "%v waits", name(i))
				}

				r.turn(last)

				var deadlock *actors.DeadlockError

				require.ErrorAs(t, r.err[last], &deadlock)

				want := waitsOf(ops...)
				assert.Equal(t, append(want[last:], want[:last]...), deadlock.Cycle)

				for i := range last {
					assert.True(t, r.over[i])
					require.NoError(t, r.err[i], "the others go on")
				}

				report := r.stop(t)
				assert.Empty(t, r.letters())
				assert.Zero(t, report.Total.Failed)
			})

			bubble(t, fmt.Sprintf("%v, %v, all at once: exactly one is told", d, ops), func(t *testing.T) {
				r := newRing(t, d, ops...)
				for _, g := range r.gate {
					close(g)
				}

				synctest.Wait()

				told := 0

				for i, err := range r.err {
					assert.True(t, r.over[i])

					if err != nil {
						told++

						require.ErrorAs(t, err, new(*actors.DeadlockError))
					}
				}

				assert.Equal(t, 1, told)
			})
		}
	}
}

func TestTheErrorNamesTheCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, mailbox.OnDemand, "ask", "tell", "control")
		for i := range r.ops {
			r.turn(i)
		}

		require.EqualError(t, r.err[2], "deadlock: /stage/c waits for room in /stage/a, which asks /stage/b, "+
			"which waits for room in /stage/c")
	})
	assert.Equal(t, "WaitFor(0)", actors.WaitFor(0).String())
}

func TestADeadlockErrorIsAnOrdinaryFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, &part{})

		_, err := ask(t.Context(), s.ref(), func(ctx *actors.Context[job], _ actors.Reply[string]) error {
			return fmt.Errorf("on the way: %w", asks(ctx, s.ref()))
		})

		var deadlock *actors.DeadlockError

		require.ErrorAs(t, err, &deadlock)
		require.EqualError(t, err, "/stage/actor: on the way: deadlock: /stage/actor asks /stage/actor")
		synctest.Wait() // the answer comes before the dead letter

		require.Len(t, s.letters(), 1, "the message failed, and what it asked was not sent")
		assert.Equal(t, mailbox.Failed, s.letters()[0].Reason)
		require.ErrorAs(t, s.letters()[0].Cause, &deadlock)
		perform(t, s.ref(), nothing)
		assert.EqualValues(t, 2, s.stop(t).Total.Accepted)
	})
}

func TestADeadlockIsFoundUnderEveryContextOfTheActor(t *testing.T) {
	type key struct{}

	for name, derive := range map[string]func(ctx context.Context, t *testing.T) context.Context{
		"with a deadline": func(ctx context.Context, t *testing.T) context.Context {
			t.Helper()

			derived, cancel := context.WithTimeout(ctx, time.Second)
			t.Cleanup(cancel)

			return derived
		},
		"without cancellation": func(ctx context.Context, _ *testing.T) context.Context {
			return context.WithoutCancel(ctx)
		},
		"with a value": func(ctx context.Context, _ *testing.T) context.Context {
			return context.WithValue(ctx, key{}, 1)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			s := play(t, &part{})
			perform(t, s.ref(), func(ctx *actors.Context[job]) error {
				assert.ErrorAs(t, asks(derive(ctx, t), s.ref()), new(*actors.DeadlockError))

				return nil
			})
		})
	}
}

func TestHooksThatWouldWaitForTheirActor(t *testing.T) {
	bubble(t, "Start", func(t *testing.T) {
		var (
			self actors.Ref[job]
			err  error
		)

		s := play(t, &part{start: func(ctx *actors.Context[job]) error {
			err = asks(ctx, ctx.Self())

			return nil
		}})
		self = s.ref()

		require.ErrorAs(t, err, new(*actors.DeadlockError))
		perform(t, self, nothing)
	})

	bubble(t, "Close of an instance that failed, which would wait for its successor", func(t *testing.T) {
		var (
			s   *stage
			err error
		)

		s = play(t, &part{close: func(ctx context.Context) error {
			if err == nil {
				err = asks(ctx, s.ref())
			}

			return nil
		}})
		tell(t, s.ref(), fail)
		synctest.Wait()
		require.ErrorAs(t, err, new(*actors.DeadlockError))
		perform(t, s.ref(), nothing)
	})

	bubble(t, "Flush, when the actor takes nothing any more, learns that", func(t *testing.T) {
		var (
			ref actors.Ref[job]
			err error
		)

		s := play(t, &part{
			start: func(ctx *actors.Context[job]) error { ref = ctx.Self(); return nil },
			flush: func(ctx context.Context) error { err = asks(ctx, ref); return nil },
		})
		s.stop(t)
		require.ErrorIs(t, err, mailbox.ErrStopping)
	})
}

func TestAForwardThatClosesACycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"}, &part{name: "c"})
		j, release := hold()

		var askErr, tellErr error

		// c waits for a, which waits for b, which hands the duty to c.
		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, askErr = ask(ctx, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
				_ = j(ctx)

				return actors.Forward(ctx, s.refs["c"], r, func(r actors.Reply[string]) job {
					return func(ctx *actors.Context[job]) error { return answering(ctx, r) }
				})
			})

			return nil
		})
		synctest.Wait()
		tell(t, s.refs["c"], func(ctx *actors.Context[job]) error {
			tellErr = asks(ctx, s.refs["a"])

			return nil
		})
		synctest.Wait()
		release()
		synctest.Wait()
		require.EqualError(t, askErr, "deadlock: /stage/a asks /stage/c, which asks /stage/a")
		require.NoError(t, tellErr)
		assert.Empty(t, s.letters())
	})
}

func TestTheEndOfAGoroutineThatClosesACycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, &part{name: "a"}, &part{name: "b"})
		done := make(chan struct{})

		var first, second error

		tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
			_, first = ask(ctx, s.refs["b"], func(ctx *actors.Context[job], _ actors.Reply[string]) error {
				err := ctx.Go(func(context.Context) error {
					<-done // and does not answer

					return nil
				})
				second = asks(ctx, s.refs["a"])

				return errors.Join(err, second)
			})

			return nil
		})
		synctest.Wait()
		require.NoError(t, first)
		close(done)
		synctest.Wait()
		require.EqualError(t, first, "deadlock: /stage/a asks /stage/b, which asks /stage/a")
		require.NoError(t, second)
	})
}

func TestAPipeThatIsDoneButForRoomHelpsNobody(t *testing.T) {
	for name, doneFirst := range map[string]bool{"done before the cycle is there": true, "and after": false} {
		bubble(t, name, func(t *testing.T) {
			s := play(t, &part{name: "a"}, &part{name: "b", spec: supervision.Spec{Mailbox: small(mailbox.Block)}})
			done, goOn := make(chan struct{}), make(chan struct{})

			var first, second error

			tell(t, s.refs["a"], func(ctx *actors.Context[job]) error {
				_, first = ask(ctx, s.refs["b"], func(ctx *actors.Context[job], r actors.Reply[string]) error {
					err := actors.Pipe(ctx, func(context.Context) (int, error) {
						<-done

						return 0, nil
					}, func(int, error) job { return nothing })
					err = errors.Join(err, ctx.Self().TryTell(nothing)) // there is no room for the result

					<-goOn

					second = asks(ctx, s.refs["a"])

					return errors.Join(err, r.Send(""))
				})

				return nil
			})
			synctest.Wait()

			for _, c := range map[bool][]chan struct{}{true: {done, goOn}, false: {goOn, done}}[doneFirst] {
				require.NoError(t, errors.Join(first, second))
				close(c)
				synctest.Wait()
			}

			if doneFirst {
				first, second = second, first
			}

			require.ErrorAs(t, first, new(*actors.DeadlockError))
			require.NoError(t, second)
			assert.Empty(t, s.letters())
		})
	}
}
