package system_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// These are about children that are added many at a time: they are made by the system, without a turn of theirs.

// simple is an actor without a Start hook.
type simple struct{ closed *atomic.Int64 }

func (simple) Receive(ctx *actors.Context[job], j job) error { return j(ctx) }

func (p simple) Close(context.Context) error {
	p.closed.Add(1)

	return nil
}

// maker is what a child of the group is made of: its factory.
type maker func() (actors.Actor[job], error)

// makers yields so many that make a simple actor, but for those that are given.
func makers(count int, closed *atomic.Int64, special map[int]maker) iter.Seq2[string, maker] {
	return func(yield func(string, maker) bool) {
		for i := range count {
			m := special[i]
			if m == nil {
				m = func() (actors.Actor[job], error) { return simple{closed}, nil }
			}

			if !yield(fmt.Sprint("m", i), m) {
				return
			}
		}
	}
}

// amongMany runs a test with a group of such children alone in a tree, and returns the report.
func amongMany(
	t *testing.T, spec supervision.Spec, f func(t *testing.T, s *system.System, g supervision.Group[job, maker]),
) (r *system.Report) {
	t.Helper()
	virtual(t, func(t *testing.T) {
		declared := supervision.DynamicGroup("many", func(_ supervision.Deps, m maker) (actors.Actor[job], error) {
			return m()
		}, supervision.GroupSpec{
			MaxChildren: 10 * together, Backoff: immediately, Child: spec,
			Budget: supervision.Budget{Restarts: 3, Within: 10 * time.Second},
		})
		s := start(t, tree(declared), silent())
		f(t, s, declared.From(s.Intake()))

		r, _ = stop(t, s)
		assert.Zero(t, r.Unaccounted)
	})

	return r
}

func TestPreparedChildrenAreThereWhenTheyHaveStarted(t *testing.T) {
	const count = 3*together + 1

	var closed atomic.Int64

	r := amongMany(t, supervision.Spec{}, func(t *testing.T, _ *system.System, g supervision.Group[job, maker]) {
		refs, err := g.StartAll(t.Context(), makers(count, &closed, nil))
		require.NoError(t, err)
		require.Len(t, refs, count)

		for i := 0; i < count; i += 7 {
			send(t, refs[i], nothing)
		}

		crash := func(*ctxOf) error { return errBroken }
		send(t, refs[1], crash) // by the first message it ever gets
		send(t, refs[1], nothing)
		synctest.Wait()
		assert.EqualValues(t, 1, closed.Load(), "of the one that has crashed")
	})

	require.True(t, r.Clean, r.Errors)
	assert.EqualValues(t, count+1, closed.Load())
	assert.EqualValues(t, 1, r.Total.Failed)
	assert.Equal(t, 1, r.Restarts)
	assert.EqualValues(t, (count+6)/7+1, r.Total.Processed)
}

// Of those that are made, each has its own time, and who takes it holds nobody else up.
func TestFactoriesThatWaitAreSideBySide(t *testing.T) {
	var closed atomic.Int64

	amongMany(t, supervision.Spec{}, func(t *testing.T, _ *system.System, g supervision.Group[job, maker]) {
		slow := make(map[int]maker)
		for i := range together {
			slow[i] = func() (actors.Actor[job], error) {
				<-time.After(time.Second)

				return simple{&closed}, nil
			}
		}

		began := time.Now()
		_, err := g.StartAll(t.Context(), makers(together, &closed, slow))
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Since(began), time.Second+10*time.Millisecond)
	})
}

func TestAFactoryOfManyThatDoesNotGoWell(t *testing.T) {
	for name, row := range map[string]struct {
		make maker
		want string
	}{
		"an error": {func() (actors.Actor[job], error) { return nil, errBroken }, "broken"},
		"a panic":  {func() (actors.Actor[job], error) { panic("ouch") }, "panic: ouch"},
		"an exit": {
			func() (actors.Actor[job], error) { runtime.Goexit(); return nil, errBroken }, actors.ErrExited.Error(),
		},
		"nobody": {
			func() (actors.Actor[job], error) { return nil, nil }, //nolint:nilnil // that is it
			"the factory returned a nil actor",
		},
		"a nil func": {
			func() (actors.Actor[job], error) { return actors.Func[job](nil), nil }, "the factory returned a nil actor",
		},
		"a bad Start": {func() (actors.Actor[job], error) { return &probe{start: broken}, nil }, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			var closed atomic.Int64

			r := amongMany(t, supervision.Spec{}, func(t *testing.T, _ *system.System, g supervision.Group[job, maker]) {
				refs, err := g.StartAll(t.Context(), makers(together, &closed, map[int]maker{5: row.make}))
				require.ErrorContains(t, err, "/test/many/m5: "+row.want)
				assert.Equal(t, []int{5}, without(refs))
				assert.Equal(t, together-1, g.Len())

				_, there := g.Lookup("m5")
				assert.False(t, there)
			})
			require.True(t, r.Clean, r.Errors)
			assert.EqualValues(t, together-1, closed.Load())
		})
	}
}

