package system_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
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
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// These are about the hooks of actors that have never had a message: nobody is there to call them but the system.

// many declares so many actors with a Flush and a Close hook.
func many(count int, flush, closes func(context.Context) error) supervision.Tree {
	children := make([]supervision.Child, count)
	for i := range children {
		children[i] = declare(&probe{name: fmt.Sprint("p", i), flush: flush, closes: closes}, supervision.Spec{})
	}

	return tree(children...)
}

func TestHooksThatWaitRunSideBySide(t *testing.T) {
	for count, late := range map[int]time.Duration{
		1:     0,
		64:    0,
		1_000: 10 * time.Millisecond, // of many only some begin at once: the first look doubles them, and so on
	} {
		t.Run(strconv.Itoa(count), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var flushed, closed atomic.Int64

				wait := func(calls *atomic.Int64) func(context.Context) error {
					return func(context.Context) error {
						calls.Add(1)
						<-time.After(time.Second)

						return nil
					}
				}

				s := start(t, many(count, wait(&flushed), wait(&closed)), silent())
				began := time.Now()
				r, err := stop(t, s)
				took := time.Since(began)

				require.NoError(t, err)
				assert.GreaterOrEqual(t, took, 2*time.Second)
				assert.LessOrEqual(t, took, 2*(time.Second+late))
				assert.EqualValues(t, count, flushed.Load())
				assert.EqualValues(t, count, closed.Load())

				for _, a := range r.Actors {
					require.NotNil(t, a.Flush, a.Path)
					require.GreaterOrEqual(t, time.Duration(a.Flush.Took), time.Second, a.Path)
				}
			})
		})
	}
}

// The time is virtual, for on a machine with other things to do a quick hook is a slow one.
func TestQuickHooksOfManyCostAFewGoroutines(t *testing.T) {
	const count = 2_000

	virtual(t, func(t *testing.T) {
		var most, calls atomic.Int64

		look := func(context.Context) error {
			calls.Add(1)

			for n := int64(runtime.NumGoroutine()); ; {
				if was := most.Load(); n <= was || most.CompareAndSwap(was, n) {
					return nil
				}
			}
		}

		before := runtime.NumGoroutine()
		s := start(t, many(count, look, look), silent())
		_, err := stop(t, s)

		require.NoError(t, err)
		assert.EqualValues(t, 2*count, calls.Load())
		assert.Less(t, int(most.Load())-before, count/100, "not one for each")
	})
}

func TestAHookThatDoesNotGoWellCostsNobodyElseAnything(t *testing.T) {
	for name, row := range map[string]struct {
		hook func(context.Context) error
		want string
	}{
		"an error": {func(context.Context) error { return errBroken }, "broken"},
		"a panic":  {func(context.Context) error { panic("ouch") }, "panic: ouch"},
		"an exit":  {func(context.Context) error { runtime.Goexit(); return nil }, actors.ErrExited.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var d diary

				s := start(t, tree(
					declare(&probe{name: "a", diary: &d}, supervision.Spec{}),
					declare(&probe{name: "bad", diary: &d, flush: row.hook, closes: row.hook}, supervision.Spec{}),
					declare(&probe{name: "z", diary: &d}, supervision.Spec{}),
				), silent())
				r, err := stop(t, s)

				require.ErrorContains(t, err, "/test/bad: "+row.want)
				bad := actorOf(t, r, "/test/bad")
				assert.Contains(t, bad.Flush.Error, row.want)
				assert.Contains(t, bad.Close.Error, row.want)
				assert.ElementsMatch(t, []string{
					"start a", "start bad", "start z", "flush a", "flush bad", "flush z", "close a", "close bad", "close z",
				}, d.read())
			})
		})
	}
}

func hangsInAHook(until <-chan struct{}) { <-until }

