package system_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
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

// together is how many children StartAll adds at a time; twice as many are on their way at most.
const together = 256

// several yields so many probes, named by their number. Those that are given stand in for some.
func several(count int, special map[int]*probe) iter.Seq2[string, *probe] {
	return func(yield func(string, *probe) bool) {
		for i := range count {
			p := special[i]
			if p == nil {
				p = &probe{}
			}

			if !yield("c"+strconv.Itoa(i), p) {
				return
			}
		}
	}
}

// takes is the Start of a probe that is slow, whatever its context says.
func takes(d time.Duration) func(*ctxOf) error {
	return func(*ctxOf) error { <-time.After(d); return nil }
}

// without returns which references are those of nobody.
func without(refs []actors.Ref[job]) (nobody []int) {
	for i, ref := range refs {
		if ref.Path() == "" {
			nobody = append(nobody, i)
		}
	}

	return nobody
}

func TestChildrenThatAreStartedTogetherAreThereInOrder(t *testing.T) {
	const count = 5*together + 7

	inCrowd(t, supervision.GroupSpec{MaxChildren: count}, func(t *testing.T, s *system.System, g group) {
		d := &diary{}

		var want []string

		refs, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
			for i := range count {
				name := "c" + strconv.Itoa(i)
				if i%10 == 9 {
					name = ""
				}

				if !yield(name, &probe{name: strconv.Itoa(i), diary: d}) {
					t.Error("it wants no more")

					return
				}
			}
		})
		require.NoError(t, err)
		require.Len(t, refs, count)

		for i, ref := range refs {
			name := "c" + strconv.Itoa(i)
			if i%10 == 9 {
				name = strconv.Itoa(i/10 + 1)
			}

			want = append(want, name)
			assert.Equal(t, "/test/crowd/"+name, ref.Path())

			found, ok := g.Lookup(name)
			assert.True(t, ok)
			assert.Equal(t, ref, found)
			send(t, ref, nothing)
		}

		assert.Equal(t, want, names(g))
		assert.Len(t, d.read(), count, "each was started with its argument")

		for i := range count {
			assert.Contains(t, d.read(), fmt.Sprintf("start %d", i))
		}

		assert.Zero(t, system.Kept(s)["starting"])
	})
}

func TestABoundedNumberOfChildrenIsOnItsWay(t *testing.T) {
	const count = 3*together + 1

	inCrowd(t, supervision.GroupSpec{MaxChildren: count}, func(t *testing.T, _ *system.System, g group) {
		began := time.Now()
		slow := make(map[int]*probe)

		for i := range count {
			slow[i] = &probe{start: takes(time.Second)}
		}

		done := make(chan error, 1)

		var yielded atomic.Int64

		go func() {
			_, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
				for name, p := range several(count, slow) {
					yielded.Add(1)

					if !yield(name, p) {
						return
					}
				}
			})
			done <- err
		}()

		synctest.Wait()
		assert.Equal(t, 2*together, g.Len())
		assert.Equal(t, int64(2*together), yielded.Load(), "nor is anybody asked for more")
		require.NoError(t, <-done)
		assert.Equal(t, 2*time.Second, time.Since(began), "side by side")
		assert.Equal(t, count, g.Len())
	})
}

func TestAChildWhoseStartHangsDoesNotHoldUpTheOthers(t *testing.T) {
	child := supervision.Spec{Deadlines: supervision.Deadlines{Start: 2 * time.Second}}
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999, Child: child},
		func(t *testing.T, s *system.System, g group) {
			began := time.Now()
			until := make(chan struct{})
			refs, err := g.StartAll(t.Context(), several(3*together, map[int]*probe{1: {start: hangs(until)}}))

			var late *supervision.DeadlineError

			require.ErrorAs(t, err, &late)
			assert.Equal(t, supervision.DeadlineError{Step: "start", After: 2 * time.Second}, *late)
			require.ErrorContains(t, err, "/test/crowd/c1: ")
			assert.Equal(t, 2*time.Second, time.Since(began))
			assert.Len(t, refs, 2*together)
			assert.Equal(t, []int{1}, without(refs))

			close(until)
			synctest.Wait()
			assert.Equal(t, 2*together-1, g.Len())
			assert.Zero(t, system.Kept(s)["stuck"])
		})
}

