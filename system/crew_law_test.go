package system_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// manner is how a hook of one of a crowd behaves.
type manner uint8

const (
	easy      manner = iota
	lingers          // takes up to 20 ms
	faulty           // returns an error
	panicky          // does
	exiting          // ends its goroutine
	tellsSelf        // has something happen to its own mailbox
	befriends        // waits for the hook of another one to have been called, or for its context to end
	obedient         // waits for its context to end
	hangsOn          // until the end of the test
)

// harmless reports whether the hook comes back by itself.
func (m manner) harmless() bool { return m < befriends }

// throng is a stop of many, most of whom have never had a message.
type throng struct {
	members  []*member
	random   *rand.Rand // for the declaration
	grumpy   bool       // many hooks do not go well
	force    time.Duration
	asks     []time.Duration // when health is asked for, since just before the stop
	released chan struct{}
}

type member struct {
	path          string
	deadlines     supervision.Deadlines
	flush, close  manner
	sick          bool // its Health hook hangs
	busy          bool // it has a message
	friend        *member
	on            []int
	called        [2]chan struct{} // when the hook is first called
	flushed, shut atomic.Int32
	inside        atomic.Int32
	overlaps      atomic.Int32
}

func drawThrong(t *rapid.T) *throng {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	c := &throng{random: random, grumpy: rapid.IntRange(0, 3).Draw(t, "grumpy") == 0}
	count := rapid.SampledFrom([]int{3, 30, 66, 70, 80, 150, 300, 600}).Draw(t, "count")
	depends := rapid.SampledFrom([]float64{0, 0, 0.01, 0.2, 1}).Draw(t, "depends")
	busy := rapid.SampledFrom([]float64{0, 0.01, 0.3}).Draw(t, "busy")
	limits := [][]time.Duration{{0}, {0, 50 * time.Millisecond, time.Second}}[rapid.IntRange(0, 1).Draw(t, "limits")]

	for i := range count {
		m := &member{
			flush: c.manner(), close: c.manner(), busy: random.Float64() < busy, sick: c.grumpy && random.IntN(50) == 0,
			deadlines: supervision.Deadlines{
				Flush: limits[random.IntN(len(limits))], Close: limits[random.IntN(len(limits))],
			},
		}

		if i > 0 && random.Float64() < depends { // few in a row, so that the deadlines fit
			if on := random.IntN(min(i, 10)); len(c.members[on].on) == 0 {
				m.on = append(m.on, on)
			}
		}

		c.members = append(c.members, m)
	}

	for _, m := range c.members {
		m.friend = c.members[random.IntN(count)]
	}

	if rapid.IntRange(0, 2).Draw(t, "forced") == 2 {
		c.force = time.Duration(rapid.IntRange(1, 4_000_000).Draw(t, "force")) * time.Microsecond
	}

	for range rapid.IntRange(0, 4).Draw(t, "asks") {
		c.asks = append(c.asks, time.Duration(rapid.IntRange(0, 20).Draw(t, "ask"))*100*time.Microsecond)
	}

	return c
}

func (c *throng) manner() manner {
	switch n := c.random.IntN(1000); {
	case c.grumpy && n < 200:
		return manner(c.random.IntN(int(hangsOn) + 1))
	case n < 10:
		return manner(c.random.IntN(int(hangsOn) + 1))
	default:
		return easy
	}
}

// hook makes the Flush or the Close hook of a member, the first or the second.
func (c *throng) hook(m *member, which int, kept **ctxOf) func(context.Context) error {
	how, calls := m.flush, &m.flushed
	if which == 1 {
		how, calls = m.close, &m.shut
	}

	linger := time.Duration(c.random.IntN(20_000)) * time.Microsecond

	return func(ctx context.Context) error {
		if calls.Add(1) == 1 {
			close(m.called[which])
		}

		if m.inside.Add(1) > 1 {
			m.overlaps.Add(1)
		}

		defer m.inside.Add(-1)

		switch how {
		case lingers:
			<-time.After(linger)
		case faulty:
			return errBroken
		case panicky:
			panic("ouch")
		case exiting:
			runtime.Goexit()
		case tellsSelf:
			(*kept).Stop()
		case befriends:
			select {
			case <-m.friend.called[which]:
			case <-ctx.Done():
			}
		case obedient:
			<-ctx.Done()
		case hangsOn:
			<-c.released
		case easy:
		}

		return nil
	}
}

func (c *throng) declare() (supervision.Tree, []*child) {
	var (
		all       []*child
		root, sub = tree(), tree()
	)

	sub.Name = "sub"

	for i, m := range c.members {
		var kept *ctxOf

		m.called = [2]chan struct{}{make(chan struct{}), make(chan struct{})}
		spec := supervision.Spec{Deadlines: m.deadlines}

		for _, on := range m.on {
			spec.DependsOn = append(spec.DependsOn, all[on])
		}

		p := &probe{
			name: fmt.Sprint("m", i), start: func(ctx *ctxOf) error { kept = ctx; return nil },
			flush: c.hook(m, 0, &kept), closes: c.hook(m, 1, &kept),
		}

		if m.sick {
			p.health = func() error {
				if m.inside.Add(1) > 1 {
					m.overlaps.Add(1)
				}

				defer m.inside.Add(-1)

				<-c.released

				return nil
			}
		}

		a := declare(p, spec)
		all = append(all, a)

		if i%3 == 0 {
			sub.Children = append(sub.Children, a)
			m.path = "/test/sub/" + p.name
		} else {
			root.Children = append(root.Children, a)
			m.path = "/test/" + p.name
		}
	}

	root.Children = append(root.Children, &sub)

	return root, all
}

