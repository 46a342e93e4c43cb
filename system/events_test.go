package system_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// noting are options whose OnEvent notes kind and path of each event.
func noting(d *diary) system.Options {
	options := silent()
	options.OnEvent = func(e supervision.Event) { d.note(fmt.Sprint(e.Kind, " ", e.Path)) }

	return options
}

func TestEventsAreToldInTheOrderTheyHappened(t *testing.T) {
	for name, c := range map[string]struct {
		tree func(children ...supervision.Child) supervision.Tree
		jobs []job
		want []string
	}{
		"a failure and its restart": {
			tree: tree, jobs: []job{broken},
			want: []string{
				"dead-lettered /test/b", "failed /test/b", "restarting /test/b", "started /test/b",
			},
		},
		"a supervisor that gives up, and the one above": {
			tree: func(children ...supervision.Child) supervision.Tree {
				within := tree(children...)
				within.Name, within.Budget.Restarts, within.Backoff = "group", 0, immediately

				return tree(&within)
			},
			jobs: []job{broken},
			want: []string{
				"dead-lettered /test/group/b", "failed /test/group/b", "gave up /test/group", "halted /test/group/a",
				"restarting /test/group", "started /test/group/a", "started /test/group/b", "started /test/group",
			},
		},
		"the restart of a group": {
			tree: func(children ...supervision.Child) supervision.Tree {
				all := tree(children...)
				all.Strategy = supervision.AllForOne

				return all
			},
			jobs: []job{broken},
			want: []string{
				"dead-lettered /test/b", "failed /test/b", "restarting /test/b", "halted /test/a", "started /test/a",
				"started /test/b",
			},
		},
		"a failure that is resumed": {
			tree: tree, jobs: []job{func(*ctxOf) error { return errResume }},
			want: []string{"dead-lettered /test/b", "resumed /test/b"},
		},
		"an actor that stops": {
			tree: tree, jobs: []job{func(ctx *ctxOf) error { ctx.Stop(); return nil }},
			want: []string{"stopped /test/b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				spec := supervision.Spec{Backoff: immediately, Decide: decide}
				a, b := declare(&probe{name: "a"}, spec), declare(&probe{name: "b"}, spec)
				s := start(t, c.tree(a, b), noting(d))
				synctest.Wait()

				booted := d.read()
				assert.Equal(t, "started /test", booted[len(booted)-1], "the first start is told of too")

				for _, j := range c.jobs {
					tell(t, s, b, j)
				}

				synctest.Wait()
				assert.Equal(t, c.want, d.read()[len(booted):])

				told := len(d.read())
				_, err := stop(t, s)
				require.NoError(t, err)
				assert.Contains(t, d.read()[told:], "stopped /test")
				assert.Zero(t, s.Events().Missed())

				kept := s.Events().Recent()
				for i, noted := range d.read() {
					assert.Equal(t, noted, fmt.Sprint(kept[i].Kind, " ", kept[i].Path))
				}
			})
		})
	}
}

func TestAnEventSaysWhatHappened(t *testing.T) {
	virtual(t, func(t *testing.T) {
		began := time.Now()
		a := declare(&probe{name: "a"}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(a), silent())
		events := s.Events().Subscribe(10, supervision.Failed, supervision.Restarting)

		<-time.After(time.Second)
		tell(t, s, a, broken)

		failed, restarting := <-events.C(), <-events.C()
		assert.Equal(t, supervision.Failed, failed.Kind)
		assert.Equal(t, uint64(1), failed.Incarnation)
		assert.Equal(t, began.Add(time.Second), failed.Time)
		require.ErrorIs(t, failed.Err, errBroken)
		assert.Equal(t, supervision.Restarting, restarting.Kind)
		assert.Equal(t, 2, restarting.Left)
		assert.Same(t, failed.Err, restarting.Err)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestASubscriberGetsEveryEventOfItsKindsOrKnowsHowManyItMissed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		quick, slow := s.Events().Subscribe(100), s.Events().Subscribe(-1)
		some := s.Events().Subscribe(system.MaxBuffer+1, supervision.Resumed, supervision.EventKind(200))
		gone := s.Events().Subscribe(1)
		gone.Close()
		gone.Close()

		for range 5 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		_, err := stop(t, s)
		require.NoError(t, err)

		assert.Len(t, drainAll(quick), 12, "five letters, five failures, two ends")
		assert.Zero(t, quick.Missed())
		assert.Len(t, drainAll(slow), 1)
		assert.Equal(t, uint64(11), slow.Missed())
		assert.Len(t, drainAll(some), 5)
		assert.Zero(t, some.Missed())
		assert.Empty(t, drainAll(gone))
		assert.Empty(t, drainAll(s.Events().Subscribe(1)), "after the stop a stream is closed at once")
		assert.Equal(t, uint64(5), s.Events().Count(supervision.Resumed))
		assert.Zero(t, s.Events().Count(200))

		var zero system.Subscription[supervision.Event]

		zero.Close()
		assert.Zero(t, zero.Missed())
	})
}

