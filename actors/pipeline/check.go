package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/troupe-go/troupe/supervision"
)

// check reports everything that is wrong with the pipeline at a path, joined.
func (p *Pipeline) check(path string) error {
	c := &checker{path: path}

	if len(p.vertices) == 0 {
		c.wrong(path, "Stages", "there are none, a pipeline needs a source and a sink")
	}

	taken := map[string]bool{"workers": true, "opening": true}
	sources := 0

	for _, v := range p.vertices {
		if strings.ContainsAny(v.name, "/ \t\r\n") || v.name == "" {
			c.wrong(v.path(path), "Name", "must not be empty nor contain a slash or white space")
		} else if taken[v.name] {
			c.wrong(v.path(path), "Name", "is taken, two stages have it, or it is workers or opening, which every pipeline has")
		}

		taken[v.name] = true

		if v.kind == sourceKind {
			sources++
		}

		c.vertex(v)
	}

	if sources > maxSources {
		c.wrong(path, "Stages", "there are too many sources")
	}

	if !c.cycle(p.vertices) {
		for _, v := range p.vertices {
			if v.kind == zipKind {
				c.zip(v)
			}
		}

		c.batches(p)
	}

	if o := p.options; o.InFlight < 0 || o.InFlight > MaxInFlight {
		c.wrong(path, "InFlight", fmt.Sprintf(
			"%d is out of range, must be from 1 to 16777216, or 0 for twice the bound", o.InFlight))
	}

	if every := p.options.CommitEvery; every < Immediately {
		c.wrong(path, "CommitEvery", every.String()+" is negative")
	}

	return errors.Join(c.errs...)
}

type checker struct {
	path string
	errs []error
}

func (c *checker) wrong(path, field, text string) {
	c.errs = append(c.errs, &supervision.SpecError{Path: path, Field: field, Problem: text})
}

func (c *checker) vertex(v *vertex) {
	path := v.path(c.path)

	for _, p := range v.problems {
		c.wrong(path, p.field, p.text)
	}

	for _, o := range v.outs {
		if o.to == nil {
			c.wrong(path, "Flow", "is not connected, every output needs a stage that takes it")
		}
	}

	if v.side && !v.named() {
		c.wrong(path, "Side", "is nobody's, at least one stage must divert its failures there")
	}

	c.policy(path, v)
	c.limits(path, v)
}

// named reports whether a stage diverts its failures to this side.
func (v *vertex) named() bool {
	return slices.ContainsFunc(v.pipeline.vertices, func(u *vertex) bool {
		d := u.stage.Failed.divert

		return d != nil && d.vertex() == v
	})
}

// policy checks where failed items go.
func (c *checker) policy(path string, v *vertex) {
	s := v.stage

	switch d := s.Failed.divert; {
	case s.Failed.kind == divertItem && d == nil:
		c.wrong(path, "Failed", "diverts to the zero Side")
	case d != nil && d.vertex().pipeline != v.pipeline:
		c.wrong(path, "Failed", "diverts to another pipeline")
	case d != nil && v.diverts != nil && !v.diverts(d):
		c.wrong(path, "Failed", "diverts to a side of items of another type")
	}
}

// limits checks what is in a range.
func (c *checker) limits(path string, v *vertex) {
	const negative = "negative"

	s := v.stage

	for _, f := range []struct {
		field string
		value any
		wrong bool
		rule  string
	}{
		{"Capacity", s.Capacity, beyond(s.Capacity, MaxCapacity), "out of range, must be from 1 to 1048576, or 0 for 256"},
		{"Workers", s.Workers, beyond(s.Workers, MaxWorkers), "out of range, must be from 1 to 1024, or 0 for 1"},
		{
			"Workers", s.Workers, s.Workers > 1 && !v.many(),
			"too many, must be 1: only stages that call a function for each item have several",
		},
		{"Order", s.Order, s.Order > AsCompleted, "not an order, must be ordered or as completed"},
		{"Timeout", s.Timeout, s.Timeout < 0, negative},
		{"Abandoned", s.Abandoned, beyond(s.Abandoned, MaxAbandoned), "out of range, must be from 1 to 1024, or 0 for 8"},
		{"Retry.Max", s.Retry.Max, beyond(s.Retry.Max, MaxRetries), "out of range, must be from 0 to 1024"},
		{"Retry.Initial", s.Retry.Initial, s.Retry.Initial < 0, negative},
		{"Retry.Longest", s.Retry.Longest, s.Retry.Longest < 0, negative},
		{"Rate.PerSecond", s.Rate.PerSecond, !(s.Rate.PerSecond >= 0), "negative, or no number"},
		{"Rate.Burst", s.Rate.Burst, s.Rate.Burst < 0, negative},
		{"Breaker.Open", s.Breaker.Open, s.Breaker.Open < 0, negative},
		{
			"Redeliver", s.Redeliver, beyond(s.Redeliver, supervision.MaxRedeliver),
			"out of range, must be from 0 to 1000",
		},
	} {
		if f.wrong {
			c.wrong(path, f.field, fmt.Sprintf("%v is %s", f.value, f.rule))
		}
	}
}

