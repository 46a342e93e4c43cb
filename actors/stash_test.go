package actors_test

import (
	"context"
	"fmt"
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

// door puts the jobs it opens to aside while it is shut.
type door struct {
	diary

	shut bool
}

// job returns one that is put aside while the door is shut, and else noted.
func (d *door) job(name string) job {
	return func(ctx *actors.Context[job]) error {
		if d.shut {
			return ctx.Stash()
		}

		d.note(name)

		return nil
	}
}

// open opens the door and brings back what was put aside.
func (d *door) open(ctx *actors.Context[job]) error {
	d.shut = false
	d.note(fmt.Sprintf("open, %d back", ctx.Unstash()))

	return nil
}

// stats returns what the only actor has counted.
func (s *stage) stats() mailbox.Stats { return s.Stats()[0].Stats }

func TestStash(t *testing.T) {
	bubble(t, "what is put aside comes back in order, before what waits", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})
		h, release := hold()

		tell(t, s.ref(), d.job("1"), d.job("2"), d.job("3"), h)
		synctest.Wait()
		assert.Equal(t, uint64(3), s.stats().Stashed)

		tell(t, s.ref(), d.open, d.job("4"))
		release()
		synctest.Wait()
		assert.Equal(t, []string{"open, 3 back", "1", "2", "3", "4"}, d.read())
		assert.Zero(t, s.stats().Stashed)
	})

	bubble(t, "it survives a restart, and nothing comes back by itself", func(t *testing.T) {
		d := &door{shut: true}
		p := &part{}
		s := play(t, p)

		tell(t, s.ref(), d.job("1"), fail, d.job("2"))
		synctest.Wait()
		assert.Equal(t, uint64(2), s.stats().Stashed)

		d.shut = false
		p.start = func(ctx *actors.Context[job]) error { return d.open(ctx) }

		tell(t, s.ref(), fail, d.job("3"))
		synctest.Wait()
		assert.Equal(t, []string{"open, 2 back", "1", "2", "3"}, d.read())
	})

	bubble(t, "a full stash is an error, and the message stays in hand", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{spec: supervision.Spec{Stash: 2}})
		errs := make(chan error, 1)

		tell(t, s.ref(), d.job("1"), d.job("2"), func(ctx *actors.Context[job]) error {
			errs <- ctx.Stash()

			assert.Equal(t, 1, ctx.Attempt())

			return nil
		})

		var full *mailbox.StashFullError

		require.ErrorAs(t, <-errs, &full)
		assert.Equal(t, mailbox.StashFullError{Target: "/stage/actor", Capacity: 2}, *full)
		synctest.Wait()
		assert.Equal(t, uint64(1), s.stats().Processed)
	})

	bubble(t, "an actor that fails after all keeps the message in the stash, counted once", func(t *testing.T) {
		runs := 0
		s := play(t, &part{spec: supervision.Spec{Redeliver: 3}})

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			runs++
			if runs > 1 {
				return nil
			}

			require.NoError(t, ctx.Stash())
			assert.Equal(t, uint64(1), s.stats().Stashed)
			assert.Zero(t, ctx.Attempt())
			panic("at the disco")
		})
		synctest.Wait()
		assert.Equal(t, uint64(2), s.current(t).Incarnation)
		assert.Equal(t, mailbox.Stats{Accepted: 1, Stashed: 1}, s.stats())
		assert.Empty(t, s.letters())
	})

	bubble(t, "at a stop it is brought back once, and what is put aside again is dead", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})

		tell(t, s.ref(), d.job("1"), func(ctx *actors.Context[job]) error {
			d.note("again")

			return ctx.Stash()
		}, nothing, d.job("2"))
		synctest.Wait()
		d.shut = false

		r := s.stop(t)
		assert.Equal(t, []string{"again", "1", "again", "2"}, d.read())
		assert.Equal(t, []system.Letter{{
			Target: "/stage/actor", Reason: mailbox.Stopped, Cause: mailbox.ErrStopped,
		}}, s.letters())
		assert.Equal(t, uint64(1), r.DeadLetters[mailbox.Stopped])
	})

	bubble(t, "an actor that fails while it drains comes back for its stash", func(t *testing.T) {
		d := &diary{}
		s := play(t, &part{})
		turns := map[string]int{}

		visit := func(name string, then ...job) job {
			return func(ctx *actors.Context[job]) error {
				d.note(fmt.Sprint(name, ctx.Incarnation()))
				turns[name]++

				return then[turns[name]-1](ctx)
			}
		}
		aside := func(ctx *actors.Context[job]) error { return ctx.Stash() }

		twice := []job{aside, aside, nothing}

		tell(t, s.ref(), visit("a", twice...), visit("b", aside, fail))
		synctest.Wait()
		s.stop(t)
		assert.Equal(t, []string{"a1", "b1", "a1", "b1", "a2"}, d.read())
	})

	bubble(t, "a drain that is cut counts it as lost", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})

		tell(t, s.ref(), d.job("1"), func(ctx *actors.Context[job]) error {
			<-ctx.Done()
			require.ErrorIs(t, ctx.Stash(), actors.ErrNotRunning)
			assert.Zero(t, ctx.Unstash())

			return ctx.Err()
		})

		r := s.stop(t)
		assert.Equal(t, uint64(2), r.DeadLetters[mailbox.Deadline])
	})

	bubble(t, "an actor that stops by itself leaves it to the dead letters", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})

		tell(t, s.ref(), d.job("1"), halt)
		synctest.Wait()
		assert.Len(t, s.letters(), 1)
		assert.Equal(t, mailbox.Stopped, s.letters()[0].Reason)
	})
}

