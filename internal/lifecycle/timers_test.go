package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
)

// alarm is what timers are to do: of all that are set, the first in time comes up, and of those of one time the first
// in the tree.
type alarm map[int]time.Time

func (a alarm) first() (id int, at time.Time) {
	id = -1

	for other, when := range a {
		if id < 0 || when.Before(at) || when.Equal(at) && other < id {
			id, at = other, when
		}
	}

	return id, at
}

func TestTimersComeUpInOrderAndOnlyThoseThatAreSet(t *testing.T) {
	const nodes = 300

	start := time.Unix(1, 0)

	rapid.Check(t, func(t *rapid.T) {
		m, model, now := lifecycle.NewAlarm(nodes), alarm{}, start

		check := func() {
			_, at := model.first()
			require.Equal(t, at, m.Next())

			waiting, void := m.Waiting()
			require.Len(t, waiting, len(model))
			require.LessOrEqual(t, void, max(64, len(model)))
		}
		// Ranges, as one node at a time would hardly ever make the void ones more than half.
		span := func(t *rapid.T) (first, end int) {
			first = rapid.IntRange(0, nodes-1).Draw(t, "first")

			return first, min(nodes, first+rapid.IntRange(1, nodes).Draw(t, "count"))
		}

		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				at := now.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "after")))
				step := time.Duration(rapid.IntRange(0, 1).Draw(t, "step"))
				first, end := span(t)

				for id := first; id < end; id++ {
					model[id] = at.Add(step * time.Duration(id-first))
					m.SetTimer(id, model[id])
				}
			},
			"stop": func(t *rapid.T) {
				first, end := span(t)
				for id := first; id < end; id++ {
					delete(model, id)
					m.StopTimer(id)
				}
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "time")))

				for {
					id, at := model.first()
					if id < 0 || at.After(now) {
						break
					}

					require.Equal(t, id, m.Due(now))
					delete(model, id)
				}

				require.Equal(t, -1, m.Due(now))
			},
			"": func(*rapid.T) { check() },
		})
	})
}

// What has been dropped from the front of the queue of timers is not kept for ever, though there is always a timer.
func TestTimersThatAreOverTakeNoRoom(t *testing.T) {
	const (
		nodes = 3
		many  = 10_000
		few   = 64
	)

	m, start := lifecycle.NewAlarm(nodes), time.Unix(1, 0)

	for i := range many {
		at := start.Add(time.Duration(i))
		m.SetTimer(i%nodes, at)
		require.False(t, m.Next().IsZero())

		if i >= nodes-1 {
			require.Equal(t, (i+1)%nodes, m.Due(at.Add(1-nodes)))
			m.SetTimer((i+1)%nodes, at)
		}
	}

	require.LessOrEqual(t, m.Room(), few)
}
