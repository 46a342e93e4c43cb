package system_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
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

func TestTheFirstChildThatDoesNotStartEndsIt(t *testing.T) {
	for name, row := range map[string]struct {
		special map[int]*probe
		added   int
		nobody  []int
	}{
		"in the first batch": {
			map[int]*probe{3: {start: broken}, 5: {start: takes(time.Second)}}, 2 * together, []int{3},
		},
		"in the batch behind one that is slow": {
			map[int]*probe{3: {start: takes(time.Second)}, together + 2: {start: broken}}, 2 * together, []int{together + 2},
		},
		"more than one": {
			map[int]*probe{3: {start: broken}, 4: {start: broken}, together: {start: broken}},
			2 * together,
			[]int{3, 4, together},
		},
		"the last": {map[int]*probe{4*together + 2: {start: broken}}, 4*together + 3, []int{4*together + 2}},
	} {
		t.Run(name, func(t *testing.T) {
			const count = 4*together + 3

			inCrowd(t, supervision.GroupSpec{MaxChildren: count}, func(t *testing.T, s *system.System, g group) {
				for i, p := range row.special { // all of them are on their way when one fails
					if p.start != nil && i < 2*together {
						start := p.start
						p.start = func(ctx *ctxOf) error { <-time.After(time.Millisecond); return start(ctx) }
					}
				}

				refs, err := g.StartAll(t.Context(), several(count, row.special))
				require.ErrorIs(t, err, errBroken)
				require.Len(t, refs, row.added)
				assert.Equal(t, row.nobody, without(refs))
				assert.Equal(t, row.added-len(row.nobody), g.Len(), "what has started stays")

				all, ok := err.(interface{ Unwrap() []error })
				require.True(t, ok)
				require.Len(t, all.Unwrap(), len(row.nobody))

				for i, err := range all.Unwrap() {
					var failure *supervision.FailureError

					require.ErrorAs(t, err, &failure)
					assert.Equal(t, "/test/crowd/c"+strconv.Itoa(row.nobody[i]), failure.Path)
				}

				assert.Zero(t, system.Kept(s)["starting"])

				_, err = g.StartAll(t.Context(), several(1, map[int]*probe{0: nil}))
				require.ErrorAs(t, err, new(*actors.NameTakenError))
			})
		})
	}
}

func TestNobodyIsAddedOnceAChildHasFailed(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, _ *system.System, g group) {
		refs, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
			for name, p := range several(999, map[int]*probe{7: {start: broken}}) {
				if name == "c"+strconv.Itoa(together+1) {
					synctest.Wait() // the first batch has started, or not
				}

				if !yield(name, p) {
					return
				}
			}
		})
		require.ErrorIs(t, err, errBroken)
		assert.Len(t, refs, together)
		assert.Equal(t, together-1, g.Len())
	})
}

func TestWhatCannotBeAddedEndsAStartOfMany(t *testing.T) {
	const room = 2*together + 50

	for name, row := range map[string]struct {
		from, then []string // so many before it, then these
		added      int
		check      func(t *testing.T, err error)
	}{
		"no room": {then: make([]string, room+100), added: room, check: func(t *testing.T, err error) {
			t.Helper()

			var full *supervision.GroupFullError

			require.ErrorAs(t, err, &full)
			assert.Equal(t, supervision.GroupFullError{Path: "/test/crowd", MaxChildren: room}, *full)
		}},
		"a name twice in a batch": {then: []string{"a", "b", "a", "c"}, added: 2, check: isTaken},
		"a name twice": {
			from: []string{"a"}, then: append(make([]string, 150), "a", "b"), added: 151, check: isTaken,
		},
		"a bad name": {then: []string{"a", "b", "x/y", "c"}, added: 2, check: func(t *testing.T, err error) {
			t.Helper()

			var spec *supervision.SpecError

			require.ErrorAs(t, err, &spec)
			assert.Equal(t, "Name", spec.Field)
			assert.Equal(t, "/test/crowd/x/y", spec.Path)
		}},
		"a name that means another place": {
			then: []string{"...", ".."}, added: 1, check: isNoName(`/test/crowd/..: Name: ".." is not a name, `),
		},
		"a name that is too long": {
			then:  []string{strings.Repeat("x", supervision.MaxName), strings.Repeat("x", supervision.MaxName+1)},
			added: 1, check: isNoName("/test/crowd/" + strings.Repeat("x", 32) + "…: Name: is 256 bytes long, "),
		},
		"a bad name after a full batch": {
			then: append(make([]string, 2*together), "*"), added: 2 * together, check: func(t *testing.T, err error) {
				t.Helper()
				require.ErrorAs(t, err, new(*supervision.SpecError))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inCrowd(t, supervision.GroupSpec{MaxChildren: room}, func(t *testing.T, s *system.System, g group) {
				asked := 0

				refs, err := g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
					for _, name := range append(row.from, row.then...) {
						asked++

						if !yield(name, &probe{}) {
							return
						}
					}
				})
				row.check(t, err)
				assert.Len(t, refs, row.added)
				assert.Empty(t, without(refs), "those before it have started")
				assert.Equal(t, row.added, g.Len())
				assert.LessOrEqual(t, asked, row.added+together, "nobody is asked for more")
				assert.Zero(t, system.Kept(s)["starting"])
			})
		})
	}
}

