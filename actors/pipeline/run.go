package pipeline

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// run is a pipeline in one compiled tree.
type run struct {
	pipeline *Pipeline
	path     string
	flight   *inflight
	crew     *crew
	opening  *opening
	queues   map[inletID]any // of *queue[T]
	members  []member        // by number of the vertex
}

// taken notes that a system has taken the run.
func (r *run) taken() { r.pipeline.current.Store(r) }

type inletID struct{ vertex, inlet int }

// member is a running stage, whatever its types.
type member interface {
	node.Holder
	stats() StageStats
	// giveUp takes from workers that do not return what they have in hand, if the stage has ended.
	giveUp()
}

// giveUp goes on without workers that do not return, of stages that have ended.
func (r *run) giveUp() {
	for _, m := range r.members {
		m.giveUp()
	}
}

// halfOf returns a context that ends when half of the time of another one is over.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(end)/2) //nolint:mnd // half
	}

	return context.WithCancel(ctx)
}

// build makes the tree of the pipeline.
func (p *Pipeline) build(path string) (supervision.Tree, error) {
	t := supervision.Tree{Budget: p.options.Budget}
	p.compiled.Store(nil)

	if err := p.check(path); err != nil {
		return t, err
	}

	r := &run{
		pipeline: p, path: path, flight: newInflight(), crew: newCrew(), opening: newOpening(), queues: make(map[inletID]any),
		members: make([]member, len(p.vertices)),
	}
	workers := supervision.Actor("workers", func(supervision.Deps) (*crew, error) { return r.crew, nil },
		supervision.Spec{})
	t.Children = append(t.Children, workers)

	for _, v := range p.vertices {
		if v.open != nil {
			v.open(r)
		}
	}

	children := make([]supervision.Child, len(p.vertices))
	for _, v := range p.vertices {
		p.declare(r, v, children, workers)
	}

	opening := supervision.Actor("opening", func(supervision.Deps) (*opening, error) { return r.opening, nil },
		supervision.Spec{DependsOn: children})
	t.Children = append(append(t.Children, children...), opening)
	p.compiled.Store(r)

	return t, nil
}

// declare declares the actor of a stage, and before it those of the stages behind it, which it depends on.
func (p *Pipeline) declare(r *run, v *vertex, children []supervision.Child, crew supervision.Child) {
	if children[v.id] != nil {
		return
	}

	spec := supervision.Spec{
		Backoff: p.options.Backoff, Deadlines: p.options.Deadlines, Decide: decide,
		DependsOn: append(supervision.On(crew), v.stage.DependsOn...),
	}

	seen := make(map[*vertex]bool)

	for _, next := range v.next() {
		if seen[next] {
			continue
		}

		seen[next] = true

		p.declare(r, next, children, crew)
		spec.DependsOn = append(spec.DependsOn, children[next.id])
	}

	children[v.id], r.members[v.id] = v.declare(r, spec)
}

// next returns the stages that the outputs of a stage lead to.
func (v *vertex) next() []*vertex {
	var all []*vertex

	for _, o := range v.outs {
		if o.to != nil {
			all = append(all, o.to)
		}
	}

	if d := v.stage.Failed.divert; d != nil {
		all = append(all, d.vertex())
	}

	return all
}

// decide escalates what fails the pipeline.
func decide(err error) supervision.Directive {
	if _, ok := chain.As[*FailedError](err); ok {
		return supervision.EscalateFailure
	}

	return supervision.RestartChild
}

// inlet makes the queue of a stage.
func inlet[T any](r *run, v *vertex, n int) {
	producers := len(v.from[n])
	for _, u := range v.pipeline.vertices {
		if d := u.stage.Failed.divert; d != nil && d.vertex() == v {
			producers++
		}
	}

	r.queues[inletID{v.id, n}] = newQueue[T](v.capacity(), producers)
}

// queueOf returns the queue of a stage. Its type is that of the flow which leads to it.
func queueOf[T any](r *run, v *vertex, n int) *queue[T] {
	q, _ := r.queues[inletID{v.id, n}].(*queue[T])

	return q
}

// outlets returns the queues that the outputs of a stage lead to.
func outlets[T any](r *run, v *vertex) []*queue[T] {
	all := make([]*queue[T], len(v.outs))
	for i, o := range v.outs {
		all[i] = queueOf[T](r, o.to, o.inlet)
	}

	return all
}
