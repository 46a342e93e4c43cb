package system_test

import (
	"context"
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
	"github.com/troupe-go/troupe/system"
)

func resize(t *testing.T, s *system.System, p *taskPool, size int) {
	t.Helper()
	require.NoError(t, p.Resize(t.Context(), s.Intake(), size))
}

// members returns the paths of a pool's members.
func members(t *testing.T, s *system.System) (all []string) {
	t.Helper()

	for _, h := range health(t, s, "/test/pool").Children {
		all = append(all, h.Path)
	}

	return all
}

func TestResizeStartsAndDrainsMembers(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 2, Max: 5},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			resize(t, s, p, 5)
			assert.Equal(t, []string{"/test/pool/1", "/test/pool/2", "/test/pool/3", "/test/pool/4", "/test/pool/5"},
				members(t, s))
			resize(t, s, p, 5)

			for range 50 {
				require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
					<-time.After(time.Second)

					return nil
				}}))
			}

			began := time.Now()

			resize(t, s, p, 1)
			assert.Equal(t, 10*time.Second, time.Since(began), "those that go work off their queues, side by side")
			assert.Equal(t, []string{"/test/pool/1"}, members(t, s), "the last ones go first")
			require.NoError(t, ref.Tell(t.Context(), task{}))
			synctest.Wait()
			assert.Equal(t, map[string]uint64{"/test/pool/*": 40, "/test/pool/1": 11}, processed(s))
			resize(t, s, p, 2)
			assert.Equal(t, []string{"/test/pool/1", "/test/pool/6"}, members(t, s))
		})
}

func TestBadUseOfResize(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 2, Max: 5},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			for _, size := range []int{-1, 0, 6} {
				var spec *supervision.SpecError

				require.ErrorAs(t, p.Resize(t.Context(), s.Intake(), size), &spec)
				assert.Equal(t, "/test/pool", spec.Path)
				assert.Equal(t, "Size", spec.Field)
				assert.Contains(t, spec.Problem, "must be from 1 to 5")
			}

			err := p.Resize(nil, s.Intake(), 1) //nolint:staticcheck // on purpose
			require.ErrorIs(t, err, mailbox.ErrNilContext)
			require.EqualError(t, err, "/test/pool: Resize: nil context")
			require.ErrorIs(t, p.Resize(t.Context(), supervision.Deps{}, 1), actors.ErrNoRef)
			require.ErrorIs(t, (*taskPool)(nil).Resize(t.Context(), s.Intake(), 1), actors.ErrNoRef)
			require.ErrorIs(t, pool(supervision.PoolSpec[task]{Size: 1}).Resize(t.Context(), s.Intake(), 1), actors.ErrNoRef)

			require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
				<-time.After(time.Second)

				return nil
			}}))
			synctest.Wait()
			s.Stop() // which waits for the message that is being handled
			require.ErrorIs(t, p.Resize(t.Context(), s.Intake(), 1), mailbox.ErrStopping)
			<-s.Done()
			require.ErrorIs(t, p.Resize(t.Context(), s.Intake(), 1), mailbox.ErrStopped)
		})

	assert.Equal(t, actors.Ref[task]{}, (*taskPool)(nil).From(supervision.Deps{}))
	assert.Equal(t, actors.Ref[task]{}, pool(supervision.PoolSpec[task]{}).From(supervision.Deps{}))
}

func TestAResizeWhoseContextEndsGoesOnByItself(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 2},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			for range 2 {
				require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
					<-time.After(5 * time.Second)

					return nil
				}}))
			}

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			require.ErrorIs(t, p.Resize(ctx, s.Intake(), 1), context.DeadlineExceeded)
			<-time.After(time.Minute)
			assert.Equal(t, []string{"/test/pool/1"}, members(t, s))
		})
}