func isTaken(t *testing.T, err error) {
	t.Helper()

	var taken *actors.NameTakenError

	require.ErrorAs(t, err, &taken)
	assert.Equal(t, "/test/crowd/a", taken.Path)
}

func isNoName(text string) func(t *testing.T, err error) {
	return func(t *testing.T, err error) {
		t.Helper()
		require.ErrorAs(t, err, new(*supervision.SpecError))
		require.ErrorContains(t, err, text)
	}
}

func TestAStartOfManyWhoseContextEndsStopsThoseThatHaveNotStarted(t *testing.T) {
	const slow = together + 3

	for range 20 { // whichever of both it would find first
		inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, s *system.System, g group) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)

			defer cancel()

			refs, err := g.StartAll(ctx, several(999, map[int]*probe{
				3: {start: takes(5 * time.Second)}, slow: {start: takes(5 * time.Second)},
			}))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualError(t, err, "/test/crowd/c3: context deadline exceeded\n"+
				"/test/crowd/c259: context deadline exceeded")
			assert.Equal(t, time.Second, time.Since(began), "it does not wait for them")
			assert.Len(t, refs, 2*together)
			assert.Equal(t, []int{3, slow}, without(refs))
			assert.Zero(t, system.Kept(s)["starting"])
			<-time.After(time.Minute)
			assert.Equal(t, 2*together-2, g.Len(), "the others stay")
		})
	}
}

func TestAStartOfManyWhoseContextHasEndedAddsNobody(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, _ *system.System, g group) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			before := g.Len()

			refs, err := g.StartAll(ctx, func(yield func(string, *probe) bool) {
				for i := range 3 * together {
					if i == together {
						synctest.Wait() // they have started
						cancel()
					}

					if !yield("", &probe{}) {
						return
					}
				}
			})
			require.ErrorIs(t, err, context.Canceled)
			require.EqualError(t, err, "/test/crowd: context canceled")
			assert.Len(t, refs, together)
			assert.Empty(t, without(refs), "what has started stays")
			assert.Equal(t, together, g.Len()-before)

			refs, err = g.StartAll(ctx, several(1, nil))
			require.ErrorIs(t, err, context.Canceled)
			assert.Empty(t, refs)

			for name := range g.All() {
				require.NoError(t, g.Stop(t.Context(), name))
			}
		}
	})
}

