package actors_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// answerer is what an actor does with a question.
type answerer func(ctx *actors.Context[job], r actors.Reply[string]) error

func ask(ctx context.Context, ref actors.Ref[job], a answerer) (string, error) {
	return actors.Ask(ctx, ref, func(r actors.Reply[string]) job {
		return func(ctx *actors.Context[job]) error { return a(ctx, r) }
	})
}

// asked is an ask on a goroutine of its own.
type asked struct {
	value string
	err   error
	over  bool
	took  time.Duration
}

func asking(ctx context.Context, ref actors.Ref[job], a answerer) *asked {
	q := &asked{}
	began := time.Now()

	go func() {
		q.value, q.err = ask(ctx, ref, a)
		q.took, q.over = time.Since(began), true
	}()
	synctest.Wait()

	return q
}

// keep is an actor that forgets to answer, or means to do so later.
func keep(*actors.Context[job], actors.Reply[string]) error { return nil }

func TestAsk(t *testing.T) {
	bubble(t, "returns what the target replies", func(t *testing.T) {
		s := play(t, &part{})
		got, err := ask(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			return r.Send("answer")
		})
		require.NoError(t, err)
		assert.Equal(t, "answer", got)
	})

	bubble(t, "returns the error the target replies with", func(t *testing.T) {
		s := play(t, &part{})
		got, err := ask(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			return r.Fail(errTest)
		})
		require.ErrorIs(t, err, errTest)
		assert.Empty(t, got)
	})

	bubble(t, "returns an error also if the target replies with a nil one", func(t *testing.T) {
		s := play(t, &part{})
		got, err := ask(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			return r.Fail(nil)
		})
		require.ErrorIs(t, err, actors.ErrNoCause)
		assert.Empty(t, got)
	})

	bubble(t, "takes the first reply, and every later one is ErrReplied", func(t *testing.T) {
		s := play(t, &part{})

		var later []error

		got, err := ask(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			first := r.Send("first")
			later = []error{first, r.Send("second"), r.Fail(errTest)}

			return errTest // and failing afterwards changes nothing
		})
		synctest.Wait()
		require.NoError(t, err)
		assert.Equal(t, "first", got)
		require.NoError(t, later[0])
		require.ErrorIs(t, later[1], actors.ErrReplied)
		require.ErrorIs(t, later[2], actors.ErrReplied)
	})

	bubble(t, "can be answered later, by anybody who has the reply", func(t *testing.T) {
		s := play(t, &part{})

		var kept actors.Reply[string]

		q := asking(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			kept = r

			return nil
		})
		perform(t, s.ref(), nothing)
		assert.False(t, q.over)
		require.NoError(t, kept.Send("late"))
		synctest.Wait()
		assert.Equal(t, "late", q.value)
	})

	bubble(t, "ends with its context, at that instant, and a reply that comes later is dropped", func(t *testing.T) {
		s := play(t, &part{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		var kept actors.Reply[string]

		q := asking(ctx, s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			kept = r

			return nil
		})
		<-ctx.Done()
		synctest.Wait()
		require.ErrorIs(t, q.err, context.DeadlineExceeded)
		require.ErrorContains(t, q.err, s.ref().Path()+": ")
		assert.Equal(t, time.Second, q.took)
		require.NoError(t, kept.Send("too late"))
		require.ErrorIs(t, kept.Send("twice"), actors.ErrReplied)
	})

	bubble(t, "sends nothing under an ended or nil context, to no actor, or without a message", func(t *testing.T) {
		s := play(t, &part{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		_, err := ask(ctx, s.ref(), keep)
		require.ErrorIs(t, err, context.Canceled)
		_, err = ask(nil, s.ref(), keep) //nolint:staticcheck // the case in hand
		require.ErrorIs(t, err, mailbox.ErrNilContext)
		_, err = ask(t.Context(), actors.Ref[job]{}, keep)
		require.ErrorIs(t, err, actors.ErrNoRef)
		_, err = actors.Ask[string](t.Context(), s.ref(), nil)
		require.ErrorIs(t, err, actors.ErrNilFunc)
		assert.Zero(t, s.stop(t).Total.Accepted)
	})

	bubble(t, "of a full mailbox waits for room under its context, or is refused", func(t *testing.T) {
		for _, policy := range []mailbox.Overflow{mailbox.Block, mailbox.Reject} {
			s := play(t, &part{spec: supervision.Spec{Mailbox: small(policy)}})
			held, release := hold()
			tell(t, s.ref(), held)
			synctest.Wait()
			tell(t, s.ref(), nothing)

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := ask(ctx, s.ref(), keep)

			cancel()

			if policy == mailbox.Block {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.ErrorIs(t, err, mailbox.ErrFull)
			}

			release()
			s.stop(t)
		}
	})

	t.Run("a reply and the end of the context at the same instant leave one of the two", func(t *testing.T) {
		s := play(t, &part{})

		for range 3000 {
			ctx, cancel := context.WithCancel(t.Context())

			var replied error

			asked := make(chan struct{})
			got, err := ask(ctx, s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
				defer close(asked)
				cancel()

				replied = r.Send("answer")

				return nil
			})
			cancel()

			if err == nil {
				assert.Equal(t, "answer", got)
			} else {
				require.ErrorIs(t, err, context.Canceled)
				assert.Empty(t, got)
				<-asked
				require.NoError(t, replied, "nobody waits for it, and it is dropped")
			}
		}
	})
}

func TestReplyToNoOne(t *testing.T) {
	var r actors.Reply[int]
	require.ErrorIs(t, r.Send(1), actors.ErrNoReply)
	require.ErrorIs(t, r.Fail(errTest), actors.ErrNoReply)
}

// An asker learns at once when no answer can come any more: no virtual time passes.
func TestAskDoesNotSitOutItsDeadline(t *testing.T) {
	// lost checks what the asker was told, and when.
	lost := func(t *testing.T, q *asked, after time.Duration, cause error) {
		t.Helper()
		synctest.Wait()
		require.True(t, q.over, "the asker still waits")
		require.ErrorIs(t, q.err, cause)
		assert.Empty(t, q.value)
		assert.Equal(t, after, q.took)

		var told *mailbox.SendError
		require.ErrorAs(t, q.err, &told)
		assert.Equal(t, "/stage/actor", told.Target)
	}

	for name, a := range map[string]answerer{
		"fails on the message":  func(*actors.Context[job], actors.Reply[string]) error { return errTest },
		"panics on the message": func(*actors.Context[job], actors.Reply[string]) error { panic(errTest) },
	} {
		bubble(t, "when the target "+name, func(t *testing.T) {
			lost(t, asking(t.Context(), play(t, &part{}).ref(), a), 0, errTest)
		})
		bubble(t, "when the target is resumed after it "+name, func(t *testing.T) {
			s := play(t, &part{spec: supervision.Spec{
				Decide: func(error) supervision.Directive { return supervision.ResumeChild },
			}})
			lost(t, asking(t.Context(), s.ref(), a), 0, errTest)
		})
	}

	bubble(t, "when the target loses its state, and the question in it, in a restart", func(t *testing.T) {
		s := play(t, &part{})
		first, second := asking(t.Context(), s.ref(), keep), asking(t.Context(), s.ref(), keep)
		assert.False(t, first.over || second.over)
		tell(t, s.ref(), fail)
		lost(t, first, 0, errTest)
		lost(t, second, 0, errTest)
	})

	bubble(t, "but one whose question is still queued at a restart is answered by the next life", func(t *testing.T) {
		s := play(t, &part{})
		held, release := hold()
		tell(t, s.ref(), held, fail)

		q := asking(t.Context(), s.ref(), func(ctx *actors.Context[job], r actors.Reply[string]) error {
			assert.Equal(t, uint64(2), ctx.Incarnation())

			return r.Send("answer")
		})
		assert.False(t, q.over)
		release()
		synctest.Wait()
		require.NoError(t, q.err)
		assert.Equal(t, "answer", q.value)
	})

	bubble(t, "when the target stops, whether it has the question or not", func(t *testing.T) {
		s := play(t, &part{})
		kept := asking(t.Context(), s.ref(), keep)
		held, release := hold()
		tell(t, s.ref(), held, halt)
		queued := asking(t.Context(), s.ref(), keep)
		assert.False(t, kept.over || queued.over)
		release()
		lost(t, kept, 0, mailbox.ErrStopped)
		lost(t, queued, 0, mailbox.ErrStopped)
	})

	bubble(t, "when the system stops and the target has forgotten the question", func(t *testing.T) {
		s := play(t, &part{})
		q := asking(t.Context(), s.ref(), keep)
		s.stop(t)
		lost(t, q, 0, mailbox.ErrStopped)
	})

	bubble(t, "when the question is dead-lettered at a deadline, or its holder abandoned", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})
		kept := asking(t.Context(), s.ref(), keep)
		held, release := hold() // does not look at its context

		inHand := asking(t.Context(), s.ref(), func(ctx *actors.Context[job], _ actors.Reply[string]) error {
			return held(ctx)
		})
		queued := asking(t.Context(), s.ref(), keep)

		s.Stop()
		<-s.Done()

		var late *supervision.DeadlineError

		for _, q := range []*asked{kept, inHand, queued} {
			synctest.Wait()
			require.True(t, q.over, "the asker still waits")
			assert.Equal(t, time.Second, q.took, "it is abandoned when the drain's time is over")
		}

		require.ErrorAs(t, kept.err, &late)
		require.ErrorAs(t, inHand.err, &late)
		require.Error(t, queued.err)
		assert.Equal(t, uint64(1), s.Report().Total.DeadLettered[mailbox.Deadline])
		assert.Equal(t, uint64(1), s.Report().Total.DeadLettered[mailbox.Abandoned])
		release()
	})

	bubble(t, "when the drain's time is over and the target returns", func(t *testing.T) {
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})
		tell(t, s.ref(), func(ctx *actors.Context[job]) error { <-ctx.Done(); return nil })

		q := asking(t.Context(), s.ref(), keep)
		s.stop(t)
		synctest.Wait()
		require.Error(t, q.err)
		assert.Equal(t, 900*time.Millisecond, q.took)
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Deadline: 1}, s.Report().Total.DeadLettered)
	})
}