func TestAHookThatHangsIsAbandonedAndComesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		until := make(chan struct{})
		var d diary

		child := declare(&probe{name: "a", diary: &d, flush: func(ctx context.Context) error {
			at, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, 900*time.Millisecond, time.Until(at))
			<-ctx.Done()
			assert.ErrorContains(t, context.Cause(ctx), "flush did not finish within 1s")
			assert.ErrorIs(t, ctx.Err(), context.Canceled)
			hangsInAHook(until)

			return nil
		}}, supervision.Spec{Deadlines: supervision.Deadlines{Flush: time.Second}})

		s := start(t, tree(child, declare(&probe{name: "b", diary: &d}, supervision.Spec{})), silent())
		began := time.Now()
		r, err := stop(t, s)

		require.Error(t, err)
		assert.Equal(t, time.Second, time.Since(began))

		hung := actorOf(t, r, "/test/a")
		require.Len(t, hung.Abandoned, 1)
		assert.Contains(t, hung.Abandoned[0].Stack, "hangsInAHook", "the report shows where it hangs")
		assert.ElementsMatch(t, []string{"start a", "start b", "flush a", "flush b", "close b"}, d.read())

		close(until)
		synctest.Wait()
		assert.Equal(t, []string{"close a"}, d.read()[5:], "its instance is closed when it is back")
	})
}

// actorOf returns what a report says of an actor.
func actorOf(t *testing.T, r *system.Report, path string) system.ActorReport {
	t.Helper()

	for _, a := range r.Actors {
		if a.Path == path {
			return a
		}
	}

	t.Fatalf("%s is not in the report", path)

	return system.ActorReport{}
}

// Hooks that come to an end in less time than another goroutine takes to get the lock are all called by a few.
func TestNoHandsAreAddedForTheLastOfMany(t *testing.T) {
	const count = 1_000

	virtual(t, func(t *testing.T) {
		var (
			calls   atomic.Int64
			workers sync.Map
		)

		hook := func(context.Context) error {
			calls.Add(1)
			workers.Store(goroutine(), true)

			return nil
		}

		s := start(t, many(count, hook, hook), silent())
		synctest.Wait() // the last to start may not be asleep yet, and would call its hooks itself

		_, err := stop(t, s)
		require.NoError(t, err)
		require.EqualValues(t, 2*count, calls.Load())

		hands := 0

		workers.Range(func(any, any) bool { hands++; return true })
		assert.LessOrEqual(t, hands, 2*runtime.GOMAXPROCS(0), "one for each core in each phase, as no time passes")
	})
}

// goroutine returns what tells the calling goroutine from others.
func goroutine() string {
	var b [64]byte

	name, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), " [")

	return name
}

// handfuls declares as many actors as are called by the handful. Each has the hooks that the function returns for its
// number.
func handfuls(hook func(i int) func(context.Context) error, spec supervision.Spec) supervision.Tree {
	const count = 500

	children := make([]supervision.Child, count)
	for i := range children {
		children[i] = declare(&probe{name: fmt.Sprint("p", i), flush: hook(i)}, spec)
	}

	return tree(children...)
}

func TestAHookThatWaitsForTheOthersOfItsHandfulGetsThem(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var called atomic.Int64

		all := make(chan struct{})

		s := start(t, handfuls(func(i int) func(context.Context) error {
			return func(context.Context) error {
				if called.Add(1) == 500 {
					close(all)
				}

				if i == 3 {
					<-all
				}

				return nil
			}
		}, supervision.Spec{}), silent())

		began := time.Now()
		r, err := stop(t, s)
		require.NoError(t, err)
		assert.EqualValues(t, 500, called.Load())
		assert.LessOrEqual(t, time.Since(began), 5*time.Millisecond)

		for _, a := range r.Actors {
			require.NotNil(t, a.Flush, a.Path)
			require.LessOrEqual(t, time.Duration(a.Flush.Took), 5*time.Millisecond, a.Path)
		}
	})
}

// A hand that brings up so few that what it leaves of them gets a goroutine each has a handful all the same.
func TestNobodyWaitsForAnotherOfTheLastHandful(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const count = 70 // more than are called side by side at once, but for a handful

		var children []supervision.Child

		for i := range count {
			children = append(children, declare(&probe{name: fmt.Sprint("p", i), flush: func(ctx context.Context) error {
				if i == 0 {
					<-ctx.Done()
				}

				return nil
			}}, supervision.Spec{Deadlines: supervision.Deadlines{Flush: time.Second}}))
		}

		first := declare(&probe{name: "first"}, supervision.Spec{DependsOn: children}) // its hand gets the handful
		s := start(t, tree(append(slices.Clone(children), first)...), silent())
		r, err := stop(t, s)
		require.NoError(t, err)

		for i := 1; i < count; i++ {
			a := actorOf(t, r, fmt.Sprint("/test/p", i))
			require.LessOrEqual(t, time.Duration(a.Flush.Took), 5*time.Millisecond, a.Path)
		}
	})
}