func TestAContextThatEndsWhenAllHaveStartedIsNoError(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, _ *system.System, g group) {
		ctx, cancel := context.WithCancel(t.Context())

		refs, err := g.StartAll(ctx, func(yield func(string, *probe) bool) {
			several(2*together, nil)(yield)
			synctest.Wait()
			cancel()
		})
		require.NoError(t, err)
		assert.Empty(t, without(refs))
		assert.Len(t, refs, 2*together)
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

func TestAShutdownEndsAStartOfMany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := crowd(supervision.GroupSpec{MaxChildren: 1999})
		s := start(t, tree(declared), silent())
		g := declared.From(s.Intake())
		done := make(chan struct{})

		go func() {
			defer close(done)

			refs, err := g.StartAll(t.Context(), several(999, map[int]*probe{
				3: {start: func(ctx *ctxOf) error { <-ctx.Done(); return ctx.Err() }},
			}))
			assert.Error(t, err)
			assert.ErrorContains(t, err, "/test/crowd/c3: ")
			assert.Len(t, refs, 2*together)
			assert.Equal(t, []int{3}, without(refs))

			refs, err = g.StartAll(t.Context(), several(999, nil))
			assert.True(t, errors.Is(err, mailbox.ErrStopping) || errors.Is(err, mailbox.ErrStopped), "%v", err)
			assert.Empty(t, refs)
		}()

		synctest.Wait()

		_, err := stop(t, s)
		require.NoError(t, err)
		<-done
		assert.Zero(t, system.Kept(s)["starting"])

		_, err = g.StartAll(t.Context(), several(1, nil))
		require.ErrorIs(t, err, mailbox.ErrStopped)
	})
}

func TestAGroupThatGivesUpEndsAStartOfMany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := supervision.DynamicGroup("crowd",
			func(_ supervision.Deps, p *probe) (*probe, error) { return p, nil },
			supervision.GroupSpec{
				MaxChildren: 1999, Child: quick(), Budget: supervision.Budget{Within: time.Second}, Backoff: immediately,
			})
		s := start(t, tree(declared), silent())
		g := declared.From(s.Intake())
		crashing := enter(t, g, "crashing", &probe{})

		go func() {
			<-time.After(time.Second)
			assert.NoError(t, crashing.Tell(t.Context(), broken))
		}()

		refs, err := g.StartAll(t.Context(), several(900, map[int]*probe{3: {start: func(ctx *ctxOf) error {
			<-ctx.Done()

			return ctx.Err()
		}}}))
		require.ErrorIs(t, err, supervision.ErrNotStarted)
		require.ErrorContains(t, err, "/test/crowd/c3: ")
		assert.Len(t, refs, 2*together)
		assert.Equal(t, []int{3}, without(refs))
		<-time.After(time.Minute)
		assert.Zero(t, g.Len(), "it comes back empty")

		refs, err = g.StartAll(t.Context(), several(2, nil))
		require.NoError(t, err)
		assert.Len(t, refs, 2)

		_, err = stop(t, s)
		require.NoError(t, err)
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

func TestASequenceThatPanicsLeavesTheGroupAsItIs(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1999}, func(t *testing.T, s *system.System, g group) {
		assert.PanicsWithError(t, "broken", func() {
			_, _ = g.StartAll(t.Context(), func(yield func(string, *probe) bool) {
				several(2*together+1, map[int]*probe{3: {start: takes(time.Second)}, 4: {start: func(*ctxOf) error {
					<-time.After(time.Second)

					return errBroken
				}}})(yield)
				panic(errBroken)
			})
		})
		assert.Equal(t, 2*together-1, g.Len())
		<-time.After(time.Second)
		assert.Zero(t, system.Kept(s)["starting"])

		refs, err := g.StartAll(t.Context(), several(1, nil))
		require.ErrorAs(t, err, new(*actors.NameTakenError))
		assert.Empty(t, refs)
		enter(t, g, "c999", &probe{})
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

func TestAnAbandonedActorStartsNoMore(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := crowd(supervision.GroupSpec{MaxChildren: 1999})
		started := make(chan int, 1)
		boss := supervision.Actor("boss", func(in supervision.Deps) (*probe, error) {
			g := declared.From(in)

			return &probe{start: func(ctx *ctxOf) error {
				if ctx.Incarnation() != 2 {
					return nil
				}

				refs, err := g.StartAll(context.WithoutCancel(ctx), func(yield func(string, *probe) bool) {
					several(2*together, nil)(yield)
					<-time.After(time.Minute) // its deadline is over, and the next incarnation runs
					several(9*together, nil)(yield)
				})
				assert.ErrorIs(t, err, actors.ErrAbandoned)
				started <- len(refs)

				return err
			}}, nil
		}, quick(declared))

		s := start(t, tree(boss, declared), silent())
		tell(t, s, boss, broken)
		assert.Equal(t, 2*together, <-started)
		assert.Equal(t, 2*together, declared.From(s.Intake()).Len())
		synctest.Wait()

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