func TestForward(t *testing.T) {
	// pass makes an actor hand the question on to another.
	pass := func(to actors.Ref[job], a answerer, result *error) answerer {
		return func(ctx *actors.Context[job], r actors.Reply[string]) error {
			*result = actors.Forward(ctx, to, r, func(r actors.Reply[string]) job {
				return func(ctx *actors.Context[job]) error { return a(ctx, r) }
			})

			return nil
		}
	}

	two := func(t *testing.T) (front, back actors.Ref[job]) {
		t.Helper()

		s := play(t, &part{name: "front"}, &part{name: "back", spec: supervision.Spec{Mailbox: small(mailbox.Reject)}})

		return s.refs["front"], s.refs["back"]
	}

	bubble(t, "the other actor answers the asker", func(t *testing.T) {
		front, back := two(t)

		var forwarded error

		q := asking(t.Context(), front, pass(back, func(_ *actors.Context[job], r actors.Reply[string]) error {
			return r.Send("from behind")
		}, &forwarded))
		require.NoError(t, forwarded)
		require.NoError(t, q.err)
		assert.Equal(t, "from behind", q.value)
	})

	bubble(t, "the asker depends on the other actor, and on the first no more", func(t *testing.T) {
		front, back := two(t)

		var forwarded error

		q := asking(t.Context(), front, pass(back, keep, &forwarded))
		tell(t, front, fail)
		synctest.Wait()
		assert.False(t, q.over)
		tell(t, back, fail)
		synctest.Wait()
		require.ErrorIs(t, q.err, errTest)

		var told *mailbox.SendError
		require.ErrorAs(t, q.err, &told)
		assert.Equal(t, "/stage/back", told.Target)
		assert.Zero(t, q.took)
	})

	bubble(t, "one that is refused leaves the duty where it was", func(t *testing.T) {
		front, back := two(t)
		held, release := hold()
		tell(t, back, held)
		synctest.Wait()
		tell(t, back, nothing)

		var forwarded error

		q := asking(t.Context(), front, pass(back, keep, &forwarded))
		require.ErrorIs(t, forwarded, mailbox.ErrFull)
		assert.False(t, q.over)
		tell(t, front, fail)
		synctest.Wait()
		require.ErrorIs(t, q.err, errTest)
		release()
	})

	bubble(t, "a reply that nobody waits for cannot be handed on, and a message is needed", func(t *testing.T) {
		front, back := two(t)
		build := func(actors.Reply[string]) job { return nothing }
		require.ErrorIs(t, actors.Forward(t.Context(), back, actors.Reply[string]{}, build), actors.ErrNoReply)

		var nilFunc, noRef error

		q := asking(t.Context(), front, func(ctx *actors.Context[job], r actors.Reply[string]) error {
			nilFunc = actors.Forward[string](ctx, back, r, nil)
			noRef = actors.Forward(ctx, actors.Ref[job]{}, r, build)

			return r.Send("answered here")
		})
		require.ErrorIs(t, nilFunc, actors.ErrNilFunc)
		require.ErrorIs(t, noRef, actors.ErrNoRef)
		assert.Equal(t, "answered here", q.value)
	})
}

// Many askers at once, of an actor that answers, fails and forgets: every asker gets its own answer.
func TestManyAskers(t *testing.T) {
	const askers, each = 8, 500

	s := play(t, &part{spec: supervision.Spec{
		Decide: func(error) supervision.Directive { return supervision.ResumeChild },
	}})

	var wg sync.WaitGroup
	for a := range askers {
		wg.Go(func() {
			for n := range each {
				got, err := actors.Ask(t.Context(), s.ref(), func(r actors.Reply[[2]int]) job {
					return func(*actors.Context[job]) error {
						if n%5 == 0 {
							return errTest
						}

						return r.Send([2]int{a, n})
					}
				})

				switch {
				case n%5 == 0:
					if !errors.Is(err, errTest) {
						t.Errorf("asker %d, question %d: %v", a, n, err)
					}
				case err != nil || got != [2]int{a, n}:
					t.Errorf("asker %d, question %d: %v, %v", a, n, got, err)
				}
			}
		})
	}
	wg.Wait()
}
