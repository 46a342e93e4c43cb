package system

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Dependents says what becomes of those that depend on a part of the tree that is to be stopped. The zero value is
// unset and means [RefuseDependents].
type Dependents uint8

const (
	// RefuseDependents: if there are any that have not ended, nothing is stopped, and a [*DependentsError] names them. It
	// is the default.
	RefuseDependents Dependents = iota + 1
	// StopDependents: they are stopped too, each before what it depends on.
	StopDependents
)

// StopOptions say how a part of the tree is stopped. The zero value is a sound default.
type StopOptions struct {
	// AtOnce leaves what is queued to the dead letters; the message in hand is finished, and the hooks run. Otherwise
	// each actor works its queue off first.
	AtOnce bool
	// Dependents says what becomes of those that depend on the part by the declared graph, directly or through others;
	// unset means [RefuseDependents].
	Dependents Dependents
}

// DependentsError says that a part of the tree is not stopped because others depend on it.
type DependentsError struct {
	// Path of the part.
	Path string
	// Dependents are the paths of those that depend on it.
	Dependents []string
}

// Error names all of them.
func (e *DependentsError) Error() string {
	return fmt.Sprintf("%s: others depend on it: %s", e.Path, strings.Join(e.Dependents, ", "))
}

// ErrNoNode says that there is nobody at a path.
var ErrNoNode = errors.New("there is nobody of that path")

// ErrOwnStop says that an actor stops itself or a part of the tree that it is in. The stop has begun, but an actor does
// not wait for its own end.
var ErrOwnStop = errors.New("an actor cannot wait for its own stop, which has begun")

// StopNode stops one actor or a subtree at run time, a supervisor, a pool or a group with all below it, and returns
// when it has ended, with a report of it. Dependents go before what they depend on, independent ones side by side; when
// its turn comes an actor drains, flushes and closes in one go, by its own deadlines. Until then it is supervised as
// ever. Who is down when its turn comes, because it waits to be restarted, is not brought up: what it has queued goes
// to the dead letters.
//
// What has been stopped does not come back, whatever its restart type, not even when its supervisor is restarted.
// Permanent ones make their supervisor unready, as [NodeHealth.Ready] says. Tasks are not run: they belong to the
// shutdown.
//
// The error is nil if everything went well, else that of [Report.Err]; a [*DependentsError]; [ErrNoNode]; or, with the
// path, [mailbox.ErrStopped] if it had ended before, and [mailbox.ErrStopping] at a shutdown. Whoever asks for the same
// while it is being stopped gets the same report, whatever the options. If ctx ends first, the error is the context's
// and the stop goes on: one that has ended begins a stop without waiting. A shutdown meanwhile takes the stop over, and
// the report comes with its end; an actor that waits for it in Receive gets [mailbox.ErrStopping] when the drain
// begins. The path of the root stands for the whole system: [System.Shutdown], after [System.Force] if it is to be at
// once.
//
// An actor that stops what it is in, from Receive, gets [ErrOwnStop] at once. It can wait for the stop of another part,
// by its own context, but what that part sends to it meanwhile must find room.
func (s *System) StopNode(ctx context.Context, path string, options StopOptions) (*Report, error) {
	switch {
	case s.nobody():
		return nil, ErrNoSystem
	case ctx == nil:
		return nil, fmt.Errorf("%s: StopNode: %w", path, mailbox.ErrNilContext)
	case options.Dependents > StopDependents:
		return nil, fmt.Errorf("system.StopOptions.Dependents: %d is not a policy, must be refuse or stop",
			options.Dependents)
	case path == s.plan.Nodes[0].Path:
		if options.AtOnce {
			s.Force()
		}

		return s.Shutdown(ctx)
	}

	p, err := s.conductor.part(path, options)
	if err != nil {
		return nil, err
	}

	if s.conductor.mustNotWait(ctx, p) {
		return nil, &supervision.FailureError{Path: path, Err: ErrOwnStop}
	}

	select {
	case <-p.ended:
		p.once.Do(func() { p.report = s.partReport(p) })

		return p.report, p.report.Err()
	case <-ctx.Done():
		return nil, &supervision.FailureError{Path: path, Err: ctx.Err()}
	case <-s.conductor.Overtaken(ctx):
		return nil, &supervision.FailureError{Path: path, Err: mailbox.ErrStopping}
	}
}