func TestASubscriptionMadeDuringAShutdownEndsWithIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var (
			s    *system.System
			late *system.Subscription[supervision.Event]
		)

		a := declare(&probe{name: "a", closes: func(context.Context) error {
			late = s.Events().Subscribe(10)

			return nil
		}}, supervision.Spec{})
		s = start(t, tree(a), silent())

		_, err := stop(t, s)
		require.NoError(t, err)

		var paths []string
		for e := range late.All() {
			paths = append(paths, e.Path)
		}

		assert.Equal(t, []string{"/test/a", "/test"}, paths)
	})
}

func TestTheEventsThatAreKeptAreBounded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options := silent()
		options.Events = 3
		s, a := failing(t, options)

		for range 5 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		assert.Len(t, s.Events().Recent(), 3)
		assert.Equal(t, supervision.Resumed, s.Events().Recent()[2].Kind)
		assert.Equal(t, uint64(2+2*5-3), s.Events().Dropped())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestAnOnEventThatHangsPanicsOrExitsHoldsUpNobody(t *testing.T) {
	var release chan struct{} // of the bubble

	for name, c := range map[string]struct {
		tell   func(supervision.Event)
		missed bool
		says   string
	}{
		"hangs":  {func(supervision.Event) { <-release }, true, "OnEvent does not return"},
		"panics": {func(supervision.Event) { panic("told") }, false, "system.Options.OnEvent: panic: told"},
		"exits":  {func(supervision.Event) { runtime.Goexit() }, false, "OnEvent has ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				release = make(chan struct{})
				told := 0
				options := silent()
				options.OnEvent = func(e supervision.Event) {
					told++
					c.tell(e)
				}
				s, a := failing(t, options)

				for range 1000 {
					tell(t, s, a, broken)
				}

				synctest.Wait()
				assert.True(t, s.Events().Missed() > 0 || !c.missed)
				assert.True(t, told+int(s.Events().Missed()) == 2002 || c.missed, "who panics or exits is told of the next, too")

				began := time.Now()
				r, err := stop(t, s)
				require.ErrorContains(t, err, c.says)
				assert.False(t, r.Clean)
				assert.LessOrEqual(t, time.Since(began), system.ForcedGrace)
				close(release)
				synctest.Wait()
			})
		})
	}
}

func TestSubscribersComeAndGoWhileEventsFlow(t *testing.T) {
	s, a := failing(t, silent())

	var all sync.WaitGroup

	for range 4 {
		all.Go(func() {
			for range 100 {
				sub := s.Events().Subscribe(4)

				select {
				case <-sub.C():
				default:
				}

				sub.Close()
				_ = drainAll(sub)
			}
		})
		all.Go(func() {
			for range 200 {
				tell(t, s, a, broken)
			}
		})
	}

	counted := s.Events().Subscribe(1)
	before := s.Events().Count(supervision.Resumed) + s.Events().Count(supervision.DeadLettered)
	all.Wait()

	_, err := stop(t, s)
	require.NoError(t, err)

	total := uint64(len(drainAll(counted))) + counted.Missed()
	after := s.Events().Count(supervision.Resumed) + s.Events().Count(supervision.DeadLettered)
	assert.GreaterOrEqual(t, after, total-2)
	assert.LessOrEqual(t, after-before, total)
	assert.Equal(t, uint64(1600), after)
}

// drainAll reads a stream to its end.
func drainAll[T any](s *system.Subscription[T]) (all []T) {
	for v := range s.All() {
		all = append(all, v)
	}

	return all
}
