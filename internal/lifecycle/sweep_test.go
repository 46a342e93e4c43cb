package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Everybody is told, but not by a sweep for every few: each sweep is looked at with everything that happens.
func TestLimitsThatChangeFromOneToTheNextDoNotMakeAnyNumberOfSweeps(t *testing.T) {
	const count = 1_000

	lines := []string{"/r budget=1/100ms"}
	for i := range count {
		lines = append(lines, fmt.Sprintf("/r/a%d flush=%dms", i, 100+i/5%2))
	}

	plan, err := planOf(lines)
	require.NoError(t, err)

	m := lifecycle.New(lifecycle.Config{
		Plan:   plan,
		Shares: supervision.Shares{Drain: time.Second, Flush: time.Second, Close: time.Second},
		AtOnce: func(_ int, c mailbox.Command) (bool, mailbox.Command) { return c == node.Drain, node.Flush },
	})
	now := time.Now()

	for in := lifecycle.Input(lifecycle.Boot{}); in != nil; { // they start one after the other
		effects := m.Step(now, in)
		in = nil

		for _, e := range effects {
			if b, ok := e.(*lifecycle.Begin); ok {
				in = lifecycle.Report{Report: node.Report{ID: b.ID, Incarnation: b.Incarnation, Event: node.Started}}
			}
		}
	}

	var swept, sweeps, told int

	for _, e := range m.Step(now, lifecycle.Shutdown{}) {
		switch e := e.(type) {
		case *lifecycle.Sweep:
			swept += len(e.IDs)
			sweeps++
		case *lifecycle.Order:
			assert.True(t, e.Sleeps)

			told++
		}
	}

	assert.Equal(t, count, swept+told)
	assert.Positive(t, sweeps)
	assert.LessOrEqual(t, sweeps, 16)
}