func TestAFactoryOfManyThatHangsIsAbandonedAndComesBack(t *testing.T) {
	const limit = time.Second

	var closed atomic.Int64

	r := amongMany(t, supervision.Spec{Deadlines: supervision.Deadlines{Start: limit}},
		func(t *testing.T, _ *system.System, g supervision.Group[job, maker]) {
			began, until := time.Now(), make(chan struct{})
			refs, err := g.StartAll(t.Context(), makers(together, &closed, map[int]maker{5: func() (actors.Actor[job], error) {
				hangsInAHook(until)

				return simple{&closed}, nil
			}}))

			var late *supervision.DeadlineError

			require.ErrorAs(t, err, &late)
			assert.Equal(t, limit, time.Since(began))
			assert.Equal(t, []int{5}, without(refs))

			close(until)
			synctest.Wait()
			assert.EqualValues(t, 1, closed.Load(), "it is closed when it is back")
			assert.Equal(t, together-1, g.Len())
		})
	require.True(t, r.Clean, r.Errors)
	assert.EqualValues(t, together, closed.Load())
}

// A shutdown that comes while they are made stops all of them.
func TestAShutdownWhileManyAreMade(t *testing.T) {
	var closed, made atomic.Int64

	amongMany(t, supervision.Spec{}, func(t *testing.T, s *system.System, g supervision.Group[job, maker]) {
		slow := make(map[int]maker)
		for i := range 4 * together {
			slow[i] = func() (actors.Actor[job], error) {
				<-time.After(time.Duration(i%10) * time.Millisecond)
				made.Add(1)

				return simple{&closed}, nil
			}
		}

		done := make(chan error, 1)

		go func() {
			_, err := g.StartAll(t.Context(), makers(4*together, &closed, slow))
			done <- err
		}()

		<-time.After(5 * time.Millisecond)
		s.Stop()
		require.Error(t, <-done)
		require.NoError(t, s.Wait(t.Context()))
	})
	assert.Equal(t, made.Load(), closed.Load(), "who was made is closed")
}

// Everybody who is made is closed once, whatever happens meanwhile: contexts that end, factories that fail, children
// that are told something, crash and are stopped, and at last the end of the system.
func TestMadeWhileOthersComeAndGo(t *testing.T) {
	const rounds, groups = 12, 3

	var made, closed, handled atomic.Int64

	declared := supervision.DynamicGroup("many", func(_ supervision.Deps, m maker) (actors.Actor[job], error) {
		return m()
	}, supervision.GroupSpec{
		MaxChildren: 100_000, Backoff: immediately,
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: time.Second},
	})
	s := start(t, tree(declared), silent())
	g := declared.From(s.Intake())

	var all sync.WaitGroup

	for n := range groups {
		all.Go(func() {
			for round := range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(round%4)*time.Millisecond+50*time.Microsecond)
				if round%2 == 0 {
					ctx = t.Context()
				}

				refs, _ := g.StartAll(ctx, func(yield func(string, maker) bool) {
					for i := range 3 * together {
						if !yield(fmt.Sprint(n, "-", round, "-", i), func() (actors.Actor[job], error) {
							if round%3 == 2 && i == 2*together {
								return nil, errBroken
							}

							made.Add(1)

							return simple{&closed}, nil
						}) {
							return
						}
					}
				})

				cancel()

				for i, ref := range refs {
					switch {
					case ref.Path() == "":
					case i%5 == 0:
						_ = ref.TryTell(func(*ctxOf) error { handled.Add(1); return nil })
					case i%31 == 0:
						_ = ref.TryTell(func(*ctxOf) error { return errBroken })
					case i%7 == 0:
						_ = g.Stop(t.Context(), ref.Path()[len("/test/many/"):])
					}
				}
			}
		})
	}

	all.Wait()

	r, err := stop(t, s)
	require.NoError(t, err)
	assert.Zero(t, r.Unaccounted)
	assert.Equal(t, made.Load(), closed.Load())
	assert.Positive(t, r.Total.Failed)
	assert.Positive(t, handled.Load())
}

// A start that is left to a turn of the actor is said there. What a hand has to say of it can be heard when the actor
// is in its stop: then no hook of that is to be ordered once more.
func TestOfAStartThatGoesOnElsewhereAHandSaysNothing(t *testing.T) {
	said := system.NotCalled(7, node.Start)
	assert.Equal(t, node.Report{ID: 7, Event: node.Started}, said, "of no incarnation")
	assert.Equal(t, node.Report{ID: 7}, system.NotCalled(7, node.Flush), "that is ordered anew")
}