// current returns the health of the only actor.
func (s *stage) current(t *testing.T) *system.NodeHealth {
	t.Helper()

	h, ok := s.Health(t.Context()).Find("/stage/actor")
	require.True(t, ok)

	return h
}

func TestStashAskers(t *testing.T) {
	ask := func(t *testing.T, s *stage, m func(r actors.Reply[string]) job) <-chan error {
		told := make(chan error, 1)

		go func() {
			_, err := actors.Ask(t.Context(), s.ref(), m)
			told <- err
		}()
		synctest.Wait()

		return told
	}
	aside := func(d *door) func(r actors.Reply[string]) job {
		return func(r actors.Reply[string]) job {
			return func(ctx *actors.Context[job]) error {
				if d.shut {
					return ctx.Stash()
				}

				return r.Send("late")
			}
		}
	}

	bubble(t, "an asker waits while its message is in the stash, across a restart", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})
		told := ask(t, s, aside(d))

		tell(t, s.ref(), fail)
		synctest.Wait()
		assert.Empty(t, told)
		tell(t, s.ref(), d.open)
		require.NoError(t, <-told)
	})

	bubble(t, "it learns of a dead letter at once", func(t *testing.T) {
		d := &door{shut: true}
		s := play(t, &part{})
		told := ask(t, s, aside(d))

		tell(t, s.ref(), halt)
		require.ErrorIs(t, <-told, mailbox.ErrStopped)
	})

	bubble(t, "one whose message was brought back and kept for later learns of the restart", func(t *testing.T) {
		s := play(t, &part{})
		first := true

		told := ask(t, s, func(actors.Reply[string]) job {
			return func(ctx *actors.Context[job]) error {
				if first {
					first = false

					return ctx.Stash()
				}

				return nil // it will be answered later
			}
		})

		tell(t, s.ref(), func(ctx *actors.Context[job]) error { ctx.Unstash(); return nil })
		synctest.Wait()
		assert.Empty(t, told)
		tell(t, s.ref(), fail)
		require.ErrorIs(t, <-told, errTest)
	})
}

