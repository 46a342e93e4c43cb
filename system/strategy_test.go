package system_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// quick is how a child is supervised that comes back at once.
func quick(on ...supervision.Child) supervision.Spec {
	return supervision.Spec{Restart: supervision.Permanent, Backoff: immediately, DependsOn: on}
}

// trio is a tree of three with a strategy: c depends on a, b on nobody.
func trio(d *diary, strategy supervision.Strategy) (a, b, c *child, all supervision.Tree) {
	a = declare(&probe{name: "a", diary: d}, quick())
	b = declare(&probe{name: "b", diary: d}, quick())
	c = declare(&probe{name: "c", diary: d}, quick(a))
	all = tree(a, b, c)
	all.Strategy = strategy

	return a, b, c, all
}

func TestAStrategySaysWhoIsRestartedWithWhom(t *testing.T) {
	for name, row := range map[string]struct {
		strategy supervision.Strategy
		failed   int    // of a, b, c
		want     string // "-" closed, "+" started
	}{
		"unset, only who failed":                         {0, 0, "-a +a"},
		"one-for-one, only who failed":                   {supervision.OneForOne, 1, "-b +b"},
		"all-for-one, all":                               {supervision.AllForOne, 1, "-b -c -a +a +b +c"},
		"all-for-one, also when the last failed":         {supervision.AllForOne, 2, "-c -b -a +a +b +c"},
		"rest-for-one, those that started after it":      {supervision.RestForOne, 1, "-b -c +b +c"},
		"rest-for-one, all when the first failed":        {supervision.RestForOne, 0, "-a -c -b +a +b +c"},
		"rest-for-one, nobody else when the last failed": {supervision.RestForOne, 2, "-c +c"},
		"dependents-for-one, those that depend on it":    {supervision.DependentsForOne, 0, "-a -c +a +c"},
		"dependents-for-one, nobody else without them":   {supervision.DependentsForOne, 1, "-b +b"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d := &diary{}
				a, b, c, all := trio(d, row.strategy)
				s := start(t, all, silent())

				tell(t, s, []*child{a, b, c}[row.failed], broken)
				synctest.Wait()
				assert.Equal(t, row.want,
					strings.NewReplacer("close ", "-", "start ", "+").Replace(strings.Join(d.read()[3:], " ")))
				assert.Equal(t, 2, health(t, s, "/test").RestartsLeft, "a group is one attempt")

				_, err := stop(t, s)
				require.NoError(t, err)
			})
		})
	}
}

func TestAGroupIsHaltedOneByOneAndStartedOneByOne(t *testing.T) {
	virtual(t, func(t *testing.T) {
		began := time.Now()
		d := &diary{}
		note := func(what string) { d.note(what + " at " + time.Since(began).String()) }
		slow := func(name string) *child {
			return declare(&probe{
				name:   name,
				start:  func(*ctxOf) error { <-time.After(time.Second); note("started " + name); return nil },
				closes: func(context.Context) error { <-time.After(time.Second); note("closed " + name); return nil },
			}, quick())
		}
		a, b, c := slow("a"), slow("b"), slow("c")
		all := tree(a, b, c)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, b, broken)
		<-time.After(time.Minute)
		assert.Equal(t, []string{
			"started a at 1s", "started b at 2s", "started c at 3s",
			"closed b at 4s", "closed c at 5s", "closed a at 6s", // each awaited
			"started a at 7s", "started b at 8s", "started c at 9s",
		}, d.read())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestTheQueuesOfAGroupAreKept(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b, c, all := trio(nil, supervision.AllForOne)
		s := start(t, all, silent())
		held := make(chan struct{})
		incarnations := make(chan uint64, 9)

		for _, who := range []*child{a, b, c} {
			tell(t, s, who, func(*ctxOf) error {
				<-held

				if who == b {
					return errBroken
				}

				return nil
			})

			for range 3 {
				tell(t, s, who, func(ctx *ctxOf) error { incarnations <- ctx.Incarnation(); return nil })
			}
		}

		// The one that fails comes first, so that the others are in the middle of a message when they are halted.
		synctest.Wait()
		close(held)
		synctest.Wait()

		n := map[uint64]int{}
		for range 9 {
			n[<-incarnations]++
		}

		assert.GreaterOrEqual(t, n[2], 3, "those of who failed")

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(11), r.Total.Processed)
		assert.Equal(t, uint64(1), r.Total.Failed)
	})
}

func TestTemporaryAndEndedChildrenDoNotComeBackWithTheirGroup(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, quick())
		passing := declare(&probe{name: "passing", diary: d}, supervision.Spec{Restart: supervision.Temporary})
		over := declare(&probe{name: "over", diary: d}, supervision.Spec{})
		all := tree(a, passing, over)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())

		tell(t, s, over, func(ctx *ctxOf) error { ctx.Stop(); return nil })
		synctest.Wait()
		tell(t, s, a, broken)
		synctest.Wait()
		assert.Equal(t, []string{"flush over", "close over", "close a", "close passing", "start a"}, d.read()[3:])
		assert.Equal(t, system.Stopped, health(t, s, "/test/passing").State)
		assert.Equal(t, system.Stopped, health(t, s, "/test/over").State)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestASubtreeIsRestartedWithItsGroupAsAWhole(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		x := declare(&probe{name: "x", diary: d}, quick())
		y := declare(&probe{name: "y", diary: d}, quick())
		z := declare(&probe{name: "z", diary: d}, quick())
		deep := &supervision.Tree{
			Name: "deep", Budget: supervision.Budget{Restarts: 9, Within: time.Hour}, Backoff: immediately,
			Strategy: supervision.RestForOne, Children: supervision.On(x, y),
		}
		inner := &supervision.Tree{
			Name: "inner", Budget: supervision.Budget{Restarts: 9, Within: time.Hour}, Backoff: immediately,
			Strategy: supervision.AllForOne, Children: supervision.On(deep, z),
		}
		root := declare(&probe{name: "root", diary: d}, quick())
		all := tree(root, inner)
		all.Strategy = supervision.RestForOne
		s := start(t, all, silent())
		seen := len(d.read())
		since := func() []string {
			synctest.Wait()

			now := d.read()
			defer func() { seen = len(now) }()

			return now[seen:]
		}

		tell(t, s, y, broken)
		assert.Equal(t, []string{"close y", "start y"}, since(), "the innermost supervisor decides")
		tell(t, s, x, broken)
		assert.Equal(t, []string{"close x", "close y", "start x", "start y"}, since())
		tell(t, s, z, broken)
		assert.Equal(t, []string{"close z", "close y", "close x", "start x", "start y", "start z"}, since())
		tell(t, s, root, broken)
		assert.Equal(t, []string{
			"close root", "close z", "close y", "close x", "start root", "start x", "start y", "start z",
		}, since())

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}
