package system_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

type (
	groupChild = supervision.GroupChild[job, *probe]
	group      = supervision.Group[job, *probe]
)

// crowd declares a group whose children are the probes they are started with.
func crowd(spec supervision.GroupSpec) *groupChild {
	if spec.Budget == (supervision.Budget{}) {
		spec.Budget = supervision.Budget{Restarts: 3, Within: 10 * time.Second}
	}

	spec.Backoff = immediately

	return supervision.DynamicGroup("crowd", func(_ supervision.Deps, p *probe) (*probe, error) { return p, nil }, spec)
}

func names(g group) (all []string) {
	for name := range g.All() {
		all = append(all, name)
	}

	return all
}

// enter starts a child.
func enter(t *testing.T, g group, name string, p *probe) actors.Ref[job] {
	t.Helper()

	ref, err := g.Start(t.Context(), name, p)
	require.NoError(t, err)

	return ref
}

func send(t *testing.T, ref actors.Ref[job], j job) {
	t.Helper()
	require.NoError(t, ref.Tell(t.Context(), j))
}

// inCrowd runs a test with a group alone in a tree, and checks the books at its end.
func inCrowd(t *testing.T, spec supervision.GroupSpec, f func(t *testing.T, s *system.System, g group)) {
	t.Helper()
	virtual(t, func(t *testing.T) {
		declared := crowd(spec)
		s := start(t, tree(declared), silent())
		f(t, s, declared.From(s.Intake()))

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestChildrenOfAGroupComeAndGo(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 3}, func(t *testing.T, s *system.System, g group) {
		d := &diary{}
		assert.Equal(t, "/test/crowd", g.Path())
		assert.Zero(t, g.Len())

		first := enter(t, g, "first", &probe{name: "first", diary: d})
		assert.Equal(t, "/test/crowd/first", first.Path())
		assert.Equal(t, []string{"start first"}, d.read(), "Start waits for it")
		assert.Equal(t, "/test/crowd/1", enter(t, g, "", &probe{}).Path(), "without a name it takes a number")
		enter(t, g, "second", &probe{})
		assert.Equal(t, []string{"first", "1", "second"}, names(g))
		assert.Equal(t, 3, g.Len())

		for range g.All() {
			break // the rest is not wanted
		}

		_, err := g.Start(t.Context(), "", &probe{})

		var full *supervision.GroupFullError

		require.ErrorAs(t, err, &full)
		assert.Equal(t, supervision.GroupFullError{Path: "/test/crowd", MaxChildren: 3}, *full)
		assert.EqualError(t, full, "/test/crowd: the group is full, it may have 3 children at a time")

		found, ok := g.Lookup("first")
		assert.True(t, ok)
		assert.Equal(t, first, found)

		pid, ok := s.PID("/test/crowd/first")
		assert.True(t, ok)
		assert.Same(t, first.PID(), pid)

		held := make(chan struct{})
		send(t, first, hangs(held))
		send(t, first, nothing)
		time.AfterFunc(time.Second, func() { close(held) })
		require.NoError(t, g.Stop(t.Context(), "first"))
		assert.Equal(t, []string{"start first", "flush first", "close first"}, d.read(), "its queue worked off")
		require.ErrorIs(t, first.TryTell(nothing), mailbox.ErrStopped)

		_, ok = g.Lookup("first")
		assert.False(t, ok)
		enter(t, g, "first", &probe{}) // there is room again, and the name is free
		assert.Equal(t, []string{"1", "second", "first"}, names(g))
		assert.Equal(t, system.ActorStats{Path: "/test/crowd/*", Stats: mailbox.Stats{Accepted: 2, Processed: 2}},
			departedStats(t, s))
	})
}

// departedStats returns what those have counted who have gone.
func departedStats(t *testing.T, s *system.System) system.ActorStats {
	t.Helper()

	for _, a := range s.Stats() {
		if strings.HasSuffix(a.Path, "/*") {
			a.Refused = mailbox.Counts{}

			return a
		}
	}

	t.Fatal("nobody has gone")

	return system.ActorStats{}
}

func TestNamesOfChildren(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 9}, func(t *testing.T, _ *system.System, g group) {
		for _, bad := range []string{"a/b", "a b", "/", "\n", "*", ".", "..", strings.Repeat("x", 256)} {
			_, err := g.Start(t.Context(), bad, &probe{})

			var spec *supervision.SpecError

			require.ErrorAs(t, err, &spec, "%q", bad)
			assert.Equal(t, "Name", spec.Field)
		}

		ref := enter(t, g, "a", &probe{})
		enter(t, g, "1", &probe{})
		assert.Equal(t, "/test/crowd/2", enter(t, g, "", &probe{}).Path(), "1 is taken")

		_, err := g.Start(t.Context(), "a", &probe{})

		var taken *actors.NameTakenError

		require.ErrorAs(t, err, &taken)
		assert.Equal(t, "/test/crowd/a", taken.Path)

		require.NoError(t, ref.Tell(t.Context(), nothing), "it is unharmed")
		assert.Equal(t, 3, g.Len())

		for _, nobody := range []string{"", ".", "..", "x", "../crowd/a", "a/"} {
			_, ok := g.Lookup(nobody)
			assert.False(t, ok, nobody)

			var none *supervision.NoChildError

			require.ErrorAs(t, g.Stop(t.Context(), nobody), &none)
			assert.Equal(t, supervision.NoChildError{Path: "/test/crowd", Name: nobody}, *none)
		}
	})
}

