package plugin

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// Slot declares a place for one plugin in a tree. It is a subtree of its own: a desk, which loads, unloads, upgrades
// and releases, and a supervisor with the plugin's restart budget, under which its instances run. A declaration has no
// state and can be run by several systems.
//
//	/shop/geo        the slot
//	/shop/geo/run    the supervisor; when its budget is exhausted the plugin is quarantined, and nothing above it fails
//	/shop/geo/run/1  the actor that hands the plugin its calls
//	/shop/geo/desk   degraded while the plugin is quarantined
type Slot struct {
	name   string
	source Source
	spec   Spec
	run    *supervision.GroupChild[call, *load]
	desk   *supervision.ActorChild[order]
	tree   *supervision.Tree
}

// maxVersions is how many versions of a plugin there are at most at a time: the old one, the new one, and some of
// whose instances one hangs.
const maxVersions = 2 + MaxHanging

// New declares a slot for a plugin, whose manifest must have the slot's name. With the zero Source it is empty until
// [Handle.Load]. Everything wrong with the spec or the source is reported at once.
func New(name string, source Source, spec Spec) (*Slot, error) {
	closing := spec.Stop // 0 leaves it to the time that the phase has
	spec = spec.withDefaults()

	err := errors.Join(checkName(name), source.problem, spec.validate())
	if m := source.manifest; m != nil && m.Name != name {
		err = errors.Join(err, fmt.Errorf("plugin %q: its manifest says it is %q", name, m.Name))
	}

	if err != nil {
		return nil, err
	}

	return newSlot(name, source, spec, closing), nil
}

// newSlot declares a slot of which all has been checked.
func newSlot(name string, source Source, spec Spec, closing time.Duration) *Slot {
	s := &Slot{name: name, source: source, spec: spec}

	s.run = supervision.DynamicGroup("run",
		func(_ supervision.Deps, l *load) (*instance, error) { return newInstance(l), nil },
		supervision.GroupSpec{
			MaxChildren: maxVersions, Budget: spec.Budget,
			// After it gave up it is there for the next release.
			Backoff: supervision.Backoff{Initial: supervision.Immediately},
			Child: supervision.Spec{
				Mailbox: spec.Mailbox, Backoff: spec.Backoff, Stash: 1, Decide: decide,
				Goroutines: min(spec.Concurrency+4, supervision.MaxGoroutines), // the guard, a probe, who opens, who fails
				Deadlines: supervision.Deadlines{
					Start: patience(spec.Start), Drain: spec.Drain, Close: closing,
				},
			},
		})

	s.desk = supervision.Actor("desk",
		func(in supervision.Deps) (*desk, error) { return newDesk(s, s.run.From(in)), nil },
		supervision.Spec{
			DependsOn: supervision.On(s.run),
			Deadlines: supervision.Deadlines{Start: patience(patience(spec.Start))},
		})

	// A plugin has no say in whether the host is ready or live: that is what temporary means to those who ask. The slot
	// itself never fails: the desk runs no code of the plugin's, and the group fails once a release at most.
	s.tree = &supervision.Tree{
		Name: name, Restart: supervision.Temporary, Children: supervision.On(s.run, s.desk),
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: time.Second},
	}

	return s
}

// patience is a deadline that leaves d before its last tenth, in which an actor's context has ended, and some more,
// also on a machine that has a lot to do. Of one that long it is no deadline.
func patience(d time.Duration) time.Duration {
	if d > math.MaxInt64/2 {
		return math.MaxInt64
	}

	return d + d/4 + time.Second
}

func checkName(name string) error {
	if len(name) > MaxName || !pluginName.MatchString(name) {
		return fmt.Errorf("plugin %.80q: the name must be up to %d lower-case letters, digits and dashes, beginning with a "+
			"letter", name, MaxName)
	}

	return nil
}

// Tree returns the subtree, to be placed among the children of a tree. It is a temporary child: a strategy that
// restarts the others with one that has failed leaves it stopped, so a slot belongs under [supervision.OneForOne].
func (s *Slot) Tree() *supervision.Tree { return s.tree }

// On returns what an actor that uses the plugin depends on:
//
//	supervision.Spec{DependsOn: geo.On()}
func (s *Slot) On() []supervision.Child { return supervision.On(s.desk, s.run) }

// From returns the handle to the plugin that in grants, to an actor that has declared [Slot.On], or to code outside
// the tree with system.System.Intake.
func (s *Slot) From(in supervision.Deps) *Handle {
	return s.bare(in).of(s.name)
}

// place is what a slot is in a running system. Safe for concurrent use.
type place struct {
	path     string // of the slot
	spec     Spec
	breaker  breaker
	counters counters
	now      atomic.Pointer[occupancy]
	left     atomic.Bool // its desk has ended; if there is another one, that has another place

	mu   sync.Mutex // serialises changes of now
	next int        // number of the next version; the desk's own
}

// occupancy is who is in a place. It is not changed.
type occupancy struct {
	load *load         // the version that gets the calls; nil if there is none
	last *load         // the version that was quarantined
	err  error         // why there is none
	over chan struct{} // closed when it is over: somebody else is in the place, or nobody, or the system ends
}

// change sets who is in a place. Called with mu held.
func (p *place) change(o *occupancy) {
	o.over = make(chan struct{})

	if old := p.now.Swap(o); old != nil {
		close(old.over)
	}
}

// occupy puts a version in its place.
func (p *place) occupy(l *load) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.change(&occupancy{load: l})
}

// vacate notes that there is no version any more.
func (p *place) vacate() {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.change(&occupancy{err: fmt.Errorf("%s: %w", p.path, ErrNotLoaded)})
}

// leave notes that nothing will change any more.
func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.left.Store(true)
	p.change(new(*p.now.Load()))
}

// ended notes that the actor of a version has ended for good: if it is the one in place, it is quarantined.
func (p *place) ended(l *load) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.now.Load().load != l {
		return
	}

	err := l.failure()
	if err == nil {
		err = errEnded
	}

	p.change(&occupancy{last: l, err: &QuarantinedError{p.path, err}})
}
