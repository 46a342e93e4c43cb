package main

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
)

// piped is [contender.chain] with our chain as a pipeline: a source, and four stages that each call a function, with
// queues of the same capacity. Everything is counted, and acknowledged: in the end the offset must be that of the last
// item.
func piped(ctx context.Context, c contender, count int) (*trial, error) {
	if c.name() != (troupe{}).name() {
		return c.chain(ctx, count)
	}

	all := newLinks(count)
	source := newNumbers(count)
	p := newPipeline()
	flow := pipeline.From(p, "source", source)

	for _, r := range all[:links-1] {
		flow = pipeline.Map(flow, r.name, func(_ context.Context, m message) (message, error) {
			r.handle(m)

			return m, nil
		}, pipeline.Stage{Capacity: capacity})
	}

	sink(flow, all[links-1])

	return flowing(ctx, p, source, all[links-1], all, (links+1)*count)
}

func newPipeline() *pipeline.Pipeline {
	return pipeline.New("pipeline", pipeline.Options{Budget: supervision.Budget{Restarts: 1, Within: time.Second}})
}

// sink ends a flow in a receiver.
func sink(flow pipeline.Flow[message], r *receiver) {
	pipeline.ToFunc(flow, r.name, func(_ context.Context, m message) error {
		r.handle(m)

		return nil
	}, pipeline.Stage{Capacity: capacity})
}

// flowing starts a pipeline, whose source begins when the trial is run. Moved is how many items all stages take in.
func flowing(
	ctx context.Context, p *pipeline.Pipeline, source *numbers, last *receiver, all []*receiver, moved int,
) (*trial, error) {
	sys, err := start(ctx, p)
	if err != nil {
		return nil, err
	}

	return &trial{
		run: func() error {
			close(source.gate)

			return last.wait(ctx)
		},
		stop:      stopping(ctx, sys, moved),
		receivers: all,
		extra:     source.check,
	}, nil
}

// numbers is a source of the messages from 0 to count-1.
type numbers struct {
	gate        chan struct{} // closed when it may begin
	next, count int
	offset      uint64
}

func newNumbers(count int) *numbers { return &numbers{gate: make(chan struct{}), count: count} }

func (*numbers) Open(context.Context) error  { return nil }
func (*numbers) Close(context.Context) error { return nil }

// Pull hands out the next messages.
func (s *numbers) Pull(ctx context.Context, items []message) (int, error) {
	select {
	case <-s.gate:
	case <-ctx.Done():
		return 0, io.EOF
	}

	n := min(len(items), s.count-s.next)
	if n == 0 {
		return 0, io.EOF
	}

	for i := range items[:n] {
		items[i] = nth(s.next)
		s.next++
	}

	return n, nil
}

// Commit keeps the offset.
func (s *numbers) Commit(_ context.Context, done uint64) error { //nolint:unparam // what a source looks like
	s.offset = done

	return nil
}

// check reports whether all items were acknowledged. Called when nothing runs any more.
func (s *numbers) check() error {
	if s.offset != uint64(s.count) { //nolint:gosec // not negative
		return fmt.Errorf("source: %d items were committed, but handed out were %d", s.offset, s.count)
	}

	return nil
}

// workers is a pipeline with one stage that computes, on so many workers.
type workers struct {
	troupe

	count int
}

func (w workers) name() string { return "workers-" + strconv.Itoa(w.count) }

// computing models a stage that is bound by the CPU, with some 200 µs of work for each item, as a parser has.
func computing(ctx context.Context, c contender, count int) (*trial, error) {
	w, ok := c.(workers)
	if !ok {
		return nil, fmt.Errorf("%s has no workers", c.name())
	}

	last := newReceiver("sink", count)
	source := newNumbers(count)
	p := newPipeline()
	flow := pipeline.Map(pipeline.From(p, "source", source), "compute",
		func(_ context.Context, m message) (message, error) { return compute(m), nil },
		pipeline.Stage{Capacity: capacity, Workers: w.count})
	sink(flow, last)

	return flowing(ctx, p, source, last, []*receiver{last}, 3*count)
}

// compute scrambles a message and puts it right again, so that what comes out shows that all of it was done.
func compute(m message) message {
	const (
		rounds  = 100_000
		factor  = 0x5851f42d4c957f2d
		inverse = 0xc097ef87329e28a5 // of factor, modulo 1<<64
	)

	for range rounds {
		m.a = bits.RotateLeft64(m.a, 7) * factor
	}

	for range rounds {
		m.a = bits.RotateLeft64(m.a*inverse, -7)
	}

	return m
}
