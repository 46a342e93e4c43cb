package system_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// slow starts at once the first time and takes an hour, or what its deadline allows, the next.
func slow(name string, spec supervision.Spec) *child {
	first := true

	return declare(&probe{name: name, start: func(ctx *ctxOf) error {
		if first {
			first = false

			return nil
		}

		<-ctx.Done()

		return ctx.Err()
	}}, spec)
}

func TestHealthShowsEveryState(t *testing.T) {
	release := make(chan struct{}) // replaced by one of the bubble

	for name, c := range map[string]struct {
		child              func() *child
		job                job
		want               system.State
		live, ready, fault bool // fault: its supervisor is not ready because of it
	}{
		"running": {
			child: func() *child { return declare(&probe{name: "a"}, supervision.Spec{}) },
			want:  system.Running, live: true, ready: true,
		},
		"starting again": {
			child: func() *child { return slow("a", supervision.Spec{Backoff: immediately}) },
			job:   broken, want: system.Starting, live: true, fault: true,
		},
		"degraded": {
			child: func() *child {
				return declare(&probe{name: "a", health: func() error { return errBroken }}, supervision.Spec{})
			},
			want: system.Degraded, live: true, fault: true,
		},
		"backing off": {
			child: func() *child {
				hour := supervision.Backoff{Initial: time.Hour, Max: time.Hour}

				return declare(&probe{name: "a"}, supervision.Spec{Backoff: hour})
			},
			job: broken, want: system.BackingOff, live: true, fault: true,
		},
		"stopping": {
			child: func() *child {
				return declare(&probe{name: "a", closes: func(ctx context.Context) error {
					<-ctx.Done()

					return nil
				}}, supervision.Spec{Deadlines: supervision.Deadlines{Close: time.Hour}})
			},
			job: broken, want: system.Stopping, live: true, fault: true,
		},
		"stopped": {
			child: func() *child { return declare(&probe{name: "a"}, supervision.Spec{}) },
			job:   func(ctx *ctxOf) error { ctx.Stop(); return nil }, want: system.Stopped, live: true,
		},
		"failed for good": {
			child: func() *child { return declare(&probe{name: "a"}, supervision.Spec{Decide: decide}) },
			job:   func(*ctxOf) error { return errStop }, want: system.Failed, fault: true,
		},
		"a temporary one failed": {
			child: func() *child {
				return declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Temporary})
			},
			job: broken, want: system.Failed,
		},
		"abandoned": {
			child: func() *child {
				soon := supervision.Deadlines{Close: time.Nanosecond}

				return declare(&probe{name: "a"}, supervision.Spec{Decide: decide, Deadlines: soon})
			},
			job: func(ctx *ctxOf) error {
				return errors.Join(errStop, ctx.Go(func(context.Context) error {
					<-release

					return nil
				}))
			},
			want: system.Abandoned, fault: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				release = make(chan struct{})
				a := c.child()
				s := start(t, tree(a), patient(5*time.Hour))
				<-time.After(time.Second)

				if c.job != nil {
					tell(t, s, a, c.job)
					<-time.After(time.Microsecond)
				}

				root := s.Health(t.Context())
				h := root.Children[0]
				assert.Equal(t, c.want, h.State, "%v", h.State)
				assert.Equal(t, "/test/a", h.Path)
				assert.Equal(t, "a", h.Name)
				assert.Equal(t, c.live, h.Live())
				assert.Equal(t, c.ready, h.Ready())
				assert.Equal(t, system.Running, root.State)
				assert.Equal(t, !c.fault, root.Ready())
				assert.Equal(t, c.live || !c.fault, root.Live())

				if c.fault {
					assert.Equal(t, []*system.NodeHealth{h}, slices.Collect(root.Unwell()))
				}

				close(release)
				synctest.Wait()

				if c.want == system.Abandoned {
					assert.Equal(t, system.Failed, health(t, s, "/test/a").State, "it has come back")
				}

				s.Force()
				<-s.Done()
				assert.Equal(t, system.Stopped, health(t, s, "/test").State)
				assert.False(t, s.Health(t.Context()).Ready())
			})
		})
	}
}