// play stops the crowd in virtual time, and returns the report and how long it took.
func (c *throng) play(t *testing.T) (r *system.Report, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.released = make(chan struct{})

		var asking sync.WaitGroup

		defer func() {
			close(c.released)
			asking.Wait()
			<-time.After(time.Minute)
			synctest.Wait()
		}()

		tree, all := c.declare()
		s := start(t, tree, silent())

		for i, a := range all {
			if c.members[i].busy {
				tell(t, s, a, nothing)
			}
		}

		for _, after := range c.asks {
			asking.Go(func() {
				if after > 0 {
					<-time.After(after)
				}

				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()

				s.Health(ctx)
			})
		}

		if c.random.IntN(2) == 0 {
			<-time.After(time.Duration(c.random.IntN(10)) * 100 * time.Microsecond)
		}

		begun := time.Now()

		if c.force > 0 {
			time.AfterFunc(c.force, s.Force)
		}

		r, _ = s.Shutdown(t.Context()) // the report has the errors
		took = time.Since(begun)
	})

	return r, took
}

// TestTheStopOfAThrongKeepsTheRules is about the hooks of many who sleep, in any mixture.
func TestTheStopOfAThrongKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawThrong(rt)
		r, took := c.play(t)
		c.check(rt, r, took)
	})
}

func (c *throng) check(t *rapid.T, r *system.Report, took time.Duration) {
	limit := 10 * time.Second
	if r.Forced {
		limit = min(limit, c.force+system.ForcedGrace)
	}

	if took > limit {
		t.Fatalf("it took %v, the limit is %v", took, limit)
	}

	if r.Unaccounted != 0 || r.Total.Queued != 0 || len(r.Actors) != len(c.members) {
		t.Fatalf("%d messages are unaccounted for, %d queued, %d actors", r.Unaccounted, r.Total.Queued, len(r.Actors))
	}

	reports := make(map[string]*system.ActorReport)
	for i := range r.Actors {
		reports[r.Actors[i].Path] = &r.Actors[i]
	}

	phases := make(map[string]system.PhaseReport)
	for _, p := range r.Phases {
		phases[p.Name] = p
	}

	for _, m := range c.members {
		a := reports[m.path]
		m.check(t, a)
		m.checkStep(t, a.Flush, phases["flush"], m.flush, m.deadlines.Flush)
		m.checkStep(t, a.Close, phases["close"], m.close, m.deadlines.Close)
	}

	hangs := slices.ContainsFunc(r.Actors, func(a system.ActorReport) bool { return a.EverAbandoned > 0 })
	if (r.Exit == system.ExitForced) != (r.Forced || hangs) {
		t.Fatalf("exit code %d, forced %v, hangs %v", r.Exit, r.Forced, hangs)
	}
}

func (m *member) check(t *rapid.T, a *system.ActorReport) {
	f, s := m.flushed.Load(), m.shut.Load()

	switch {
	case f > 1, s != 1, f != 1 && a.EverAbandoned == 0:
		t.Fatalf("%s was flushed %d times and closed %d times, abandoned %d times", a.Path, f, s, a.EverAbandoned)
	case m.overlaps.Load() > 0:
		t.Fatalf("%s: a hook ran beside something else", a.Path)
	case a.EverAbandoned > 0 && !m.sick && m.flush.harmless() && m.close.harmless():
		t.Fatalf("%s was abandoned, though its hooks come back: %+v %+v", a.Path, a.Flush, a.Close)
	}
}

func (m *member) checkStep(
	t *rapid.T, s *system.StepReport, p system.PhaseReport, how manner, deadline time.Duration,
) {
	if s == nil {
		return
	}

	if s.Began < p.Began || s.Began+s.Took > p.Began+p.Took {
		t.Fatalf("%s: its %s is not within the phase", m.path, p.Name)
	}

	if took := time.Duration(s.Took); deadline > 0 && took > deadline {
		t.Fatalf("%s: its %s took %v, the deadline is %v", m.path, p.Name, took, deadline)
	} else if how == easy && !m.sick && took > 25*time.Millisecond {
		t.Fatalf("%s: its %s took %v, with nothing to do", m.path, p.Name, took)
	}

	want := map[manner]string{faulty: "broken", panicky: "panic: ouch", exiting: "exit"}[how]
	if !strings.Contains(s.Error, want) {
		t.Fatalf("%s: the error of its %s is %q, not %q", m.path, p.Name, s.Error, want)
	}
}