func TestMembersThatGoStillAreNoneForTheNextResize(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 2},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			for range 2 {
				require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
					<-time.After(5 * time.Second)

					return nil
				}}))
			}

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			require.ErrorIs(t, p.Resize(ctx, s.Intake(), 1), context.DeadlineExceeded)
			require.ErrorIs(t, p.Resize(ctx, s.Intake(), 2), context.DeadlineExceeded)
			resize(t, s, p, 2)
			assert.Equal(t, []string{"/test/pool/1", "/test/pool/3"}, members(t, s))
		})
}

func TestAMemberWhoseStartAResizeHasGivenUpIsNoneForTheNext(t *testing.T) {
	virtual(t, func(t *testing.T) {
		made := 0
		p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[task], error) {
			made++
			if made == 2 {
				<-time.After(5 * time.Second)
			}

			return perform, nil
		}, supervision.PoolSpec[task]{Size: 1, Max: 2, Budget: supervision.Budget{Within: 1}})
		s := start(t, tree(p), silent())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		require.ErrorIs(t, p.Resize(ctx, s.Intake(), 2), context.DeadlineExceeded)
		resize(t, s, p, 2)
		assert.Equal(t, []string{"/test/pool/1", "/test/pool/3"}, members(t, s))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// TestAMemberThatHangsTakesUpAPlace has one of two not return when it is stopped: there is room for one less meanwhile.
func TestAMemberThatHangsTakesUpAPlace(t *testing.T) {
	deadlines := supervision.Deadlines{Drain: time.Second, Flush: time.Second, Close: time.Second}
	spec := supervision.PoolSpec[task]{Size: 2, Max: 3, Member: supervision.Spec{Deadlines: deadlines}}

	inPool(t, spec, func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
		back := make(chan struct{})

		for range 2 {
			require.NoError(t, ref.Tell(t.Context(), task{do: func(ctx *actors.Context[task]) error {
				if ctx.Path() == "/test/pool/2" {
					<-back
				}

				return nil
			}}))
		}

		resize(t, s, p, 1)
		assert.Equal(t, system.Abandoned, health(t, s, "/test/pool/2").State)

		err := p.Resize(t.Context(), s.Intake(), 3)

		var full *supervision.GroupFullError

		require.ErrorAs(t, err, &full)
		assert.Equal(t, supervision.GroupFullError{Path: "/test/pool", MaxChildren: 3, Hanging: 1}, *full)
		assert.EqualError(t, err,
			"/test/pool: the group is full, it may have 3 children at a time, with those that have ended but hang: 1")
		resize(t, s, p, 2)

		close(back)
		synctest.Wait()
		resize(t, s, p, 3)
		assert.Equal(t, []string{"/test/pool/1", "/test/pool/3", "/test/pool/4"}, members(t, s))
	})
}

func TestAMemberThatDoesNotStartInAResizeIsItsError(t *testing.T) {
	virtual(t, func(t *testing.T) {
		made := 0
		p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[task], error) {
			made++
			if made == 3 {
				return nil, errBroken
			}

			return perform, nil
		}, supervision.PoolSpec[task]{Size: 1, Max: 5, Budget: supervision.Budget{Within: 1}})
		s := start(t, tree(p), silent())

		err := p.Resize(t.Context(), s.Intake(), 5)
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, "/test/pool/3: ")
		assert.Equal(t, []string{"/test/pool/1", "/test/pool/2"}, members(t, s), "those that did start are there")
		resize(t, s, p, 5)
		assert.Len(t, members(t, s), 5)

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestAMemberThatStopsItselfLeavesThePoolSmaller(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 2},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			leave := task{do: func(ctx *actors.Context[task]) error {
				ctx.Stop()

				return nil
			}}
			require.NoError(t, ref.Tell(t.Context(), leave))
			synctest.Wait()
			assert.Len(t, members(t, s), 1)

			for range 10 {
				require.NoError(t, ref.Tell(t.Context(), task{}), "the other gets all")
			}

			require.NoError(t, ref.Tell(t.Context(), leave))
			synctest.Wait()

			var refused *mailbox.SendError

			require.ErrorAs(t, ref.TryTell(task{}), &refused)
			require.ErrorIs(t, refused, mailbox.ErrStopped)
			assert.Equal(t, "/test/pool", refused.Target)
			resize(t, s, p, 2)
			require.NoError(t, ref.Tell(t.Context(), task{}))
		})
}

