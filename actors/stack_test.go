package actors_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// deep panics so many calls further down.
//
//go:noinline
func deep(calls int) {
	if calls == 0 {
		panic(errTest)
	}

	deep(calls - 1)
}

func TestStackOfAPanicEndsWithReceive(t *testing.T) {
	bubble(t, "however deep the panic and the one before it", func(t *testing.T) {
		s := play(t, &part{})
		known := make(map[int]string) // by calls

		for _, calls := range []int{3, 3, 0, 3, 3, 3, 2, 3, 20, 20, 100, 100, 1, 20, 20, 1} {
			tell(t, s.ref(), func(*actors.Context[job]) error { deep(calls); return nil })
			synctest.Wait()

			letters := s.letters()
			panicked := new(actors.PanicError)
			require.ErrorAs(t, letters[len(letters)-1].Cause, &panicked)

			stack := panicked.Stack.String()
			assert.Equal(t, min(calls+1, 63), strings.Count(stack, "actors_test.deep\n"), "all that fit into a stack")

			if known[calls] == "" {
				known[calls] = stack
			}

			assert.Equal(t, known[calls], stack)

			if calls < 50 {
				assert.Equal(t, 1, strings.Count(stack, "(*part).Receive\n"))
				assert.True(t, strings.HasPrefix(stack, "runtime.gopanic"), stack)
				assert.NotContains(t, stack, "runner", "the calls of the framework say nothing")
			}
		}
	})

	bubble(t, "whether the message comes from the queue or from the actor itself", func(t *testing.T) {
		s := play(t, &part{})
		failing := func(*actors.Context[job]) error { deep(3); return nil }

		for i, own := range []bool{true, false, true, true, false, false} {
			if own {
				tell(t, s.ref(), after(t, time.Second, failing, nil))
				pass(time.Second)
			} else {
				tell(t, s.ref(), failing)
				synctest.Wait()
			}

			letters := s.letters()
			require.Len(t, letters, i+1)

			panicked := new(actors.PanicError)
			require.ErrorAs(t, letters[i].Cause, &panicked)

			stack := panicked.Stack.String()
			assert.Equal(t, 1, strings.Count(stack, "(*part).Receive\n"), stack)
			assert.NotContains(t, stack, "runner")
		}
	})
}

//go:noinline
func exits() {
	defer func() { panic("on the way out") }()

	runtime.Goexit()
}

//go:noinline
func leavesHere() { exits(); recovered++ }

//go:noinline
func leavesThere() { exits(); recovered-- }

var recovered int // keeps calls from being the last thing a function does

// recovers lets runtime.Goexit go on after the panic.
//
//go:noinline
func recovers(here bool) {
	defer func() { _ = recover() }()

	if here {
		leavesHere()

		recovered++
	} else {
		leavesThere()

		recovered--
	}
}

func TestAStackIsToldAnewWhereTheRuntimeHasLostItsFrames(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		s := play(t, &part{})

		for i, here := range []bool{true, true, false, false, true} {
			tell(t, s.ref(), func(*actors.Context[job]) error {
				defer func() { panic(errTest) }()

				recovers(here)

				return nil
			})
			synctest.Wait()

			panicked := new(actors.PanicError)
			require.Len(t, s.letters(), i+1)
			require.ErrorAs(t, s.letters()[i].Cause, &panicked)

			stack := panicked.Stack.String()
			assert.Equal(t, here, strings.Contains(stack, "leavesHere"), stack)
			assert.Equal(t, !here, strings.Contains(stack, "leavesThere"), stack)
		}
	})
}

// With that setting recover returns nil, as if there had been no panic.
func TestAPanicWithNilIsAFailure(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	bubble(t, "", func(t *testing.T) {
		var d diary

		s := play(t, &part{})
		tell(t, s.ref(), func(*actors.Context[job]) error { panic(nil) }, //nolint:govet // the case in hand
			func(*actors.Context[job]) error { d.note("handled"); return nil })
		synctest.Wait()

		assert.Equal(t, []string{"handled"}, d.read())
		require.Len(t, s.letters(), 1)
		assert.ErrorIs(t, s.letters()[0].Cause, actors.ErrExited)
	})
}

// A deferred function that panics while runtime.Goexit runs does not keep it from ending the goroutine.
func TestAPanicOnTheWayOutIsTheFailure(t *testing.T) {
	for _, dispatch := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned} {
		bubble(t, dispatch.String(), func(t *testing.T) {
			var d diary

			s := play(t, &part{spec: supervision.Spec{Mailbox: &mailbox.Options{Capacity: 8, Dispatch: dispatch}}})
			tell(t, s.ref(), func(*actors.Context[job]) error {
				defer panic(errTest)

				runtime.Goexit()

				return nil
			}, func(*actors.Context[job]) error { d.note("handled"); return nil })
			synctest.Wait()

			assert.Equal(t, []string{"handled"}, d.read())
			require.Len(t, s.letters(), 1)

			panicked := new(actors.PanicError)
			require.ErrorAs(t, s.letters()[0].Cause, &panicked)
			assert.Equal(t, errTest, panicked.Value)
		})
	}
}

// A hook that ends the goroutine it is called on ends a turn, and nothing else.
func TestExitOfAHookLeavesTheActorAlive(t *testing.T) {
	for _, dispatch := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned} {
		for name, exits := range map[string]func(p *part, exit func()){
			"factory": func(p *part, exit func()) {
				p.factory = func() (actors.Actor[job], error) { exit(); return p, nil }
			},
			"Start": func(p *part, exit func()) {
				p.start = func(*actors.Context[job]) error { exit(); return nil }
			},
		} {
			bubble(t, name+", "+dispatch.String(), func(t *testing.T) {
				var (
					d      diary
					starts int
				)

				p := &part{spec: supervision.Spec{Mailbox: &mailbox.Options{Capacity: 8, Dispatch: dispatch}}}
				exits(p, func() {
					starts++

					if starts == 2 || starts == 3 {
						d.note("exit")
						runtime.Goexit()
					}
				})

				s := play(t, p)
				tell(t, s.ref(), fail, func(*actors.Context[job]) error { d.note("handled"); return nil })
				synctest.Wait()
				assert.Equal(t, []string{"exit", "exit", "handled"}, d.read())

				r := s.stop(t)
				assert.Equal(t, 3, r.Restarts)
				assert.True(t, r.Clean, r.Err())
			})
		}
	}
}
