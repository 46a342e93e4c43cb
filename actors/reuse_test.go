package actors_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// What an ask was made of is used again for the next one. Nobody who still holds something of the first must notice.
func TestReuseOfAsks(t *testing.T) {
	// answered asks once and returns the reply port after it was answered.
	answered := func(t *testing.T, ref actors.Ref[job]) (old actors.Reply[string]) {
		t.Helper()

		got, err := ask(t.Context(), ref, func(_ *actors.Context[job], r actors.Reply[string]) error {
			old = r

			return r.Send("first")
		})
		require.NoError(t, err)
		require.Equal(t, "first", got)

		return old
	}

	bubble(t, "a reply to the first is a second reply, and no answer to the next", func(t *testing.T) {
		s := play(t, &part{})
		old := answered(t, s.ref())

		var current actors.Reply[string]

		q := asking(t.Context(), s.ref(), func(_ *actors.Context[job], r actors.Reply[string]) error {
			current = r

			return nil
		})
		require.ErrorIs(t, old.Send("stray"), actors.ErrReplied)
		require.ErrorIs(t, old.Fail(errTest), actors.ErrReplied)
		synctest.Wait()
		assert.False(t, q.over)
		require.NoError(t, current.Send("second"))
		synctest.Wait()
		assert.Equal(t, "second", q.value)
	})

	bubble(t, "the first cannot be forwarded any more", func(t *testing.T) {
		s := play(t, &part{})
		old := answered(t, s.ref())
		q := asking(t.Context(), s.ref(), keep)
		sent := false

		err := actors.Forward(t.Context(), s.ref(), old, func(actors.Reply[string]) job {
			return func(*actors.Context[job]) error {
				sent = true

				return errTest
			}
		})
		require.ErrorIs(t, err, actors.ErrReplied)
		synctest.Wait()
		assert.False(t, sent)
		assert.False(t, q.over, "the next ask does not depend on it")
		s.stop(t)
		synctest.Wait()
		require.ErrorIs(t, q.err, mailbox.ErrStopped)
	})

	bubble(t, "asks for different types of answers are kept apart", func(t *testing.T) {
		s := play(t, &part{})
		answered(t, s.ref())

		n, err := actors.Ask(t.Context(), s.ref(), func(r actors.Reply[int]) job {
			return func(*actors.Context[job]) error { return r.Send(7) }
		})
		require.NoError(t, err)
		assert.Equal(t, 7, n)
		answered(t, s.ref())
	})
}

// Asks that are cancelled, answered late or twice, forwarded, failed and forgotten, of the same actors: each asker gets
// its own answer or its own error.
func TestReuseUnderLoad(t *testing.T) {
	const askers, each = 8, 2000

	resume := supervision.Spec{Decide: func(error) supervision.Directive { return supervision.ResumeChild }}
	s := play(t, &part{name: "front", spec: resume}, &part{name: "back", spec: resume})
	front, back := s.refs["front"], s.refs["back"]

	// stray is an answer that nobody must get, but those who have cancelled and not noticed it yet.
	stray := [2]int{-1, -1}

	// late are replies that were answered or that nobody waits for any more.
	late := make(chan actors.Reply[[2]int], 64)

	keepLate := func(r actors.Reply[[2]int]) {
		select {
		case late <- r:
		default:
			_ = (<-late).Send(stray)
		}
	}

	// answer deals with question n.
	answer := func(ctx context.Context, r actors.Reply[[2]int], id [2]int, cancel func()) error {
		switch id[1] % 6 {
		case 0:
			cancel()
			keepLate(r)

			return nil
		case 1:
			return errTest
		case 2:
			return actors.Forward(ctx, back, r, func(r actors.Reply[[2]int]) job {
				return func(*actors.Context[job]) error { return r.Send(id) }
			})
		case 3:
			cancel() // at the same time as the answer

			fallthrough
		case 4:
			defer keepLate(r)

			return r.Send(id)
		default:
			return errors.Join(r.Send(id), errTest) // a failure afterwards
		}
	}

	var wg sync.WaitGroup
	for a := range askers {
		wg.Go(func() {
			for n := range each {
				id := [2]int{a, n}
				ctx, cancel := context.WithCancel(t.Context())

				got, err := actors.Ask(ctx, front, func(r actors.Reply[[2]int]) job {
					return func(ctx *actors.Context[job]) error { return answer(ctx, r, id, cancel) }
				})
				cancel()

				cancelled := errors.Is(err, context.Canceled) && (n%6 == 0 || n%6 == 3)
				failed := errors.Is(err, errTest) && n%6 == 1
				strayed := got == stray && n%6 == 0

				if !cancelled && !failed && !strayed && (err != nil || got != id) {
					t.Errorf("asker %d, question %d: %v, %v", a, n, got, err)
				}
			}
		})
	}
	wg.Wait()
}
