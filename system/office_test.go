package system_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// failing starts a system with one actor that resumes after every failure.
func failing(t *testing.T, options system.Options) (*system.System, *child) {
	t.Helper()

	a := declare(&probe{name: "a"}, supervision.Spec{
		Decide: func(error) supervision.Directive { return supervision.ResumeChild },
	})

	return start(t, tree(a), options), a
}

func TestALetterSaysWhatWasLostAndWhy(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		tell(t, s, a, broken)
		synctest.Wait()

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 1)
		assert.Equal(t, "/test/a", letters[0].Target)
		assert.IsType(t, job(nil), letters[0].Message)
		assert.Equal(t, mailbox.Failed, letters[0].Reason)
		require.ErrorIs(t, letters[0].Cause, errBroken)
		assert.Equal(t, time.Now(), letters[0].Time)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhoHasEndedIsToldFromWhoNeverWas(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{})
		s := start(t, tree(a), silent())

		tell(t, s, a, func(ctx *ctxOf) error { ctx.Stop(); return nil })
		synctest.Wait()

		for _, name := range []string{"test/a", "test/b"} {
			s.Protoactor().Root.Send(actor.NewPID("nonhost", name), "hello")
		}

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 2)
		assert.Equal(t, "/test/a", letters[0].Target)
		assert.Equal(t, mailbox.Stopped, letters[0].Reason)
		assert.Equal(t, "/test/b", letters[1].Target)
		assert.Equal(t, mailbox.NoActor, letters[1].Reason)

		counts := s.DeadLetters().Counts()
		assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopped: 1, mailbox.NoActor: 1}, counts.Map())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestTheOfficeIsBoundedTheOldestGoCounted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options := silent()
		options.Letters = 3
		s, a := failing(t, options)

		for range 5 {
			tell(t, s, a, broken)
			<-time.After(time.Second)
		}

		letters := s.DeadLetters().Letters()
		require.Len(t, letters, 3)
		assert.True(t, letters[0].Time.Before(letters[1].Time) && letters[1].Time.Before(letters[2].Time))
		assert.Equal(t, uint64(2), s.DeadLetters().Dropped())

		counts := s.DeadLetters().Counts()
		assert.Equal(t, uint64(5), counts.Of(mailbox.Failed))

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(5), r.DeadLetters[mailbox.Failed])
	})
}

func TestASubscriberGetsEveryLetterOrKnowsHowManyItMissed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		quick, slow, gone := s.DeadLetters().Subscribe(10), s.DeadLetters().Subscribe(0), s.DeadLetters().Subscribe(1)
		gone.Close()
		gone.Close()

		for range 5 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		_, err := stop(t, s)
		require.NoError(t, err)

		assert.Len(t, drainAll(quick), 5)
		assert.Zero(t, quick.Missed())
		assert.Len(t, drainAll(slow), 1)
		assert.Equal(t, uint64(4), slow.Missed())
		assert.Empty(t, drainAll(gone))

		late := s.DeadLetters().Subscribe(1)
		assert.Empty(t, drainAll(late), "after the stop a stream is closed at once")
	})
}

func TestLettersArePublishedOnProtoactorsEventStreamOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		p := s.Protoactor()

		var (
			mu     sync.Mutex
			events []*actor.DeadLetterEvent
		)

		p.EventStream.Subscribe(func(e any) {
			if l, ok := e.(*actor.DeadLetterEvent); ok {
				mu.Lock()
				defer mu.Unlock()

				events = append(events, l)
			}
		})

		pid, _ := s.PID("/test/a")
		p.Root.Send(pid, "not a job")
		tell(t, s, a, broken)
		p.Root.Send(actor.NewPID("nonhost", "nobody"), "hello")
		synctest.Wait()

		mu.Lock()
		assert.Len(t, events, 3)
		mu.Unlock()

		counts := s.DeadLetters().Counts()
		assert.Equal(t, uint64(1), counts.Of(mailbox.Undecodable))
		assert.Equal(t, uint64(1), counts.Of(mailbox.Failed))
		assert.Equal(t, uint64(1), counts.Of(mailbox.NoActor))
		assert.Equal(t, uint64(3), counts.Total())

		_, err := stop(t, s)
		require.NoError(t, err)

		p.Root.Send(pid, "too late")

		counts = s.DeadLetters().Counts()
		assert.Equal(t, uint64(4), counts.Total(), "what comes after the stop is counted too")
	})
}

func TestLettersArePublishedOnAnEventStreamThatPrepareHasMade(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var heard atomic.Int64

		options := silent()
		options.Prepare = func(p *actor.ActorSystem) error {
			p.EventStream = eventstream.NewEventStream()
			p.EventStream.Subscribe(func(e any) {
				if _, ok := e.(*actor.DeadLetterEvent); ok {
					heard.Add(1)
				}
			})

			return nil
		}

		s, a := failing(t, options)
		tell(t, s, a, broken)
		synctest.Wait()
		assert.Equal(t, int64(1), heard.Load())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestARequestToNobodyFailsAtOnce(t *testing.T) {
	s, _ := failing(t, silent())

	_, err := s.Protoactor().Root.RequestFuture(actor.NewPID("nonhost", "nobody"), "hello", time.Minute).Result()
	require.ErrorIs(t, err, actor.ErrDeadLetter)

	_, err = stop(t, s)
	require.NoError(t, err)
}

func TestASubscriberOfTheEventStreamThatPanicsOrHangsHoldsUpNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		release := make(chan struct{})
		first := true

		s.Protoactor().EventStream.Subscribe(func(any) {
			if first {
				first = false

				panic("subscriber")
			}

			<-release
		})

		for range 3 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		tell(t, s, a, nothing)

		r, err := stop(t, s)
		require.ErrorContains(t, err, "does not return")
		assert.Equal(t, uint64(3), r.DeadLetters[mailbox.Failed])
		assert.Equal(t, uint64(1), r.Total.Processed)
		close(release)
		synctest.Wait()
	})
}

func TestAHandlerOfTheEventStreamThatEndsItsGoroutineHearsTheNextLetter(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, a := failing(t, silent())
		heard := 0

		s.Protoactor().EventStream.Subscribe(func(any) {
			heard++

			runtime.Goexit()
		})

		for range 3 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		assert.Equal(t, 3, heard)

		r, err := stop(t, s)
		require.EqualError(t, err, "dead letters: a handler of protoactor's event stream has ended its goroutine")
		assert.Len(t, r.Errors, 1, "however often")
	})
}

func TestLettersThatAreNotPublishedAreCounted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const room, more = 1024, 5

		s, a := failing(t, silent())
		release := make(chan struct{})
		heard := 0

		s.Protoactor().EventStream.Subscribe(func(any) {
			<-release

			heard++
		})

		tell(t, s, a, broken)
		synctest.Wait() // this one is being published

		for range room + more {
			tell(t, s, a, broken)
			synctest.Wait()
		}

		assert.Equal(t, uint64(more), s.DeadLetters().Unpublished())
		assert.Equal(t, uint64(1+room+more), s.DeadLetters().Counts().Total(), "the office has them all")
		close(release)

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, 1+room, heard)
		assert.Equal(t, uint64(more), r.Unpublished)

		var table strings.Builder

		_, err = r.WriteTo(&table)
		require.NoError(t, err)
		assert.Contains(t, table.String(), "dead letters not published on protoactor's event stream: 5\n")
	})
}
