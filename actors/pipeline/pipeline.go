package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// subtree is what makes a pipeline a child.
type subtree = supervision.Subtree

// Pipeline is the declaration of a pipeline. It is a [supervision.Child]: it stands anywhere in a tree, others can
// depend on it, and nothing in it starts before the tree does. Declaring is for one goroutine; the methods are safe for
// concurrent use once that is done. Its sources and sinks are values, so one system runs it at a time.
type Pipeline struct {
	*subtree

	name     string
	options  Options
	vertices []*vertex
	compiled atomic.Pointer[run] // the latest; nil if something is wrong with the declaration
	current  atomic.Pointer[run] // the latest that a system took
}

var _ supervision.Child = (*Pipeline)(nil)

// New declares a pipeline without stages. What is wrong with it is reported when the tree is compiled, before anything
// starts.
func New(name string, options Options) *Pipeline {
	p := &Pipeline{name: name, options: options}
	p.subtree = supervision.NewSubtree(name, options.DependsOn, p.build, p.try)

	return p
}

// Wait returns when every source has ended, and all items are finished and their sources told; the error is what the
// pipeline has failed with; [ErrStopped] if it was stopped, or came down for good, and items were given back, or a
// source had not handed out all it has, or could not be told; or the context's. A stop that lets a source drain is its
// end. A pipeline that no system has started, or a nil one, is not waited for: that is an error.
func (p *Pipeline) Wait(ctx context.Context) error {
	var (
		r   *run
		who = "Wait"
	)

	if p != nil {
		r, who = p.current.Load(), p.name+": Wait"
	}

	switch {
	case ctx == nil:
		return fmt.Errorf("%s: %w", who, mailbox.ErrNilContext)
	case r == nil:
		return fmt.Errorf("%s: %w", who, errNotStarted)
	}

	select {
	case <-r.flight.over:
		return r.flight.err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errNotStarted = errors.New("the pipeline is in no tree that was started")

// Bound returns how many items there are in the pipeline at most: the sum of all capacities, and of what the workers of
// all stages can have in their hands. It is 0 for a nil Pipeline.
func (p *Pipeline) Bound() int {
	if p == nil {
		return 0
	}

	sum := 0
	for _, v := range p.vertices {
		sum += v.bound()
	}

	return sum
}

// vertex is a declared stage, whatever its types.
type vertex struct {
	pipeline *Pipeline
	id       int
	name     string
	kind     kind
	stage    Stage
	inlets   int    // queues it takes from; 0 for a source
	outs     []port // where each of its outputs leads
	from     [][]*vertex
	holds    int // items it collects beside a handful, as a batch does
	problems []problem
	side     bool                   // it takes what others divert
	patient  bool                   // a batch that waits until it is complete, however long it takes
	aligned  bool                   // between a broadcast and a zip: what has no value leaves a hole
	diverts  func(d diversion) bool // reports whether its items can be diverted there
	opens    opener                 // a source, or a sink that needs no actor; else nil
	shared   bool                   // it is a sink that is the same for all incarnations
	// open makes the queues, and declare the actor once all queues are there.
	open    func(r *run)
	declare func(r *run, spec supervision.Spec) (supervision.Child, member)
}

// port is where an output of a stage leads; to is nil while it is not connected.
type port struct {
	to    *vertex
	inlet int
}

type problem struct{ field, text string }

// kind is what a stage does to the number and order of items.
type kind uint8

const (
	sourceKind kind = iota
	steadyKind      // one item makes one, or none
	freeKind        // any number
	spreadKind      // every item to all outputs
	divideKind      // every item to one output
	mergeKind       // several flows become one
	zipKind         // one item of each flow becomes one
	sinkKind
)

func (v *vertex) wrongf(field, format string, args ...any) {
	v.problems = append(v.problems, problem{field, fmt.Sprintf(format, args...)})
}

// capacity and workers are those of the stage with defaults.
func (v *vertex) capacity() int {
	if v.stage.Capacity == 0 {
		return DefaultCapacity
	}

	return v.stage.Capacity
}

func (v *vertex) workers() int { return max(1, v.stage.Workers) }

// handful is how many items a worker takes at a time at most.
const handful = 256

// hand returns how many items a worker of the stage takes at a time at most. One, if each has a timeout of its own.
func (v *vertex) hand() int {
	n := handful
	if v.stage.Timeout > 0 && v.kind != sinkKind {
		return 1
	}

	if v.inlets > 0 {
		n = min(n, v.capacity())
	}

	for _, o := range v.outs {
		if o.to != nil && v.kind == spreadKind {
			n = min(n, o.to.capacity()) // see worker.send
		}
	}

	return max(1, n)
}

// bound returns how many items the stage holds at most: those that wait, and in each worker's hands those taken and
// those made of them.
func (v *vertex) bound() int {
	return v.inlets*v.capacity() + v.workers()*(1+max(1, len(v.outs)))*v.hand() + v.holds
}

// Flow is the output of a stage, which one other stage takes. What stands behind the zero Flow is in no pipeline, nor
// is what is declared of a nil one: it never starts.
type Flow[T any] struct {
	from *vertex
	port int
}

// add declares a stage. That of no pipeline gets one of its own, whose error nobody will miss, since nothing behind it
// is in a tree.
func (p *Pipeline) add(name string, k kind, s Stage, inlets, outs int) *vertex {
	if p == nil {
		p = New("", Options{})
	}

	v := &vertex{
		pipeline: p, id: len(p.vertices), name: name, kind: k, stage: s, inlets: inlets, outs: make([]port, outs),
		from: make([][]*vertex, inlets),
	}
	p.vertices = append(p.vertices, v)

	return v
}

// after declares a stage behind a flow.
func after[T any](f Flow[T], name string, k kind, s Stage, outs int) *vertex {
	var p *Pipeline
	if f.from != nil {
		p = f.from.pipeline
	}

	v := p.add(name, k, s, 1, outs)
	connect(f, v, 0)

	return v
}

// connect makes a stage take a flow.
func connect[T any](f Flow[T], v *vertex, inlet int) {
	switch {
	case f.from == nil:
		v.wrongf("Flow", "is the zero Flow, must be the output of a stage")
	case f.from.pipeline != v.pipeline:
		v.wrongf("Flow", "comes from %q of another pipeline", f.from.name)
	case f.from.outs[f.port].to != nil:
		f.from.wrongf("Flow", "is connected twice, to %q and to %q; a broadcast makes several of it",
			f.from.outs[f.port].to.name, v.name)
	default:
		f.from.outs[f.port] = port{v, inlet}
		v.from[inlet] = append(v.from[inlet], f.from)
	}
}

// path returns the path that the stage has.
func (v *vertex) path(r string) string { return r + "/" + v.name }

// names lists stages.
func names(all []*vertex) string {
	text := make([]string, len(all))
	for i, v := range all {
		text[i] = v.name
	}

	return strings.Join(text, " → ")
}