func TestMembersThatEndAtOnceAreNotStartedForEver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		p := supervision.Pool("pool", func(supervision.Deps) (*probe, error) {
			return &probe{start: func(ctx *ctxOf) error { ctx.Stop(); return nil }}, nil
		}, supervision.PoolSpec[job]{Size: 1, Max: 5, Budget: supervision.Budget{Within: 1}})
		s := start(t, tree(p), silent())

		require.NoError(t, p.Resize(t.Context(), s.Intake(), 5))
		synctest.Wait()
		assert.Empty(t, members(t, s))
		require.ErrorIs(t, p.From(s.Intake()).TryTell(nothing), mailbox.ErrStopped, "nobody who has left is asked")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// TestResizingLosesNothing has senders and askers that must not notice that the pool is resized all the time, by some
// at once.
func TestResizingLosesNothing(t *testing.T) {
	const senders, each = 8, 3000

	var handled atomic.Uint64

	type question struct {
		actors.Reply[int]

		asked bool
	}

	p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[question], error) {
		return func(_ *actors.Context[question], q question) error {
			handled.Add(1)

			if q.asked {
				return q.Send(1)
			}

			return nil
		}, nil
	}, supervision.PoolSpec[question]{
		Size: 4, Max: 8, Budget: supervision.Budget{Within: 1},
		Member: supervision.Spec{Mailbox: &mailbox.Options{Capacity: 4}}, // so that senders wait for room, too
	})
	s := start(t, tree(p), silent())
	ref := p.From(s.Intake())

	var sending, resizing sync.WaitGroup

	for range senders {
		sending.Go(func() {
			for range each {
				assert.NoError(t, ref.Tell(t.Context(), question{}))

				_, err := actors.Ask(t.Context(), ref, func(r actors.Reply[int]) question { return question{r, true} })
				assert.NoError(t, err)
			}
		})
	}

	over := make(chan struct{})

	for first := range 3 {
		resizing.Go(func() {
			for size := first; ; size++ {
				select {
				case <-over:
					return
				default:
					assert.NoError(t, p.Resize(t.Context(), s.Intake(), size%8+1))
				}
			}
		})
	}

	sending.Wait()
	close(over)
	resizing.Wait()

	r, err := stop(t, s)
	require.NoError(t, err)
	assert.Equal(t, uint64(2*senders*each), handled.Load())
	assert.Equal(t, uint64(2*senders*each), r.Total.Processed)
	assert.Empty(t, r.DeadLetters)
}

func TestAMemberThatDoesNotStartFailsTheStartOfThePool(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		made := 0
		store := declare(&probe{name: "store", diary: d}, quick())
		p := supervision.Pool("pool", func(supervision.Deps) (*probe, error) {
			made++
			if made == 3 {
				return nil, errBroken
			}

			return &probe{name: "member", diary: d}, nil
		}, supervision.PoolSpec[job]{Size: 4, Budget: supervision.Budget{Within: 1}, Member: quick(store)})

		_, err := system.Start(t.Context(), tree(p, store), silent())
		require.EqualError(t, err, "/test/pool/3: broken")
		assert.Equal(t, []string{
			"start store", "start member", "start member", "close member", "close member", "close store",
		}, d.read())
	})
}

func TestAShutdownDuringAResize(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 3, Max: 6},
		func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
			for range 30 {
				require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error {
					<-time.After(100 * time.Millisecond)

					return nil
				}}))
			}

			resized := make(chan error, 1)
			go func() { resized <- p.Resize(t.Context(), s.Intake(), 1) }()

			<-time.After(500 * time.Millisecond) // two are on their way out

			r, err := stop(t, s)
			require.NoError(t, err)
			assert.Equal(t, uint64(30), r.Total.Processed)
			require.NoError(t, <-resized)
		})
}
