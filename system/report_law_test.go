package system_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// conduct is how something that takes time behaves.
type conduct uint8

const (
	atOnce  conduct = iota
	slowly          // takes 150 ms
	fails           // returns an error
	waits           // until its context ends
	forever         // hangs
)

// story is one shutdown: a tree, what there is to do in it, and when it is stopped.
type story struct {
	actors  []*role
	nested  int // how many of the first are in a subtree
	tasks   []*errand
	stop    time.Duration
	force   time.Duration // after the stop; 0 means never
	release chan struct{}
}

type role struct {
	on                  []int // who it depends on: earlier ones
	deadlines           supervision.Deadlines
	messages            []conduct
	flush, close        conduct
	flushed, closed     atomic.Int32
	path                string
	overlaps, receiving atomic.Int32
}

type errand struct {
	phase   supervision.Phase
	after   []int
	conduct conduct
	runs    atomic.Int32
}

const storyGrace = 10 * time.Second

var conducts = rapid.SampledFrom([]conduct{atOnce, atOnce, atOnce, slowly, fails, waits, forever})

func drawStory(t *rapid.T) *story {
	s := &story{stop: time.Duration(rapid.IntRange(0, 500).Draw(t, "stop")) * time.Millisecond}
	deadline := rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond})

	for i := range rapid.IntRange(1, 7).Draw(t, "actors") {
		r := &role{
			messages: rapid.SliceOfN(conducts.Filter(func(c conduct) bool { return c != fails }), 0, 4).Draw(t, "messages"),
			flush:    conducts.Draw(t, "flush"), close: conducts.Draw(t, "close"),
			deadlines: supervision.Deadlines{
				Drain: 2 * deadline.Draw(t, "drain"), Flush: deadline.Draw(t, "flush"), Close: deadline.Draw(t, "close"),
			},
		}

		for j := range i {
			if rapid.Bool().Draw(t, "depends") {
				r.on = append(r.on, j)
			}
		}

		s.actors = append(s.actors, r)
	}

	s.nested = rapid.IntRange(0, len(s.actors)).Draw(t, "nested")

	for range rapid.IntRange(0, 3).Draw(t, "tasks") {
		e := &errand{
			phase:   supervision.Phase(rapid.IntRange(1, 4).Draw(t, "phase")),
			conduct: conducts.Draw(t, "task"),
		}

		if e.phase > supervision.PhaseIntake && rapid.Bool().Draw(t, "after") {
			e.after = []int{rapid.IntRange(0, len(s.actors)-1).Draw(t, "whom")}
		}

		s.tasks = append(s.tasks, e)
	}

	if rapid.IntRange(0, 3).Draw(t, "forced") == 3 {
		s.force = time.Duration(rapid.IntRange(1, 3000).Draw(t, "force")) * time.Millisecond
	}

	return s
}

// do behaves.
func (s *story) do(ctx context.Context, c conduct) error {
	switch c {
	case slowly:
		<-time.After(150 * time.Millisecond)
	case fails:
		return errBroken
	case waits:
		<-ctx.Done()
	case forever:
		<-s.release
	case atOnce:
	}

	return nil
}

// hook counts a call, and whether anything else of the actor runs meanwhile.
func (s *story) hook(r *role, calls *atomic.Int32, c conduct) func(context.Context) error {
	return func(ctx context.Context) error {
		calls.Add(1)

		if r.receiving.Add(1) > 1 {
			r.overlaps.Add(1)
		}

		defer r.receiving.Add(-1)

		return s.do(ctx, c)
	}
}

// declare makes the tree and the options.
func (s *story) declare() (supervision.Tree, system.Options, []*child) {
	var (
		declared  []*child
		all       []supervision.Child
		root, sub = tree(), tree()
		options   = silent()
	)

	options.Grace = storyGrace
	sub.Name = "sub"

	for i, r := range s.actors {
		spec := supervision.Spec{Deadlines: r.deadlines}
		for _, j := range r.on {
			spec.DependsOn = append(spec.DependsOn, all[j])
		}

		a := declare(&probe{
			name: fmt.Sprintf("a%d", i), flush: s.hook(r, &r.flushed, r.flush), closes: s.hook(r, &r.closed, r.close),
		}, spec)
		declared, all = append(declared, a), append(all, a)

		if i < s.nested {
			sub.Children = append(sub.Children, a)
			r.path = fmt.Sprintf("/test/sub/a%d", i)
		} else {
			root.Children = append(root.Children, a)
			r.path = fmt.Sprintf("/test/a%d", i)
		}
	}

	root.Children = append(root.Children, &sub)

	for i, e := range s.tasks {
		task := &supervision.Task{Name: fmt.Sprintf("t%d", i), Phase: e.phase, Run: func(ctx context.Context) error {
			e.runs.Add(1)

			return s.do(ctx, e.conduct)
		}}

		for _, j := range e.after {
			task.After = append(task.After, all[j])
		}

		options.Tasks = append(options.Tasks, task)
	}

	return root, options, declared
}

// play tells the story in virtual time, and returns the report and how long the stop took.
func (s *story) play(t *testing.T) (r *system.Report, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.release = make(chan struct{})

		defer func() {
			close(s.release)
			<-time.After(time.Minute) // for those who are slow to come back
			synctest.Wait()
		}()

		tree, options, declared := s.declare()
		sys := start(t, tree, options)

		for i, a := range declared {
			for _, c := range s.actors[i].messages {
				tell(t, sys, a, func(ctx *ctxOf) error {
					s.actors[i].receiving.Add(1)
					defer s.actors[i].receiving.Add(-1)

					return s.do(ctx, c)
				})
			}
		}

		<-time.After(s.stop)

		begun := time.Now()

		if s.force > 0 {
			time.AfterFunc(s.force, sys.Force)
		}

		r, _ = sys.Shutdown(t.Context()) // the report has the errors
		took = time.Since(begun)
	})

	return r, took
}

