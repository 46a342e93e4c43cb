package system_test

import (
	"context"
	"fmt"
	"runtime"
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