func TestANameIsTakenUntilItsChildHasEnded(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 9}, func(t *testing.T, _ *system.System, g group) {
		enter(t, g, "a", &probe{closes: func(context.Context) error { <-time.After(time.Second); return nil }})

		went := make(chan error, 1)
		go func() { went <- g.Stop(t.Context(), "a") }()
		synctest.Wait()

		_, err := g.Start(t.Context(), "a", &probe{})
		require.ErrorAs(t, err, new(*actors.NameTakenError))
		require.NoError(t, <-went)
		enter(t, g, "a", &probe{})
	})
}

func TestAChildWhoseFirstStartFailsIsNotThere(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 1, Child: supervision.Spec{Restart: supervision.Permanent}},
		func(t *testing.T, s *system.System, g group) {
			starts := 0

			for _, fail := range []job{broken, func(*ctxOf) error { panic(errBroken) }} {
				_, err := g.Start(t.Context(), "a", &probe{start: func(ctx *ctxOf) error {
					starts++

					return fail(ctx)
				}})
				require.ErrorIs(t, err, errBroken)
				require.ErrorContains(t, err, "/test/crowd/a: ")
			}

			<-time.After(time.Minute)
			assert.Equal(t, 2, starts, "and is not restarted")
			assert.Zero(t, g.Len())
			assert.Equal(t, 3, health(t, s, "/test/crowd").RestartsLeft, "nor does it count")
			enter(t, g, "a", &probe{})
		})
}

func TestAChildOfAGroupIsRestartedByItsType(t *testing.T) {
	stops := func(ctx *ctxOf) error {
		ctx.Stop()

		return nil
	}

	for name, row := range map[string]struct {
		restart supervision.Restart
		end     job
		back    bool
	}{
		"a permanent child after a failure": {supervision.Permanent, broken, true},
		"a permanent child after its stop":  {supervision.Permanent, stops, true},
		"a transient child after a failure": {supervision.Transient, broken, true},
		"a transient child after its stop":  {supervision.Transient, stops, false},
		"a temporary child after a failure": {supervision.Temporary, broken, false},
	} {
		t.Run(name, func(t *testing.T) {
			child := supervision.Spec{Restart: row.restart, Backoff: immediately}
			inCrowd(t, supervision.GroupSpec{MaxChildren: 2, Child: child},
				func(t *testing.T, s *system.System, g group) {
					ref, other := enter(t, g, "a", &probe{}), enter(t, g, "other", &probe{})
					send(t, ref, row.end)
					synctest.Wait()

					if _, ok := g.Lookup("a"); row.back {
						assert.True(t, ok)
						assert.Equal(t, uint64(2), health(t, s, "/test/crowd/a").Incarnation)
						send(t, ref, nothing)
					} else {
						assert.False(t, ok)
						require.ErrorIs(t, ref.TryTell(nothing), mailbox.ErrStopped)
					}

					send(t, other, nothing)
					assert.Equal(t, uint64(1), health(t, s, "/test/crowd/other").Incarnation)
				})
		})
	}
}

func TestAGroupThatGivesUpComesBackEmpty(t *testing.T) {
	inCrowd(t, supervision.GroupSpec{MaxChildren: 3, Child: quick()}, func(t *testing.T, s *system.System, g group) {
		d := &diary{}
		a := enter(t, g, "a", &probe{name: "a", diary: d})
		b := enter(t, g, "b", &probe{name: "b", diary: d})

		for _, ref := range []actors.Ref[job]{a, b, a, b} { // the budget of 3 is shared
			send(t, ref, broken)
			synctest.Wait()
		}

		assert.Equal(t, []string{"close b", "close a"}, d.read()[len(d.read())-2:], "the others go in order")
		assert.Zero(t, g.Len())
		assert.Equal(t, 1, health(t, s, "/test/crowd").Restarts)
		assert.Equal(t, 3, health(t, s, "/test/crowd").RestartsLeft)
		assert.Equal(t, 2, health(t, s, "/test").RestartsLeft)
		require.ErrorIs(t, a.TryTell(nothing), mailbox.ErrStopped)
		require.ErrorIs(t, b.TryTell(nothing), mailbox.ErrStopped)

		var budget *supervision.BudgetError

		require.ErrorAs(t, health(t, s, "/test/crowd").LastFailure, &budget)
		assert.Equal(t, "/test/crowd", budget.Path)
		assert.Len(t, budget.Failures, 4)

		enter(t, g, "a", &probe{})
	})
}

func TestAGroupThatIsDownTakesNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		declared := supervision.DynamicGroup("crowd",
			func(_ supervision.Deps, p *probe) (*probe, error) { return p, nil },
			supervision.GroupSpec{
				MaxChildren: 3, Child: quick(), Budget: supervision.Budget{Within: time.Second},
				Backoff: supervision.Backoff{Initial: time.Hour},
			})
		s := start(t, tree(declared), silent())
		g := declared.From(s.Intake())
		send(t, enter(t, g, "", &probe{}), broken)
		synctest.Wait()

		_, err := g.Start(t.Context(), "", &probe{})
		require.ErrorIs(t, err, supervision.ErrGroupDown)
		require.ErrorContains(t, err, "/test/crowd: ")
		<-time.After(time.Hour)
		enter(t, g, "", &probe{})

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}
