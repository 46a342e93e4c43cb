package lifecycle_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// stage drives a machine by a script's commands and prints what it decides and how states change.
type stage struct {
	printer

	machine *lifecycle.Machine
	now     time.Time
	queued  map[int]int
	chance  float64
	// auto names the steps that actors finish as soon as they are told to.
	auto map[string]bool
	asks int // for parts to be stopped
	// answers are the reports of those.
	answers []node.Report
	out     []string
}

// steps are what an actor can be told, and how it says that it is done.
var steps = map[string]node.Event{
	"begin": node.Started, "halt": node.Ended, "leave": node.StopSelf, "drain": node.Drained, "cut": node.Drained,
	"flush": node.Flushed, "close": node.Closed, "finish": node.Finished,
}

// newStage sets a machine up from the options and the tree of a script.
func newStage(options map[string]string, tree []string) (*stage, error) {
	plan, err := planOf(tree)
	if err != nil {
		return nil, err
	}

	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &stage{
		printer: printer{plan: plan, start: start, added: make(map[int]string)},
		now:     start, queued: make(map[int]int), chance: 1,
		auto: map[string]bool{"finish": true},
	}
	s.machine = lifecycle.New(lifecycle.Config{
		Plan: plan, Forced: durationOf(options["forced"]),
		Shares: supervision.Shares{
			Intake: durationOf(options["intake"]),
			Drain:  durationOf(options["drain"]), Flush: durationOf(options["flush"]), Close: durationOf(options["close"]),
		},
		Path:       s.path,
		Unfinished: func(id int) int { return s.queued[id] },
		Chance:     func() float64 { return s.chance },
	})

	return s, nil
}

// run carries out one command and returns what it prints.
func (s *stage) run(line string) string {
	s.out = nil

	words := strings.Fields(line)
	name, args := words[0], words[1:]

	switch name {
	case "boot":
		s.step(lifecycle.Boot{})
	case "tick":
		s.tick(durationOf(args[0]))
	case "late": // time passes and nobody is woken
		s.now = s.now.Add(durationOf(args[0]))
	case "shutdown":
		s.step(lifecycle.Shutdown{})
	case "force":
		s.step(lifecycle.Force{})
	case "stop":
		s.step(lifecycle.StopOne{ID: s.id(args[0]), Mode: map[string]node.StopMode{
			"poison": node.Poison, "at-once": node.AtOnce,
		}[args[1]]})
	case "part":
		s.stopPart(args)
	case "over":
		s.taskOver(args)
	case "add":
		s.add(s.id(args[0]), args[1])
	case "queue":
		s.queued[s.id(args[0])] = must(strconv.Atoi(args[1]))
	case "chance":
		s.chance = must(strconv.ParseFloat(args[0], 64))
	case "auto":
		s.auto = map[string]bool{"finish": true}
		for _, a := range args {
			s.auto[a] = true
		}
	case "states":
		s.states()
	case "outcome":
		s.outcome()
	case "failed":
		s.event("failing", args)
		s.event("ended", args)
	default:
		s.event(name, args)
	}

	return strings.Join(append(s.out, ""), "\n")
}

func (s *stage) printf(format string, args ...any) {
	s.out = append(s.out, fmt.Sprintf(format, args...))
}

func (s *stage) id(path string) int {
	for id := range s.machine.All() {
		if s.machine.View(id).Path == path {
			return id
		}
	}

	panic("no such node: " + path)
}

// add adds a child to a group, or prints why it cannot be.
func (s *stage) add(group int, name string) {
	id, err := s.machine.Free(group)
	if err != nil {
		s.printf("refused: %v", err)

		return
	}

	s.added[id] = s.path(group) + "/" + name
	s.step(lifecycle.Add{Parent: group})
}

// populate adds the members of a pool.
func (s *stage) populate(e lifecycle.Populate) {
	for i := range e.Size {
		s.add(e.ID, strconv.Itoa(i+1))
	}

	s.step(lifecycle.Populated{ID: e.ID})
}

// event is "NAME PATH [#INCARNATION] [DIRECTIVE] [ERROR…]".
func (s *stage) event(name string, args []string) {
	id := s.id(args[0])
	r := node.Report{ID: id, Incarnation: s.machine.View(id).Incarnation}
	args = args[1:]

	for e, n := range eventNames {
		if n == name {
			r.Event = e
		}
	}

	if r.Event == 0 {
		panic("no such command: " + name)
	}

	if len(args) > 0 && args[0][0] == '#' {
		r.Incarnation = must(strconv.ParseUint(args[0][1:], 10, 64))
		args = args[1:]
	}

	if len(args) > 0 && args[0] == "bare" {
		r.Bare = true
		args = args[1:]
	}

	for d, n := range directiveNames {
		if len(args) > 0 && args[0] == n {
			r.Directive = d
			args = args[1:]
		}
	}

	if len(args) > 0 {
		r.Err = errors.New(strings.Join(args, " "))
	}

	s.step(lifecycle.Report{Report: r})
}

