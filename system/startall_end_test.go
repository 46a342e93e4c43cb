package system_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