// Overtaken implements [node.Host].
func (c *conductor) Overtaken(ctx context.Context) <-chan struct{} {
	if _, actor := ctx.Value(mailbox.ObserverKey{}).(interface{ Path() string }); !actor || c.waits.Depth() == 0 {
		return nil
	}

	return c.draining
}

// parting is a part of the tree that is being stopped. What is not said to be otherwise is set before it is known.
type parting struct {
	path     string
	began    time.Time
	nodes    map[int]node.Node // the actors by id
	before   map[int]uint64    // how many messages each had processed
	departed []listed          // groups of it whose children had gone before

	ended   chan struct{}
	members []lifecycle.Member // set before ended is closed
	once    sync.Once
	report  *Report // made once
}

// part begins to stop a part, or finds it being stopped.
func (c *conductor) part(path string, options StopOptions) (p *parting, err error) {
	c.do(func() lifecycle.Input {
		var in lifecycle.Input

		p, in, err = c.beginPart(path, options)
		if errors.As(err, new(*DependentsError)) { // names the part
			return nil
		} else if err != nil {
			err = &supervision.FailureError{Path: path, Err: err}
		}

		return in
	})

	return p, err
}

// beginPart is part with mu held; there is an input only if a stop begins.
func (c *conductor) beginPart(path string, options StopOptions) (*parting, lifecycle.Input, error) {
	id, found := c.find(path)

	switch {
	case c.machine.Phase() == lifecycle.Done:
		return nil, nil, mailbox.ErrStopped
	case c.machine.Phase() >= lifecycle.Intake:
		return nil, nil, mailbox.ErrStopping
	case !found:
		return nil, nil, ErrNoNode
	case c.parting[id] != nil:
		return c.parting[id], nil, nil
	case c.machine.View(id).State == lifecycle.Stopped:
		return nil, nil, mailbox.ErrStopped
	}

	members, all, dependents := c.machine.Part(id)

	if options.Dependents == StopDependents {
		members = all
	} else if len(dependents) > 0 {
		err := &DependentsError{Path: path}
		for _, d := range dependents {
			err.Dependents = append(err.Dependents, c.system.plan.Nodes[d].Path)
		}

		return nil, nil, err
	}

	in := lifecycle.StopPart{Ask: id, Target: id, Mode: node.Poison, Members: members}
	if options.AtOnce {
		in.Mode = node.AtOnce
	}

	p := c.newParting(path, members)
	c.parting[id] = p

	return p, in, nil
}

// newParting remembers how those of a part are before it is stopped. Called with mu held.
func (c *conductor) newParting(path string, members []int) *parting {
	p := &parting{
		path: path, began: time.Now(), ended: make(chan struct{}),
		nodes: make(map[int]node.Node), before: make(map[int]uint64),
	}

	for _, id := range members {
		if n := c.nodes[lifecycle.Slot(id)]; n != nil {
			p.nodes[id], p.before[id] = n, n.Stats().Processed
		}

		if d := c.groups.departed[id]; d != nil {
			gone := *d
			p.departed = append(p.departed, listed{id: id, view: c.machine.View(id), departed: &gone})
		}
	}

	return p
}

// find returns the id of the node at a path. Called with mu held.
func (c *conductor) find(path string) (id int, found bool) {
	for id := range c.system.plan.Nodes {
		if c.system.plan.Nodes[id].Path == path {
			return id, true
		}
	}

	if !strings.HasPrefix(path, "/") {
		return 0, false
	}

	if n := c.child(path); n != nil {
		return n.ID(), true
	}

	return 0, false
}

// parted notes that a part has been stopped. Called with mu held.
func (c *conductor) parted(e lifecycle.Parted) {
	p := c.parting[e.Ask]
	delete(c.parting, e.Ask)

	p.members = e.Members
	close(p.ended)
}