// beyond reports whether a number is out of its range; 0 stands for the default.
func beyond(n, most int) bool { return n < 0 || n > most }

// many reports whether the stage can have several workers.
func (v *vertex) many() bool { return v.kind == steadyKind || v.kind == freeKind && v.holds == 0 }

// zip checks that what a zip waits for can come: if its sides have anything in common, that must be one broadcast, and
// whatever stands between must keep one item one, in order.
func (c *checker) zip(v *vertex) {
	left, right := ancestors(v.from[0]), ancestors(v.from[1])
	common := slices.ContainsFunc(left, func(a *vertex) bool { return slices.Contains(right, a) })

	if !common {
		return
	}

	a, ways := steady(v.from[0])
	b, more := steady(v.from[1])

	if a == nil || a != b || a.kind != spreadKind {
		c.wrong(v.path(c.path), "Flow", "its sides have a stage in common and could wait for each other: that must be one "+
			"broadcast, with only stages between that make one item of one, such as maps and filters, each with one input")

		return
	}

	for _, w := range append(ways, more...) {
		w.aligned = true

		if w.stage.Order == AsCompleted && w.workers() > 1 {
			c.wrong(w.path(c.path), "Order", "is as completed, must be ordered between a broadcast and a zip")
		}
	}
}

// batches checks that batches which wait until they are complete can be.
func (c *checker) batches(p *Pipeline) {
	switch n, limit := p.waiting(), p.options.InFlight; {
	case n > MaxInFlight:
		c.wrong(c.path, "InFlight", "batches without Every can wait for more than 16777216 items that are unfinished, "+
			"the most there can be")
	case limit > 0 && limit < n:
		c.wrong(c.path, "InFlight", fmt.Sprintf(
			"%d is less than what batches without Every can wait for, must be %d at least", limit, n))
	}
}

// waiting returns how many source items can lie in batches that wait until they are complete, however long it takes; at
// most one more than MaxInFlight. There must be no cycle.
func (p *Pipeline) waiting() (sum int) {
	weights := make(map[*vertex]int)

	for _, v := range p.vertices {
		if v.patient {
			sum = min(MaxInFlight+1, sum+v.weight(weights))
		}
	}

	return sum
}

// weight returns how many source items one item of the stage can have come of, at most one more than MaxInFlight.
// Known are the weights of stages that were asked already.
func (v *vertex) weight(known map[*vertex]int) int {
	if n, ok := known[v]; ok {
		return n
	}

	sum := 0

	for _, in := range v.from {
		most := 0
		for _, u := range in {
			most = max(most, u.weight(known))
		}

		sum += most
	}

	n := min(MaxInFlight+1, max(1, sum)*max(1, v.holds))
	known[v] = n

	return n
}

// ancestors returns all stages that items can come from.
func ancestors(from []*vertex) (all []*vertex) {
	for i := 0; i < len(from); i++ {
		if !slices.Contains(all, from[i]) {
			all = append(all, from[i])

			for _, in := range from[i].from {
				from = append(slices.Clip(from), in...)
			}
		}
	}

	return all
}

// steady goes back over stages that make one item of one, and returns them and the stage before.
func steady(from []*vertex) (before *vertex, ways []*vertex) {
	for len(from) == 1 && from[0].kind == steadyKind && len(from[0].from) == 1 {
		ways = append(ways, from[0])
		from = from[0].from[0]
	}

	if len(from) != 1 {
		return nil, nil
	}

	return from[0], ways
}

// cycle reports one cycle, if there is any.
func (c *checker) cycle(all []*vertex) (found bool) {
	state := make([]int, len(all)) // 1: on the trail, 2: looked at

	var (
		trail []*vertex
		visit func(v *vertex) bool
	)

	visit = func(v *vertex) bool {
		trail = append(trail, v)
		state[v.id] = 1

		for _, next := range v.next() {
			if next.pipeline != v.pipeline {
				continue // reported already
			}

			if state[next.id] == 1 {
				from := slices.Index(trail, next)
				c.wrong(next.path(c.path), "Flow", "is in a cycle: "+names(append(trail[from:], next)))

				return true
			}

			if state[next.id] == 0 && visit(next) {
				return true
			}
		}

		trail = trail[:len(trail)-1]
		state[v.id] = 2

		return false
	}

	for _, v := range all {
		if state[v.id] == 0 && visit(v) {
			return true
		}
	}

	return false
}