// TestTheReportOfAnyShutdownKeepsTheRules plays random stories and checks their reports.
func TestTheReportOfAnyShutdownKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		r, took := s.play(t)
		s.check(rt, r, took)
	})
}

func (s *story) check(t *rapid.T, r *system.Report, took time.Duration) {
	limit := storyGrace
	if r.Forced {
		limit = min(limit, s.force+system.ForcedGrace)
	}

	if took > limit {
		t.Fatalf("it took %v, the limit is %v", took, limit)
	}

	if r.Unaccounted != 0 || r.Total.Queued != 0 {
		t.Fatalf("%d messages are unaccounted for, %d queued", r.Unaccounted, r.Total.Queued)
	}

	phases := make(map[string]system.PhaseReport)
	for i, p := range r.Phases {
		phases[p.Name] = p

		if i > 0 && r.Phases[i-1].Began+r.Phases[i-1].Took != p.Began {
			t.Fatalf("%s does not begin with the end of %s", p.Name, r.Phases[i-1].Name)
		}
	}

	for i, role := range s.actors {
		a := find(t, r, role.path)
		s.checkActor(t, role, a)

		for step, of := range steps {
			s.checkStep(t, a, of(a), phases[step], deadlineOf(role, step))

			for _, on := range role.on {
				s.checkTurn(t, r, of(a), of(find(t, r, s.actors[on].path)), phases[step], fmt.Sprintf("a%d %s a%d", i, step, on))
			}
		}
	}

	for i, e := range s.tasks {
		if n := e.runs.Load(); n != 1 {
			t.Fatalf("task %d was run %d times", i, n)
		}

		if p := phases[r.Tasks[i].Phase]; r.Tasks[i].Began < p.Began || r.Tasks[i].Began+r.Tasks[i].Took > p.Began+p.Took {
			t.Fatalf("task %d is not within its phase", i)
		}
	}

	if want := s.abandons(r); (r.Exit == system.ExitForced) != (r.Forced || want) {
		t.Fatalf("exit code %d, forced %v, abandoned %v", r.Exit, r.Forced, want)
	}
}

var steps = map[string]func(*system.ActorReport) *system.StepReport{
	"drain": func(a *system.ActorReport) *system.StepReport { return a.Drain },
	"flush": func(a *system.ActorReport) *system.StepReport { return a.Flush },
	"close": func(a *system.ActorReport) *system.StepReport { return a.Close },
}

func deadlineOf(r *role, step string) time.Duration {
	return map[string]time.Duration{
		"drain": r.deadlines.Drain, "flush": r.deadlines.Flush, "close": r.deadlines.Close,
	}[step]
}

func find(t *rapid.T, r *system.Report, path string) *system.ActorReport {
	i := slices.IndexFunc(r.Actors, func(a system.ActorReport) bool { return a.Path == path })
	if i < 0 {
		t.Fatalf("%s is not in the report", path)
	}

	return &r.Actors[i]
}

// checkActor checks that each hook was called once, unless the actor was abandoned: who is that in its drain is not
// flushed, and closed when it comes back.
func (s *story) checkActor(t *rapid.T, role *role, a *system.ActorReport) {
	f, c := role.flushed.Load(), role.closed.Load()

	if f > 1 || c > 1 || a.EverAbandoned == 0 && (f != 1 || c != 1) {
		t.Fatalf("%s was flushed %d times and closed %d times, abandoned %d times", a.Path, f, c, a.EverAbandoned)
	}

	if role.overlaps.Load() > 0 {
		t.Fatalf("%s: a hook ran beside something else", a.Path)
	}
}

// checkStep checks that a step is within its phase and its deadline.
func (s *story) checkStep(
	t *rapid.T, a *system.ActorReport, step *system.StepReport, p system.PhaseReport, deadline time.Duration,
) {
	if step == nil {
		return
	}

	if step.Began < p.Began || step.Began+step.Took > p.Began+p.Took {
		t.Fatalf("%s: its %s is not within the phase", a.Path, p.Name)
	}

	if deadline > 0 && time.Duration(step.Took) > deadline {
		t.Fatalf("%s: its %s took %v, the deadline is %v", a.Path, p.Name, step.Took, deadline)
	}
}

// checkTurn checks that a step of a dependent is over when that of what it depends on begins, unless the last tenth of
// the phase had come.
func (s *story) checkTurn(
	t *rapid.T, r *system.Report, dependent, on *system.StepReport, p system.PhaseReport, what string,
) {
	if dependent == nil || on == nil || dependent.Began+dependent.Took <= on.Began || r.Forced {
		return
	}

	ends := map[string]time.Duration{"drain": 6 * time.Second, "flush": 8 * time.Second, "close": 10 * time.Second}
	shares := map[string]time.Duration{"drain": 6 * time.Second, "flush": 2 * time.Second, "close": 2 * time.Second}

	if slices.ContainsFunc(s.tasks, func(e *errand) bool { return e.phase == supervision.PhaseIntake }) {
		shares["drain"] = 4 * time.Second
	}

	if time.Duration(on.Began) < ends[p.Name]-shares[p.Name]/10 {
		t.Fatalf("%s: not in their order", what)
	}
}

// abandons reports whether the report tells of somebody who was given up on.
func (s *story) abandons(r *system.Report) bool {
	return slices.ContainsFunc(r.Actors, func(a system.ActorReport) bool { return a.EverAbandoned > 0 }) ||
		slices.ContainsFunc(r.Tasks, func(t system.TaskReport) bool { return t.State == "abandoned" })
}
