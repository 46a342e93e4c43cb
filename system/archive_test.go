package system_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// file keeps what it is told of letters; before each call it asks first.
type file struct {
	letters  map[uint64]any // messages by number
	replayed int
	first    func() error
}

func (f *file) keep(all []system.LetterEvent) error {
	if f.first != nil {
		if err := f.first(); err != nil {
			return err
		}
	}

	for _, e := range all {
		if e.Replayed {
			f.replayed++
			delete(f.letters, e.Letter.Number)
		} else {
			f.letters[e.Letter.Number] = e.Letter.Message
		}
	}

	return nil
}

// archiving are options with a file.
func archiving(first func() error) (*file, system.Options) {
	f, o := &file{letters: make(map[uint64]any), first: first}, silent()
	o.OnLetters = f.keep

	return f, o
}

func TestAllLettersAreToldBeforeTheSystemHasStopped(t *testing.T) {
	virtual(t, func(t *testing.T) {
		kept, options := archiving(nil)
		options.Letters = 2
		c := &clerk{ill: true}
		a := c.declare("a", supervision.Spec{Decide: resume})
		starting := supervision.Actor("b", func(in supervision.Deps) (*probe, error) {
			_ = a.From(in).TryTell(0)

			return &probe{}, nil
		}, supervision.Spec{DependsOn: supervision.On(a)})
		s := start(t, tree(a, starting), options)

		sendAll(t, s, a, 1, 2, 3)
		assert.Len(t, kept.letters, 4, "also what was lost in the first start")

		c.ill = false

		assert.Len(t, s.DeadLetters().Replay(system.Filter{}, 1), 1)
		synctest.Wait()
		assert.Len(t, kept.letters, 3, "what is evicted stays in the file, what is replayed does not")
		assert.Equal(t, 1, kept.replayed)

		c.ill = true

		require.NoError(t, a.From(s.Intake()).Tell(t.Context(), 4))

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Len(t, kept.letters, 4, "the last one was told before the end")

		pid, _ := s.PID("/test/a")
		s.Protoactor().Root.Send(pid, 5)
		assert.Equal(t, uint64(1), s.DeadLetters().Missed(), "what comes after it is missed")
		assert.Equal(t, uint64(6), s.DeadLetters().Stats().Taken)
	})
}

func TestAnArchiveThatIsBehindMissesLettersAndReplaysNothingTwice(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const flood, room, leaving = 6000, 4096, 1024

		release := make(chan struct{})
		kept, options := archiving(func() error { <-release; return nil })
		options.Letters = flood
		c := &clerk{}
		a := c.declare("a", supervision.Spec{})
		s := start(t, tree(a), options)
		f := s.DeadLetters()
		at, _ := s.PID("/test/a")

		s.Protoactor().Root.Send(actor.NewPID("nonhost", "nobody"), -1) // occupies the archive
		synctest.Wait()

		for n := range flood {
			s.Protoactor().Root.Send(at, strconv.Itoa(n))
		}

		assert.Equal(t, uint64(flood-room), f.Missed())
		assert.Equal(t, system.OfficeStats{Taken: flood + 1, Held: flood, Evicted: 1}, f.Stats())

		accepted, waiting := 0, 0

		for n := range uint64(leaving + 10) {
			l := system.Letter{Number: 1 + n, Target: "/test/a", Message: int(n)}

			switch r := f.Resend(l, func() bool { return true }); r.Outcome {
			case system.Accepted:
				accepted++
			case system.Leaving:
				waiting++
			default:
				t.Error(r)
			}

			synctest.Wait()
		}

		assert.Equal(t, [2]int{leaving, 10}, [2]int{accepted, waiting}, "what nobody can be told of is not replayed")
		assert.Equal(t, system.Leaving, f.Resend(system.Letter{Number: 1}, func() bool { return true }).Outcome)

		close(release)
		synctest.Wait()
		assert.Equal(t, system.Accepted, f.Resend(system.Letter{Number: leaving + 10, Target: "/test/a", Message: 0},
			func() bool { return true }).Outcome, "there is room again once it has been told")

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Len(t, kept.letters, room+1)
		assert.Equal(t, leaving+1, kept.replayed)
	})
}