// mustNotWait reports whether the calling goroutine is that of an actor of the part, whose context ctx comes from.
func (c *conductor) mustNotWait(ctx context.Context, p *parting) bool {
	who, ok := ctx.Value(mailbox.ObserverKey{}).(interface{ Path() string })
	if !ok || c.waits.Depth() == 0 {
		return false
	}

	for _, n := range p.nodes {
		if n.Path() == who.Path() {
			return true
		}
	}

	return false
}

// partReport makes the report of a part that has been stopped.
func (s *System) partReport(p *parting) *Report {
	r := &Report{
		System: s.plan.Nodes[0].Path[1:], Part: p.path, DeadLetters: make(map[mailbox.Reason]uint64),
		Uptime: Seconds(p.began.Sub(s.conductor.bootedAt())),
	}

	var (
		errs  []error
		total mailbox.Stats
		stuck = s.conductor.whereTheyHang(p.members)
	)

	add := func(a ActorReport, stats *mailbox.Stats) {
		total.Add(stats)

		r.Restarts += a.Restarts
		r.Unaccounted += a.Unaccounted
		r.Actors = append(r.Actors, a)
	}

	for i := range p.departed {
		d := &p.departed[i]
		add(departedReport(d), &d.departed.Stats)
	}

	var steps stepReports

	for i := range p.members {
		m := &p.members[i]

		n := p.nodes[m.ID]
		if n == nil { // a supervisor
			r.Restarts += m.Restarts

			continue
		}

		m.Path = n.Path()
		stats := n.Stats()
		at := &listed{id: m.ID, view: m.View, node: n}

		var a ActorReport

		steps.fill(&a, at, &stats, stuck, p.began, p.before[m.ID])
		add(a, &stats)

		errs = append(errs, memberErrors(&m.View, p.began)...)
	}

	r.Phases = spans(r.Actors)
	r.Total = figures(&total)
	maps.Copy(r.DeadLetters, r.Total.DeadLettered)
	r.setErrors(nil, errs)

	return r
}

// whereTheyHang looks up the abandoned incarnations of a part.
func (c *conductor) whereTheyHang(members []lifecycle.Member) map[place]stuck {
	if !slices.ContainsFunc(members, func(m lifecycle.Member) bool { return len(m.Abandoned) > 0 }) {
		return nil
	}

	c.findStuck() // it may be looked up at this moment, but is not known yet

	c.mu.Lock()
	defer c.mu.Unlock()

	return maps.Clone(c.stuck)
}

// memberErrors returns what went wrong when an actor was stopped.
func memberErrors(v *lifecycle.View, began time.Time) (errs []error) {
	for _, err := range []error{v.Steps.Drain.Err, v.Steps.Flush.Err, v.Steps.Close.Err} {
		if err != nil {
			errs = append(errs, &supervision.FailureError{Path: v.Path, Err: err})
		}
	}

	if v.Failed && v.LastFailure != nil { // names it
		errs = append(errs, v.LastFailure)
	}

	for _, a := range v.Abandoned {
		if len(errs) == 0 && !a.At.Before(began) {
			errs = append(errs, &supervision.FailureError{
				Path: v.Path, Err: &supervision.DeadlineError{Step: a.Step, After: a.At.Sub(began)},
			})
		}
	}

	return errs
}

// spans returns the phases of a part: each from the first of its steps to the end of the last.
func spans(actors []ActorReport) (phases []PhaseReport) {
	for _, phase := range []struct {
		lifecycle.Phase

		of func(*ActorReport) *StepReport
	}{
		{lifecycle.Drain, func(a *ActorReport) *StepReport { return a.Drain }},
		{lifecycle.Flush, func(a *ActorReport) *StepReport { return a.Flush }},
		{lifecycle.Close, func(a *ActorReport) *StepReport { return a.Close }},
	} {
		var (
			began, ended Seconds
			found        bool
		)

		for i := range actors {
			s := phase.of(&actors[i])
			if s == nil {
				continue
			}

			if !found || s.Began < began {
				began = s.Began
			}

			ended, found = max(ended, s.Began+s.Took), true
		}

		if found {
			phases = append(phases, PhaseReport{Name: phase.String(), Began: began, Took: ended - began})
		}
	}

	return phases
}

// bootedAt returns when the tree began to start.
func (c *conductor) bootedAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.machine.Began(lifecycle.Booting)
}