func TestBadUseOfAStartOfMany(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1}, func(t *testing.T, _ *system.System, g group) {
		_, err := g.StartAll(nil, several(1, nil)) //nolint:staticcheck // on purpose
		require.ErrorIs(t, err, mailbox.ErrNilContext)
		require.EqualError(t, err, "/test/crowd: StartAll: nil context")

		_, err = g.StartAll(t.Context(), nil)
		require.ErrorAs(t, err, new(*supervision.SpecError))
		require.EqualError(t, err, "/test/crowd: children: is nil, must yield names and arguments")

		_, err = group{}.StartAll(t.Context(), several(1, nil))
		require.ErrorIs(t, err, actors.ErrNoRef)

		refs, err := g.StartAll(t.Context(), several(0, nil))
		require.NoError(t, err)
		assert.Empty(t, refs)
		assert.Zero(t, g.Len())
	})
}

func TestASequenceMayUseTheGroup(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, _ *system.System, g group) {
		refs, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
			for name, p := range several(3*together, nil) {
				enter(t, g, "other-"+name, &probe{})
				assert.Positive(t, g.Len())

				if name == "c70" {
					inner, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
						_ = yield("inner", &probe{}) && yield("", &probe{})
					})
					assert.NoError(t, err)
					assert.Len(t, inner, 2)
					require.NoError(t, g.Stop(t.Context(), "inner"))
				}

				if !yield(name, p) {
					return
				}
			}
		})
		require.NoError(t, err)
		assert.Len(t, refs, 3*together)
		assert.Equal(t, 6*together+1, g.Len())
	})
}

func TestAnActorStartsManyFromItsReceive(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := crowd(supervision.GroupSpec{MaxChildren: 1999})
		boss := declare(&probe{name: "boss"}, quick(declared))
		s := start(t, tree(boss, declared), silent())
		g := declared.From(s.Intake())

		tell(t, s, boss, func(ctx *ctxOf) error {
			refs, err := g.StartAll(ctx, several(3*together, map[int]*probe{5: {start: takes(time.Second)}}))
			assert.Len(t, refs, 3*together)

			return err
		})
		<-time.After(2 * time.Second)
		assert.Equal(t, 3*together, g.Len())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

// TestManyAreStartedTogetherWhileOthersStop has goroutines that start many children each, under names that some of them
// share, and stop what they find, until a shutdown comes.
func TestManyAreStartedTogetherWhileOthersStop(t *testing.T) {
	const users, enough = 8, 2_000

	declared := crowd(supervision.GroupSpec{
		MaxChildren: 1000, Child: supervision.Spec{Backoff: immediately},
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: time.Minute},
	})
	s := start(t, tree(declared), silent())
	g := declared.From(s.Intake())

	var (
		all             sync.WaitGroup
		accepted, began atomic.Uint64
		over            = make(chan struct{})
	)

	once := sync.OnceFunc(func() { close(over) })

	startSome := func(user, round int) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()

		refs, err := g.StartAll(ctx, func(yield func(string, *probe) bool) {
			for i := range 150 {
				name := "" // some names are taken, some children fail, and sometimes the context ends
				p := &probe{}

				switch (user + round + i) % 97 {
				case 0:
					name = strconv.Itoa(i)
				case 1:
					p.start = []job{broken, nothing}[round%2]
				case 2:
					if round%5 == 0 {
						cancel()
					}
				}

				if !yield(name, p) {
					return
				}
			}
		})

		for i, ref := range refs {
			if ref.Path() != "" && ref.Tell(t.Context(), []job{nothing, broken}[i%10/9]) == nil {
				accepted.Add(1)
			}
		}

		if began.Add(uint64(len(refs))) > enough {
			once()
		}

		return err
	}

	stopSome := func(user int) {
		for name := range g.All() {
			if len(name)%users != user && g.Len() < 800 {
				continue
			}

			err := g.Stop(t.Context(), name)
			if errors.As(err, new(*supervision.NoChildError)) {
				continue
			} else if err != nil {
				return
			}
		}
	}

	for u := range users {
		all.Go(func() {
			for round := 0; ; round++ {
				err := startSome(u, round)
				if errors.Is(err, mailbox.ErrStopping) || errors.Is(err, mailbox.ErrStopped) {
					return
				}

				stopSome(u)
			}
		})
	}

	<-over

	r, err := stop(t, s)
	require.NoError(t, err)
	all.Wait()
	assert.Equal(t, accepted.Load(), r.Total.Accepted)

	kept := system.Kept(s)
	assert.Zero(t, kept["starting"])
	assert.Zero(t, kept["leaving"])
}