func TestAnArchiveInTroubleIsAnErrorOfTheStop(t *testing.T) {
	hang := make(chan struct{})
	failed := errors.New("disk full")

	for name, of := range map[string]struct {
		keep   func([]system.LetterEvent) error
		want   string
		missed uint64
	}{
		"fails":  {func([]system.LetterEvent) error { return failed }, "system.Options.OnLetters: disk full", 2},
		"panics": {func([]system.LetterEvent) error { panic(failed) }, "system.Options.OnLetters: panic: disk full", 2},
		"exits":  {func([]system.LetterEvent) error { runtime.Goexit(); return nil }, "OnLetters has ended its goroutine", 2},
		"hangs":  {func([]system.LetterEvent) error { <-hang; return nil }, "system.Options.OnLetters does not return", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "hangs" {
				virtual(t, func(t *testing.T) { troubled(t, of.keep, of.want, of.missed) })

				return
			}

			virtual(t, func(t *testing.T) {
				hang = make(chan struct{})
				defer close(hang)

				troubled(t, of.keep, of.want, of.missed)
			})
		})
	}
}

func troubled(t *testing.T, keep func([]system.LetterEvent) error, want string, missed uint64) {
	t.Helper()

	options := silent()
	options.OnLetters = keep
	c := &clerk{ill: true}
	a := c.declare("a", supervision.Spec{Decide: resume})
	s := start(t, tree(a), options)

	sendAll(t, s, a, 1)

	c.ill = false

	r := s.DeadLetters().Replay(system.Filter{}, 1)
	assert.Equal(t, []string{"accepted"}, outcomesOf(r...))
	synctest.Wait()

	c.ill = true

	sendAll(t, s, a, 2)

	began := time.Now()
	_, err := stop(t, s)
	require.ErrorContains(t, err, want)
	assert.LessOrEqual(t, time.Since(began), system.ForcedGrace)
	assert.Equal(t, missed, s.DeadLetters().Missed())
}

// TestAStopWhileTheOfficeIsFull is asked for by ten at once, while every mailbox is flooded with what becomes a dead
// letter, and the office, its archive and its subscribers have no room.
func TestAStopWhileTheOfficeIsFull(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const kept = 8

		slow := func() error { <-time.After(10 * time.Millisecond); return nil }
		archive, options := archiving(slow)
		options.Letters = kept

		var (
			all    []supervision.Child
			clerks []*clerkChild
		)

		for n := range 4 {
			c := (&clerk{ill: true, slow: time.Millisecond}).declare(fmt.Sprint("c", n), supervision.Spec{Decide: resume})
			all, clerks = append(all, c), append(clerks, c)
		}

		s := start(t, tree(all...), options)
		f := s.DeadLetters()
		behind := f.Subscribe(1)

		for _, c := range clerks {
			go func() {
				ref := c.From(s.Intake())
				for n := 0; n >= 0; n++ {
					if ref.Tell(context.Background(), n) != nil { //nolint:usetesting // the test does not wait for it
						return
					}
				}
			}()
		}

		<-time.After(time.Second) // the senders wait for room again and again, as the actors take what they have

		for range 10 {
			go func() { _, _ = s.Shutdown(t.Context()) }()
		}

		r, err := stop(t, s)
		require.NoError(t, err)

		stats := f.Stats()
		assert.Equal(t, stats.Taken, stats.Held+stats.Replayed+stats.Evicted)
		assert.Equal(t, uint64(kept), stats.Held)
		assert.Equal(t, stats.Taken, sum(r.DeadLetters))
		assert.Equal(t, r.Total.Failed+sum(r.Total.DeadLettered)+sum(r.Total.Refused), stats.Taken)
		assert.Equal(t, stats.Taken, uint64(len(archive.letters))+f.Missed(), "it was told of all others")
		assert.Equal(t, stats.Taken, uint64(len(drainAll(behind)))+behind.Missed())
		assert.Positive(t, stats.Evicted)
	})
}