func TestStashMisused(t *testing.T) {
	bubble(t, "by another actor that was given the context, whatever it handles: an error without effect",
		func(t *testing.T) {
			inline := &mailbox.Options{Capacity: 1, Dispatch: mailbox.Synchronous}
			s := play(t, &part{}, &part{name: "other"}, &part{name: "inner", spec: supervision.Spec{Mailbox: inline}})

			perform(t, s.ref(), func(ctx *actors.Context[job]) error {
				refused := func(*actors.Context[job]) error {
					err := ctx.Stash()
					require.ErrorIs(t, err, actors.ErrNotInHand)
					require.ErrorContains(t, err, "/stage/actor: stash: ")

					return nil
				}

				perform(t, s.refs["other"], refused)
				perform(t, s.refs["inner"], refused) // on this very goroutine, but its own message is in hand there

				assert.Equal(t, 1, ctx.Attempt(), "the message in hand is as it was")

				return nil
			})
			perform(t, s.refs["inner"], func(ctx *actors.Context[job]) error {
				require.NoError(t, ctx.Stash(), "but an actor that a sender runs can")
				assert.Equal(t, 1, ctx.Unstash())

				return nil
			})
			s.stop(t)
		})

	bubble(t, "twice for one message, in a hook, on another goroutine: an error without effect", func(t *testing.T) {
		errs := make(map[string]error)
		p := &part{start: func(ctx *actors.Context[job]) error {
			errs["start"] = ctx.Stash()

			return nil
		}}
		s := play(t, p)

		var kept *actors.Context[job]

		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			kept = ctx
			done := make(chan struct{})

			require.NoError(t, ctx.Go(func(context.Context) error {
				defer close(done)

				errs["owned"] = ctx.Stash()

				return nil
			}))
			<-done

			done = make(chan struct{})

			go func() { defer close(done); errs["other"] = ctx.Stash() }()
			<-done

			return nil
		}, func(ctx *actors.Context[job]) error {
			errs["none"] = ctx.Stash()
			errs["twice"] = ctx.Stash()

			return nil
		})
		synctest.Wait()

		errs["outside"] = kept.Stash()

		assert.Equal(t, uint64(1), s.stats().Stashed)
		require.NoError(t, errs["none"])
		delete(errs, "none")

		for name, err := range errs {
			require.ErrorIs(t, err, actors.ErrNotInHand, name)
			require.EqualError(t, err, "/stage/actor: stash: no message in hand", name)
		}

		assert.Len(t, errs, 5)
		assert.Zero(t, kept.Attempt())

		tell(t, s.ref(), fail)
		synctest.Wait()
		require.ErrorIs(t, kept.Stash(), actors.ErrNotRunning)
		assert.Zero(t, kept.Unstash())
		assert.Zero(t, kept.Attempt())
		assert.Equal(t, uint64(1), s.stats().Stashed)
	})

	bubble(t, "an incarnation that ended does nothing to the message in hand of the next", func(t *testing.T) {
		s := play(t, &part{})
		h, release := hold()

		var kept *actors.Context[job]

		tell(t, s.ref(), func(ctx *actors.Context[job]) error { kept = ctx; return errTest }, h)
		synctest.Wait()
		tell(t, s.ref(), func(*actors.Context[job]) error { return kept.Stash() }) // fails, outside Receive's own incarnation
		require.ErrorIs(t, kept.Stash(), actors.ErrNotRunning)
		release()
		synctest.Wait()
		assert.Zero(t, s.stats().Stashed)
		assert.Equal(t, uint64(2), s.stats().Failed)
	})

	bubble(t, "an abandoned incarnation can put nothing aside and bring nothing back", func(t *testing.T) {
		d := &door{shut: true}
		hang, release := hold()
		errs := make(chan error, 1)
		back := make(chan int, 1)
		s := play(t, &part{spec: supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}}})

		tell(t, s.ref(), d.job("1"), func(ctx *actors.Context[job]) error {
			_ = hang(ctx)
			errs <- ctx.Stash()

			back <- ctx.Unstash()

			return nil
		})

		s.stop(t)
		release()
		require.ErrorIs(t, <-errs, actors.ErrAbandoned)
		assert.Zero(t, <-back)
	})

	t.Run("Receive is recognised however deep it calls", func(t *testing.T) {
		const most = 100

		s := play(t, &part{spec: supervision.Spec{Stash: most}})

		var deep func(ctx *actors.Context[job], n int) error

		deep = func(ctx *actors.Context[job], n int) error {
			if n > 0 {
				return deep(ctx, n-1)
			}

			return ctx.Stash()
		}

		for depth := range most {
			first := true

			tell(t, s.ref(), func(ctx *actors.Context[job]) error {
				if !first {
					return nil
				}

				first = false

				return deep(ctx, depth)
			})
		}

		perform(t, s.ref(), nothing)
		assert.Equal(t, uint64(most), s.stats().Stashed)
	})
}

// TestAnActorComesToRestWhileItsGoroutinesAskForTheStash is not in virtual time, where a deadlock of two mutexes would
// not be one: who waits for a mutex is taken for busy.
func TestAnActorComesToRestWhileItsGoroutinesAskForTheStash(t *testing.T) {
	asks := func(ctx *actors.Context[job]) error {
		return ctx.Go(func(context.Context) error {
			for range 200 {
				ctx.Unstash()
				ctx.Attempt()
			}

			return nil
		})
	}
	ended := make(chan error, 1)
	ctx := t.Context()

	go func() {
		for range 40 {
			var parts []*part

			for i := range 100 {
				parts = append(parts, &part{name: strconv.Itoa(i), start: asks})
			}

			s, err := try(parts...)
			if err == nil {
				_, err = s.Shutdown(ctx)
			}

			if err != nil {
				ended <- err

				return
			}
		}

		close(ended)
	}()

	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(2 * time.Minute):
		t.Fatal("they wait for each other")
	}
}
