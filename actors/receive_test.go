package actors_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// The race detector is the judge: the state below is not synchronised.
func TestStateNeedsNoLock(t *testing.T) {
	const senders, each = 8, 2000

	sum, seen := 0, make(map[int]int)
	s := play(t, &part{spec: supervision.Spec{Mailbox: &mailbox.Options{Capacity: 4}}})

	var wg sync.WaitGroup
	for n := range senders {
		wg.Go(func() {
			for range each {
				if err := s.ref().Tell(t.Context(), func(*actors.Context[job]) error {
					sum++
					seen[n]++

					return nil
				}); err != nil {
					t.Error(err)
				}

				if n == 0 {
					runtime.Gosched() // so that the actor comes to rest now and then, and goes on elsewhere
				}
			}
		})
	}
	wg.Wait()
	perform(t, s.ref(), nothing)
	assert.Equal(t, senders*each, sum)
	assert.Len(t, seen, senders)
}

func panicker(*actors.Context[job]) error { panicHere(); return nil }
func panicHere()                          { panic(errTest) }

func exiter(*actors.Context[job]) error { runtime.Goexit(); return nil }

func TestFailuresOfReceive(t *testing.T) {
	bubble(t, "a panic is a failure with its value and a stack that says where", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), panicker)
		synctest.Wait()

		letters := s.letters()
		require.Len(t, letters, 1)
		assert.Equal(t, mailbox.Failed, letters[0].Reason)

		var panicked *actors.PanicError
		require.ErrorAs(t, letters[0].Cause, &panicked)
		assert.Equal(t, errTest, panicked.Value)
		require.ErrorIs(t, panicked, errTest)
		require.EqualError(t, panicked, "panic: test failure")

		stack := panicked.Stack.String()
		assert.Regexp(t, `^runtime\.gopanic\n|^github\.com/troupe-go/troupe/actors_test\.panicHere\n`, stack)
		assert.Regexp(t, `actors_test\.panicHere\n\t.*receive_test\.go:\d+\n`, stack)
		assert.Regexp(t, `actors_test\.panicker\n\t.*receive_test\.go:\d+\n`, stack)
	})

	bubble(t, "a panic with anything but an error wraps nothing", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), func(*actors.Context[job]) error { panic("just text") })
		synctest.Wait()

		var panicked *actors.PanicError
		require.ErrorAs(t, s.letters()[0].Cause, &panicked)
		require.NoError(t, errors.Unwrap(panicked))
		require.EqualError(t, panicked, "panic: just text")
	})

	for name, j := range map[string]job{"an error": fail, "a panic": panicker, "runtime.Goexit": exiter} {
		bubble(t, name+" is contained: the instance is closed, the next one goes on", func(t *testing.T) {
			var d diary

			p := &part{}
			p.factory = func() (actors.Actor[job], error) {
				d.note("made")

				return p, nil
			}
			p.close = func(context.Context) error { d.note("closed"); return nil }

			s := play(t, p)
			tell(t, s.ref(), []job{
				j, func(*actors.Context[job]) error { d.note("next"); return nil }, j, j, nothing,
			}...)
			synctest.Wait()
			assert.Equal(t, []string{
				"made", "closed", "made", "next", "closed", "made", "closed", "made",
			}, d.read())

			r := s.stop(t)
			assert.Equal(t, uint64(3), r.Total.Failed)
			assert.Equal(t, uint64(2), r.Total.Processed)
			assert.Equal(t, 3, r.Restarts)
		})
	}

	bubble(t, "runtime.Goexit is the failure ErrExited", func(t *testing.T) {
		s := play(t, &part{})
		tell(t, s.ref(), exiter)
		synctest.Wait()
		require.ErrorIs(t, s.letters()[0].Cause, actors.ErrExited)
	})

	bubble(t, "a failure the supervisor lets pass costs the message only", func(t *testing.T) {
		for _, j := range []job{fail, panicker, exiter} {
			s := play(t, &part{spec: supervision.Spec{
				Decide: func(error) supervision.Directive { return supervision.ResumeChild },
			}})

			var last uint64

			tell(t, s.ref(), j, func(ctx *actors.Context[job]) error { last = ctx.Incarnation(); return nil })
			synctest.Wait()
			assert.Equal(t, uint64(1), last)
			assert.Len(t, s.letters(), 1)
			s.stop(t)
		}
	})

	bubble(t, "a decision that panics or exits means restart", func(t *testing.T) {
		for _, decide := range []func(error) supervision.Directive{
			func(error) supervision.Directive { panic(errTest) },
			func(error) supervision.Directive { runtime.Goexit(); return supervision.StopChild },
		} {
			s := play(t, &part{spec: supervision.Spec{Decide: decide}})

			var last uint64

			tell(t, s.ref(), fail, func(ctx *actors.Context[job]) error { last = ctx.Incarnation(); return nil })
			synctest.Wait()
			assert.Equal(t, uint64(2), last)
			s.stop(t)
		}
	})
}

func TestFunc(t *testing.T) {
	bubble(t, "makes an actor without hooks of a function", func(t *testing.T) {
		got := 0
		p := &part{}
		p.factory = func() (actors.Actor[job], error) {
			return actors.Func[job](func(*actors.Context[job], job) error { got++; return nil }), nil
		}

		s := play(t, p)
		tell(t, s.ref(), []job{nothing, nothing}...)
		synctest.Wait()
		assert.Equal(t, 2, got)
		require.NoError(t, s.stop(t).Err())
	})
}
