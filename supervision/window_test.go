package supervision_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestAnAttemptCountsUntilTheWindowHasPassed(t *testing.T) {
	w := supervision.NewWindow(supervision.Budget{Restarts: 1, Within: time.Second})
	one, two, three := errors.New("one"), errors.New("two"), errors.New("three")

	assert.Equal(t, 1, w.Left(epoch))
	assert.Nil(t, w.Spend(epoch, one))
	assert.Equal(t, 0, w.Left(epoch))

	early := epoch.Add(time.Second - 1)
	assert.Equal(t, 0, w.Left(early))
	assert.Equal(t, []error{one, two}, w.Spend(early, two), "the failures that exhausted it, the last one last")

	assert.Equal(t, 1, w.Left(epoch.Add(time.Second)), "one that was not allowed does not count")
	assert.Nil(t, w.Spend(epoch.Add(time.Second), three))
}

func TestABudgetOfNoRestartsIsExhaustedByTheFirst(t *testing.T) {
	w := supervision.NewWindow(supervision.Budget{Within: time.Second})
	one := errors.New("one")

	assert.Equal(t, 0, w.Left(epoch))
	assert.Equal(t, []error{one}, w.Spend(epoch, one))
	assert.Equal(t, []error{one}, w.Spend(epoch.Add(time.Hour), one))
}

// slowWindow remembers every attempt and looks at all of them.
type slowWindow struct {
	budget   supervision.Budget
	attempts []time.Time
	errs     []error
}

func (w *slowWindow) counting(now time.Time) (errs []error) {
	for i, at := range w.attempts {
		if now.Sub(at) < w.budget.Within {
			errs = append(errs, w.errs[i])
		}
	}

	return errs
}

func (w *slowWindow) spend(now time.Time, err error) []error {
	if errs := w.counting(now); len(errs) >= w.budget.Restarts {
		return append(errs, err)
	}

	w.attempts, w.errs = append(w.attempts, now), append(w.errs, err)

	return nil
}

func TestAWindowCountsLikeAListOfAllAttempts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := supervision.Budget{
			Restarts: rapid.IntRange(0, 5).Draw(t, "restarts"), Within: time.Duration(rapid.IntRange(1, 20).Draw(t, "within")),
		}
		fast, slow, now := supervision.NewWindow(budget), &slowWindow{budget: budget}, epoch

		for i := range rapid.IntRange(0, 50).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 25).Draw(t, "after")))
			require.Equal(t, budget.Restarts-len(slow.counting(now)), fast.Left(now))

			err := fmt.Errorf("failure %d", i)
			require.Equal(t, slow.spend(now, err), fast.Spend(now, err))
			require.Equal(t, budget.Restarts-len(slow.counting(now)), fast.Left(now))
		}
	})
}

func TestAWindowRemembersNoMoreThanItsBudget(t *testing.T) {
	w := supervision.NewWindow(supervision.Budget{Restarts: 8, Within: time.Second})
	failure := errors.New("boom")
	now := epoch

	for range 100 { // fill it
		now = now.Add(time.Second)
		require.Nil(t, w.Spend(now, failure))
	}

	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		_ = w.Spend(now, failure)
		_ = w.Left(now)
	}))
}
