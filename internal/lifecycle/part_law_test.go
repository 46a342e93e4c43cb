package lifecycle_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
)

// stopPart is "part PATH poison|at-once [dependents]".
func (s *stage) stopPart(args []string) {
	target := s.id(args[0])
	members, all, dependents := s.machine.Part(target)

	if len(args) > 2 {
		members = all
	} else if len(dependents) > 0 {
		for _, id := range dependents {
			s.printf("refused: %s depends on it", s.path(id))
		}

		return
	}

	s.asks++
	s.step(lifecycle.StopPart{Ask: s.asks, Target: target, Members: members, Mode: map[string]node.StopMode{
		"poison": node.Poison, "at-once": node.AtOnce,
	}[args[1]]})
}

// parts are those of a world that somebody has stopped, and what must hold of them.
type parts struct {
	world *world
	asked [][]int // members by ask
	over  []bool
	alone map[int]bool // those that are stopped for another reason
}

func (p *parts) drawVisitors() {
	w := p.world
	p.alone = make(map[int]bool)

	for range w.percent("parts") / 30 {
		target := rapid.IntRange(1, len(w.plan.Nodes)-1).Draw(w.t, "target")
		dependents := rapid.Bool().Draw(w.t, "with dependents")
		mode := rapid.SampledFrom([]node.StopMode{node.Poison, node.AtOnce}).Draw(w.t, "mode")

		w.after(w.delay("at", 700), func() { p.stop(target, mode, dependents) })
	}
}

// stop stops a part as the system does.
func (p *parts) stop(target int, mode node.StopMode, dependents bool) {
	w := p.world

	if next := w.machine.Next(); !next.IsZero() && !next.After(w.now) {
		w.step(lifecycle.Tick{})
	}

	members, all, users := w.machine.Part(target)
	if dependents {
		members = all
	} else if len(users) > 0 {
		return
	}

	if w.machine.Phase() >= lifecycle.Intake {
		return
	}

	for _, id := range members {
		w.law.stopped[id] = true
	}

	p.asked, p.over = append(p.asked, members), append(p.over, false)
	w.step(lifecycle.StopPart{Ask: len(p.asked) - 1, Target: target, Mode: mode, Members: members})
}

// leaves notes that an actor does not wait for its turn.
func (p *parts) leaves(id int) { p.alone[id] = true }

// seal checks that an actor of a part is stopped in its turn.
func (p *parts) seal(id int) {
	w := p.world

	if id >= len(w.fakes) || p.alone[id] || w.machine.Phase() >= lifecycle.Intake {
		return
	}

	mine := slices.IndexFunc(p.asked, func(members []int) bool { return slices.Contains(members, id) })
	if mine < 0 {
		w.law.brokenf("%s is stopped and nobody wants it", w.path(id))
	}

	p.alone[id] = true

	// With two parts that overlap the turn can be that of either.
	if len(p.asked) > 1 {
		return
	}

	for _, d := range w.law.dependents[id] {
		if slices.Contains(p.asked[mine], d) && w.law.state(d) != lifecycle.Stopped {
			w.law.brokenf("%s is stopped while %s, which depends on it, is %v", w.path(id), w.path(d), w.law.state(d))
		}
	}
}

// parted checks that all of a part have ended.
func (p *parts) parted(e lifecycle.Parted) {
	w := p.world

	if p.over[e.Ask] {
		w.law.brokenf("part %d is stopped twice", e.Ask)
	}

	p.over[e.Ask] = true

	if len(e.Members) != len(p.asked[e.Ask]) {
		w.law.brokenf("of %d members %d are told of", len(p.asked[e.Ask]), len(e.Members))
	}

	for _, m := range e.Members {
		if m.State != lifecycle.Stopped {
			w.law.brokenf("%s is %v though the part it is of is stopped", w.path(m.ID), m.State)
		}
	}
}

// progress checks that a part that is not stopped yet has somebody to wait for.
func (p *parts) progress() {
	l := p.world.law

	for ask, members := range p.asked {
		if !p.over[ask] && !slices.ContainsFunc(members, func(id int) bool {
			return l.timed(id) || l.state(id) == lifecycle.Finishing
		}) {
			l.brokenf("part %d is not stopped and waits for nobody", ask)
		}
	}
}

// end checks that all are answered for.
func (p *parts) end() {
	if i := slices.Index(p.over, false); i >= 0 {
		p.world.law.brokenf("part %d is never said to be stopped", i)
	}
}