func TestHealthOfANodeSaysWhatItHasBeenThrough(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		began := time.Now()
		a := declare(&probe{name: "a"}, supervision.Spec{
			Backoff: immediately, Deadlines: supervision.Deadlines{Close: time.Second},
		})
		s := start(t, tree(a), silent())

		assert.Equal(t, began, health(t, s, "/test/a").Since)
		<-time.After(time.Second)
		tell(t, s, a, func(ctx *ctxOf) error {
			require.NoError(t, ctx.Go(func(context.Context) error {
				<-release

				return nil
			}))

			return errBroken
		})
		<-time.After(5 * time.Second)
		tell(t, s, a, hangs(release))
		synctest.Wait()
		tell(t, s, a, nothing)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		root := s.Health(ctx)
		h := root.Children[0]
		assert.Equal(t, system.Degraded, h.State, "it does not answer")
		require.ErrorIs(t, h.Degraded, context.DeadlineExceeded)
		require.ErrorIs(t, h.LastFailure, errBroken)
		assert.Equal(t, uint64(2), h.Incarnation)
		assert.Equal(t, 1, h.Restarts)
		assert.Equal(t, 1, h.Queued)
		assert.Equal(t, began.Add(2*time.Second), h.Since)
		assert.Equal(t, []system.Hanging{{Incarnation: 1, Step: "end", Since: began.Add(2 * time.Second)}}, h.Abandoned)
		assert.Equal(t, 2, root.RestartsLeft)

		text, err := json.Marshal(root)
		require.NoError(t, err)

		var got map[string]any

		require.NoError(t, json.Unmarshal(text, &got))
		assert.Equal(t, "running", got["state"])
		assert.Equal(t, false, got["ready"])
		assert.Equal(t, true, got["live"])

		children, _ := got["children"].([]any)
		child, _ := children[0].(map[string]any)
		assert.Equal(t, "degraded", child["state"])
		assert.Equal(t, "context deadline exceeded", child["degraded"])
		assert.Equal(t, "/test/a: broken", child["last_failure"])
		assert.Equal(t, "transient", child["restart"])

		close(release)
		synctest.Wait() // the goroutine that was left behind has come back

		_, err = stop(t, s)
		require.NoError(t, err)
	})
}

func TestHealthWhileAGroupRestarts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		hour := supervision.Backoff{Initial: time.Hour, Max: time.Hour}
		a, b := slow("a", supervision.Spec{Backoff: hour}), declare(&probe{name: "b"}, supervision.Spec{})
		c := declare(&probe{name: "c"}, supervision.Spec{})
		within := &supervision.Tree{
			Name: "within", Budget: supervision.Budget{Restarts: 0, Within: time.Second}, Children: supervision.On(c),
		}
		all := tree(a, b, within)
		all.Strategy = supervision.AllForOne
		s := start(t, all, silent())
		states := func() (states []system.State) {
			for n := range s.Health(t.Context()).All() {
				states = append(states, n.State)
			}

			return states
		}

		tell(t, s, a, broken)
		synctest.Wait()

		waits := system.BackingOff
		assert.Equal(t, []system.State{system.Running, waits, waits, waits, waits}, states())
		assert.True(t, s.Health(t.Context()).Live())
		assert.False(t, s.Health(t.Context()).Ready())

		for health(t, s, "/test/a").State != system.Starting {
			<-time.After(time.Second) // the back-off is random, at most an hour
		}

		assert.Equal(t, []system.State{system.Running, system.Starting, waits, waits, waits}, states())

		s.Force()
		<-s.Done()
	})
}

