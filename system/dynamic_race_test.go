package system_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// TestManyStartAndStopAtOnceWhileTheSystemStops has goroutines that start children under few names, send to them and
// stop each other's, until a shutdown comes.
func TestManyStartAndStopAtOnceWhileTheSystemStops(t *testing.T) {
	const users, bound = 200, 50

	declared := crowd(supervision.GroupSpec{
		MaxChildren: bound, Child: supervision.Spec{Backoff: immediately},
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: time.Minute},
	})
	s := start(t, tree(declared), silent())
	g := declared.From(s.Intake())

	var (
		all             sync.WaitGroup
		accepted, began atomic.Uint64
		most            atomic.Int64
		enough          = make(chan struct{})
	)

	use := func(i int) error {
		name := strconv.Itoa(i % 70)

		ref, err := g.Start(t.Context(), name, &probe{})

		switch {
		case err == nil:
			if began.Add(1) == 500 {
				close(enough)
			}
		case errors.Is(err, mailbox.ErrStopping), errors.Is(err, mailbox.ErrStopped):
			return err
		default: // it is full, or there is one already
			ref, _ = g.Lookup(name)
		}

		for _, j := range []job{nothing, []job{nothing, broken}[i%2], nothing} {
			if ref.Tell(t.Context(), j) == nil {
				accepted.Add(1)
			}
		}

		if n := int64(g.Len()); n > most.Load() {
			most.Store(n)
		}

		if i%3 == 0 {
			return nil
		}

		err = g.Stop(t.Context(), strconv.Itoa((i*11+5)%70))
		if errors.As(err, new(*supervision.NoChildError)) {
			return nil
		}

		return err
	}

	for u := range users {
		all.Go(func() {
			for i := u; ; i += 13 {
				if err := use(i); err != nil {
					assert.True(t, errors.Is(err, mailbox.ErrStopping) || errors.Is(err, mailbox.ErrStopped), "%v", err)

					return
				}
			}
		})
	}

	<-enough

	r, err := stop(t, s)
	require.NoError(t, err)
	all.Wait()
	assert.LessOrEqual(t, most.Load(), int64(bound))
	assert.Equal(t, accepted.Load(), r.Total.Accepted, "also those of children that have gone")

	kept := system.Kept(s)
	assert.Zero(t, kept["starting"])
	assert.Zero(t, kept["leaving"])
	assert.LessOrEqual(t, kept["nodes"], bound+2)
}

func TestChildrenThatHaveGoneLeaveOnlyTheirFigures(t *testing.T) {
	const cycles = 2000

	declared := crowd(supervision.GroupSpec{
		MaxChildren: 3, Child: supervision.Spec{Backoff: immediately},
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: time.Minute},
	})
	s := start(t, tree(declared), silent())
	g := declared.From(s.Intake())
	stays := enter(t, g, "stays", &probe{})

	var old actors.Ref[job]

	for i := range cycles {
		name := "" // a new one every time
		if i%2 == 0 {
			name = "a"
		}

		ref := enter(t, g, name, &probe{})
		send(t, ref, nothing)
		send(t, ref, broken)
		require.NoError(t, g.Stop(t.Context(), ref.Path()[len("/test/crowd/"):]))

		if i > 0 { // nobody who comes later is mistaken for it
			require.ErrorIs(t, old.TryTell(nothing), mailbox.ErrStopped)
		}

		old = ref
	}

	kept := system.Kept(s)
	assert.Equal(t, map[string]int{
		"starting": 0, "leaving": 0, "nodes": 4, "stuck": 0, "departed": 1,
	}, kept, "2 nodes of the plan, and one slot for each of the two children there were at a time")
	send(t, stays, nothing)

	gone := departedStats(t, s)
	assert.Equal(t, uint64(2*cycles), gone.Accepted)
	assert.Equal(t, uint64(cycles), gone.Processed)
	assert.Equal(t, uint64(cycles), gone.Failed)

	r, err := stop(t, s)
	require.NoError(t, err)
	assert.Equal(t, uint64(2*cycles+1), r.Total.Accepted)

	last := r.Actors[len(r.Actors)-1]
	first := r.Actors[0]
	assert.Equal(t, "/test/crowd/*", first.Path)
	assert.Equal(t, cycles, first.Departed)
	assert.Equal(t, first.Restarts, r.Restarts, "none, if it fails with its last message")
	assert.Zero(t, first.Unaccounted)
	assert.Equal(t, "/test/crowd/stays", last.Path)
}
