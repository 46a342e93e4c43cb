package system_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// TestAShelfIsAsASimpleOne compares the shelf with a slice.
func TestAShelfIsAsASimpleOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 20).Draw(t, "capacity")
		shelf := system.NewShelf(capacity)
		next, evicted := uint64(rapid.IntRange(1, 5).Draw(t, "first")), uint64(0)

		var held []uint64

		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				shelf.Put(next)

				if len(held) == capacity {
					held = held[1:]
					evicted++
				}

				held = append(held, next)
				next++
			case 2:
				number := rapid.Uint64Range(0, next+1).Draw(t, "number")
				at := slices.Index(held, number)

				require.Equal(t, at >= 0, shelf.Take(number))

				if at >= 0 {
					held = slices.Delete(held, at, at+1)
				}
			case 3:
				from := rapid.Uint64Range(0, next+1).Draw(t, "from")
				some := slices.DeleteFunc(slices.Clone(held), func(n uint64) bool { return n < from })
				most := rapid.IntRange(1, 5).Draw(t, "most")

				require.Equal(t, append([]uint64{}, some[:min(len(some), most)]...), shelf.After(from, most))
			}

			require.Equal(t, append([]uint64{}, held...), shelf.After(0, capacity+1))
			require.Equal(t, evicted, shelf.Evicted())
			require.LessOrEqual(t, shelf.Slots(), max(8, 2*capacity), "memory is bounded")
		}
	})
}

// morgue is a system whose actors fail now and then, and what became of every message.
type morgue struct {
	*rapid.T

	system   *system.System
	actors   []*mortal
	refs     []actors.Ref[int]
	sent     int
	capacity int
}

// mortal is an actor that fails on every message while it is ill, and none passes it while it is shut.
type mortal struct {
	ill     bool
	shut    chan struct{}
	handled map[int]int
	deaths  uint64
}

func (m *mortal) Receive(_ *actors.Context[int], n int) error {
	if m.shut != nil {
		<-m.shut
	}

	if m.ill {
		m.deaths++

		return errBroken
	}

	m.handled[n]++

	return nil
}

func (m *morgue) open(n int) {
	if c := m.actors[n].shut; c != nil {
		m.actors[n].shut = nil
		close(c)
	}
}

func (m *morgue) which() int { return rapid.IntRange(0, len(m.actors)-1).Draw(m.T, "actor") }

func (m *morgue) step() {
	n := m.which()
	a, f := m.actors[n], m.system.DeadLetters()

	switch rapid.IntRange(0, 7).Draw(m.T, "step") {
	case 0, 1, 2:
		if err := m.refs[n].TryTell(m.sent); err != nil {
			require.ErrorIs(m, err, mailbox.ErrFull)
		} else {
			m.sent++
		}
	case 3:
		synctest.Wait()

		a.ill = !a.ill
	case 4:
		synctest.Wait()

		if a.shut == nil {
			a.shut = make(chan struct{})
		}
	case 5:
		m.open(n)
	case 6:
		m.replay(rapid.SampledFrom([]system.Filter{
			{}, {Target: "/test/" + string(rune('a'+n))}, {Reasons: []mailbox.Reason{mailbox.Failed}},
		}).Draw(m.T, "filter"))
	case 7:
		if all := f.Letters(); len(all) > 0 {
			m.check(f.ReplayOne(rapid.SampledFrom(all).Draw(m.T, "letter").Number))
		}
	}
}

func (m *morgue) replay(filter system.Filter) {
	most := rapid.IntRange(1, 10).Draw(m.T, "most")
	full := make(map[string]bool)
	last := uint64(0)

	all := m.system.DeadLetters().Replay(filter, most)
	require.LessOrEqual(m, len(all), most)

	for _, r := range all {
		require.Greater(m, r.Number, last, "oldest first")
		last = r.Number

		full[r.Target] = full[r.Target] || r.Outcome == system.TargetFull
		require.False(m, full[r.Target] && r.Outcome == system.Accepted, "none overtakes one that found no room")

		m.check(r)
	}
}

func (m *morgue) check(r system.Replayed) {
	require.Contains(m, []system.Outcome{
		system.Accepted, system.TargetFull, system.TooOften, system.NotHeld,
	}, r.Outcome)
	require.Equal(m, r.Outcome == system.Accepted, r.Err == nil)
}

// account checks that every message is in exactly one place.
func (m *morgue) account() {
	synctest.Wait()

	f := m.system.DeadLetters()
	stats, letters := f.Stats(), f.Letters()

	require.Equal(m, stats.Taken, stats.Held+stats.Replayed+stats.Evicted, "the law")
	require.Len(m, letters, int(stats.Held))
	require.LessOrEqual(m, len(letters), m.capacity)

	places, deaths := make(map[int]int), uint64(0)

	for _, a := range m.actors {
		deaths += a.deaths

		for n, times := range a.handled {
			places[n] += times
		}
	}

	require.Equal(m, deaths, stats.Taken)

	for _, l := range letters {
		n, _ := l.Message.(int)
		places[n]++

		require.Equal(m, l.Replays+1, l.Attempt)
		require.Equal(m, l.Replays > 0, l.Origin > 0)
		require.Less(m, l.Origin, l.Number)
		require.LessOrEqual(m, l.Replays, 2)
	}

	for n, times := range places {
		require.Equal(m, 1, times, "message %d is in so many places", n)
	}

	waiting := uint64(0)
	for _, a := range m.system.Stats() {
		waiting += a.Queued + a.Handling
	}

	require.Equal(m, uint64(m.sent), uint64(len(places))+waiting+stats.Evicted, "no message is lost")
}

func TestNoMessageIsLostOrDoubledByReplays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var failure any

		synctest.Test(t, func(t *testing.T) {
			defer func() { failure = recover() }() // rapid's way to fail a test, for its own goroutine

			inMorgue(t, rt)
		})

		if failure != nil {
			panic(failure)
		}
	})
}

func inMorgue(t *testing.T, rt *rapid.T) {
	t.Helper()

	options := silent()
	options.Letters, options.Replays = rapid.IntRange(1, 8).Draw(rt, "letters"), 2
	m := &morgue{T: rt, capacity: options.Letters}

	var (
		children []supervision.Child
		declared []*supervision.ActorChild[int]
	)

	for _, name := range []string{"a", "b"} {
		a := &mortal{handled: make(map[int]int)}
		c := supervision.Actor(name, func(supervision.Deps) (*mortal, error) { return a, nil },
			supervision.Spec{Decide: resume, Mailbox: &mailbox.Options{
				Capacity: rapid.IntRange(1, 4).Draw(rt, "capacity"), Overflow: mailbox.Reject,
			}})
		m.actors, children, declared = append(m.actors, a), append(children, c), append(declared, c)
	}

	m.system = start(t, tree(children...), options)
	for _, c := range declared {
		m.refs = append(m.refs, c.From(m.system.Intake()))
	}

	defer func() {
		m.open(0)
		m.open(1)

		_, err := m.system.Shutdown(t.Context())
		require.NoError(t, err)
	}()

	for range rapid.IntRange(1, 60).Draw(rt, "steps") {
		m.step()
		m.account()
	}
}