// All others are quick meanwhile, so that the crew as a whole has nothing to wait for.
func TestWhoWaitsForAnotherOfItsHandfulDoesNotWaitForAllOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const count = 3_000

		var children []supervision.Child

		called := make(chan struct{})

		for i := range count {
			children = append(children, declare(&probe{name: fmt.Sprint("p", i), flush: func(context.Context) error {
				switch i {
				case 3:
					<-called
				case 7:
					close(called)
				default:
					<-time.After(5 * time.Microsecond)
				}

				return nil
			}}, supervision.Spec{}))
		}

		r, err := stop(t, start(t, tree(children...), silent()))
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Duration(actorOf(t, r, "/test/p3").Flush.Took), 5*time.Millisecond)
	})
}

// What a hand has not said yet, because the next hook of its handful hangs, is known before anybody's time is over.
func TestWhoWasInTimeIsNotCutForAnotherOfItsHandful(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const limit = 500 * time.Microsecond // less than until the crew is looked at

		s := start(t, handfuls(func(i int) func(context.Context) error {
			return func(ctx context.Context) error {
				switch i {
				case 0:
					<-time.After(limit / 2)
				case 1:
					<-ctx.Done()

					return ctx.Err()
				}

				return nil
			}
		}, supervision.Spec{Deadlines: supervision.Deadlines{Flush: limit}}), silent())

		r, err := stop(t, s)
		require.ErrorContains(t, err, "/test/p1: flush did not finish within 500µs")

		first := actorOf(t, r, "/test/p0")
		assert.Empty(t, first.Flush.Error)
		assert.LessOrEqual(t, time.Duration(first.Flush.Took), limit*9/10, "heard when the other one is to be cut")
		assert.NotEmpty(t, actorOf(t, r, "/test/p1").Flush.Error)
	})
}

// Of those whom somebody wakes who asks for their health, between their drain and their hook, no hook is lost and none
// is called twice.
func TestHooksOfThoseWhoseHealthIsAskedForMeanwhile(t *testing.T) {
	for range 20 {
		var calls [500]atomic.Int64

		s := start(t, handfuls(func(i int) func(context.Context) error {
			return func(context.Context) error {
				calls[i].Add(1)

				return nil
			}
		}, supervision.Spec{}), silent())

		var all, asked sync.WaitGroup

		for range 2 {
			asked.Add(1)
			all.Go(func() {
				s.Health(t.Context())
				asked.Done()

				for s.Report() == nil {
					s.Health(t.Context())
				}
			})
		}

		asked.Wait()

		r, err := stop(t, s)
		all.Wait()
		require.NoError(t, err)

		for i := range calls {
			require.EqualValues(t, 1, calls[i].Load(), i)
		}

		for _, a := range r.Actors {
			require.NotNil(t, a.Flush, a.Path)
			require.NotNil(t, a.Close, a.Path)
		}
	}
}

// The turn that comes while a hook is called finds nobody to wake; it goes on with the stop all the same.
func TestAnActorThatIsToldOfSomethingDuringItsHookIsClosed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var (
			d    diary
			kept *ctxOf
		)

		s := start(t, tree(declare(&probe{
			name: "a", diary: &d,
			start: func(ctx *ctxOf) error { kept = ctx; return nil },
			flush: func(ctx context.Context) error {
				kept.Stop()
				<-ctx.Done() // from when on it is told one by one

				return nil
			},
		}, supervision.Spec{Deadlines: supervision.Deadlines{Flush: time.Second, Close: time.Second}})), silent())
		synctest.Wait()

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, []string{"start a", "flush a", "close a"}, d.read())
	})
}