func TestHealthWhileASupervisorThatGaveUpComesDown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		hour := supervision.Backoff{Initial: time.Hour, Max: time.Hour}
		slowly := func(ctx context.Context) error {
			<-ctx.Done()

			return nil
		}
		a := declare(&probe{name: "a", closes: slowly}, supervision.Spec{})
		b := declare(&probe{name: "b"}, supervision.Spec{})
		s := start(t, tree(&supervision.Tree{
			Name: "within", Budget: supervision.Budget{Restarts: 0, Within: time.Second}, Backoff: hour,
			Children: supervision.On(a, b),
		}), silent())
		state := func(path string) system.State { return health(t, s, path).State }

		tell(t, s, b, broken)
		synctest.Wait()
		assert.Equal(t, system.Stopping, state("/test/within"))
		assert.Equal(t, system.Stopping, state("/test/within/a"))
		assert.Equal(t, system.Failed, state("/test/within/b"))
		assert.True(t, s.Health(t.Context()).Live(), "it is being dealt with")

		<-time.After(4501 * time.Millisecond) // a has closed, and the back-off has begun
		assert.Equal(t, system.BackingOff, state("/test/within"))
		assert.Equal(t, system.BackingOff, state("/test/within/a"))
		assert.Equal(t, system.BackingOff, state("/test/within/b"))

		<-time.After(time.Hour)
		assert.Equal(t, system.Running, state("/test/within/b"))
		assert.True(t, s.Health(t.Context()).Ready())

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, system.Stopped, state("/test/within"))
		assert.Equal(t, system.Stopped, state("/test/within/b"))
	})
}

func TestHealthDuringAShutdown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		back := declare(&probe{name: "back"}, supervision.Spec{})
		front := declare(&probe{name: "front"}, supervision.Spec{DependsOn: supervision.On(back)})
		s := start(t, tree(back, front), silent())

		tell(t, s, front, hangs(release))
		synctest.Wait()
		s.Stop()
		synctest.Wait()

		h := s.Health(t.Context())
		assert.Equal(t, system.Stopping, h.State)
		assert.Equal(t, system.Running, h.Children[0].State, "others may still want something of it")
		assert.Equal(t, system.Stopping, h.Children[1].State)
		assert.True(t, h.Live())
		assert.False(t, h.Ready())

		close(release)
		<-s.Done()

		for n := range s.Health(nil).All() { //nolint:staticcheck // nil is allowed
			assert.Equal(t, system.Stopped, n.State)
		}
	})
}

func TestAnActorAsksForTheHealthOfItsSystem(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{})
		s := start(t, tree(a), silent())
		asked := make(chan *system.NodeHealth, 1)

		tell(t, s, a, func(ctx *ctxOf) error {
			soon, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()

			asked <- s.Health(soon)

			return nil
		})
		require.ErrorIs(t, (<-asked).Children[0].Degraded, context.DeadlineExceeded)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestRollUp(t *testing.T) {
	states := []system.State{
		system.Starting, system.Running, system.Degraded, system.BackingOff, system.Stopping, system.Stopped,
		system.Failed, system.Abandoned,
	}
	types := []supervision.Restart{supervision.Permanent, supervision.Transient, supervision.Temporary}

	var draw func(depth int) *rapid.Generator[*system.NodeHealth]

	draw = func(depth int) *rapid.Generator[*system.NodeHealth] {
		return rapid.Custom(func(t *rapid.T) *system.NodeHealth {
			h := &system.NodeHealth{
				State: rapid.SampledFrom(states).Draw(t, "state"), Restart: rapid.SampledFrom(types).Draw(t, "restart"),
			}

			if depth > 0 {
				h.Children = rapid.SliceOfN(draw(depth-1), 0, 3).Draw(t, "children")
			}

			return h
		})
	}

	rapid.Check(t, func(t *rapid.T) {
		h := draw(3).Draw(t, "tree")
		h.State = system.Running

		if h.Ready() {
			assert.True(t, h.Live(), "what is ready is live")
		} else {
			assert.NotEmpty(t, slices.Collect(h.Unwell()), "somebody is to blame")
		}

		for n := range h.Unwell() {
			assert.False(t, n.Well())

			break
		}

		for _, c := range h.Children {
			if c.Restart == supervision.Permanent {
				assert.True(t, c.Ready() || !h.Ready())
				assert.True(t, c.Live() || !h.Live())
			}
		}
	})

	none := (*system.NodeHealth)(nil)
	assert.False(t, none.Live() || none.Ready() || none.Well())
	assert.Empty(t, slices.Collect(none.All()))

	hole := &system.NodeHealth{State: system.Running, Children: []*system.NodeHealth{nil}}
	assert.True(t, hole.Live() && hole.Ready())

	_, found := hole.Find("/nobody")
	assert.False(t, found)
	assert.Equal(t, "State(0) State(99) backing-off",
		system.State(0).String()+" "+system.State(99).String()+" "+system.BackingOff.String())
}