// tick lets time pass, and wakes the machine whenever it asked to be.
func (s *stage) tick(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = end

		if next := s.machine.Next(); !next.IsZero() && next.Before(end) {
			s.now = next
		}

		before := len(s.out)
		s.printf("at %v", s.now.Sub(s.start))

		if !s.step(lifecycle.Tick{}) {
			s.out = s.out[:before]
		}
	}
}

// step runs the machine, and then what the actors that are told to answer at once have to say. It reports whether
// anything happened.
func (s *stage) step(in lifecycle.Input) (something bool) {
	something = s.one(in)

	for len(s.answers) > 0 {
		r := s.answers[0]
		s.answers = s.answers[1:]

		s.printf("< %s", s.report(r))
		s.one(lifecycle.Report{Report: r})
	}

	return something
}

func (s *stage) one(in lifecycle.Input) (something bool) {
	before := s.snapshot()
	phase := s.machine.Phase()

	var populate []lifecycle.Populate

	for _, e := range s.machine.Step(s.now, in) {
		something = true

		s.printf("%s", s.effect(e))
		s.answer(e)

		if p, ok := e.(lifecycle.Populate); ok {
			populate = append(populate, p)
		}
	}

	for id := range s.machine.All() {
		if state := s.machine.View(id).State; state != before[id] {
			something = true

			s.printf("  %s %v → %v", s.path(id), max(before[id], lifecycle.Idle), state)
		}
	}

	for _, p := range populate {
		s.populate(p)
	}

	if now := s.machine.Phase(); now != phase {
		something = true

		s.printf("  phase %v → %v", phase, now)
	}

	return something
}

func (s *stage) answer(e lifecycle.Effect) {
	id, name := 0, ""

	switch e := e.(type) {
	case *lifecycle.Begin:
		id, name = e.ID, "begin"
	case *lifecycle.Order:
		id, name = e.ID, commandNames[e.Command]
	}

	if s.auto[name] {
		r := node.Report{ID: id, Incarnation: s.machine.View(id).Incarnation, Event: steps[name]}
		s.answers = append(s.answers, r)
	}
}

// snapshot returns the states of all nodes; a child that is added begins as one that is idle.
func (s *stage) snapshot() map[int]lifecycle.State {
	all := make(map[int]lifecycle.State)
	for id := range s.machine.All() {
		all[id] = s.machine.View(id).State
	}

	return all
}

func (s *stage) states() {
	for id := range s.machine.All() {
		v := s.machine.View(id)
		line := []string{s.path(id), v.State.String()}
		add := func(format string, args ...any) { line = append(line, fmt.Sprintf(format, args...)) }

		if v.Actor {
			add("#%d", v.Incarnation)
		} else {
			add("left=%d", s.machine.RestartsLeft(id, s.now))
		}

		if v.Restarts > 0 {
			add("restarts=%d", v.Restarts)
		}

		for _, a := range v.Abandoned {
			add("abandoned=#%d(%s at %v)", a.Incarnation, a.Step, a.At.Sub(s.start))
		}

		if v.EverAbandoned > 0 {
			add("ever-abandoned=%d", v.EverAbandoned)
		}

		s.printf("%s", strings.Join(line, " "))
	}
}

// outcome prints how a shutdown went.
func (s *stage) outcome() {
	for p := lifecycle.Booting; p <= lifecycle.Done; p++ {
		if t := s.machine.Began(p); !t.IsZero() {
			s.printf("%v began at %v", p, t.Sub(s.start))
		}
	}

	s.printf("forced: %v", s.machine.Forced())
	s.printf("cause: %v", s.machine.Cause())

	for _, err := range s.machine.Errors() {
		s.printf("error: %v", err)
	}

	for _, t := range s.machine.Tasks() {
		s.printf("task:%s %v: %v, began at %v, took %v, error %v", t.Name, t.Phase, t.State, t.Step.Began.Sub(s.start),
			t.Step.Took, t.Step.Err)
	}

	for id := range s.plan.Nodes {
		v := s.machine.View(id).Steps
		for _, step := range []struct {
			lifecycle.Step

			name string
		}{{v.Drain, "drain"}, {v.Flush, "flush"}, {v.Close, "close"}} {
			if !step.Began.IsZero() {
				s.printf("%s %s: began at %v, took %v, error %v", s.path(id), step.name, step.Began.Sub(s.start), step.Took,
					step.Err)
			}
		}
	}
}
