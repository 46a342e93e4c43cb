package supervision

import (
	"context"
	"errors"
	"iter"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/doubling"
)

// batchRoom is how many children StartAll adds at a time. Two batches are on their way at most.
const batchRoom = 256

// StartAll adds a child for each name and argument, in their order, and returns when all have started or failed. It
// does what [Group.Start] does, for many side by side: 256 are added at a time, or as many as are left at the end of
// the sequence, and at most 512 are on their way. Of full batches a few goroutines call the factories, and more within
// milliseconds if these wait for something. The time that a child has to start begins when it is added.
//
// The first child that cannot be added or does not start ends it: no more are added, those on their way are awaited,
// and what has started stays. The result has the references in order, one for each child that was added, the zero Ref
// for one that has not started. The error joins those that [Group.Start] returns, of all that have failed: at most as
// many as were on their way. It is a [*SpecError] if children is nil. If ctx ends first, those on their way that have
// not started are stopped again, and the error is the context's.
//
// The sequence is called on the goroutine of the caller, with no lock held; if it panics, the children that have been
// added stay. The Start of a child must not wait for the actor that calls this from its Receive.
func (g Group[M, Arg]) StartAll(ctx context.Context, children iter.Seq2[string, Arg]) ([]actors.Ref[M], error) {
	if err := g.check(ctx, "StartAll"); err != nil {
		return nil, err
	}

	if children == nil {
		return nil, &SpecError{Path: g.Path(), Field: "children", Problem: "is nil, must yield names and arguments"}
	}

	c, err := newConvoy(g.of)
	if err != nil {
		return nil, err
	}

	for name, arg := range children {
		if !c.add(ctx, name, arg) {
			break
		}
	}

	return c.end(ctx)
}

// convoy is the children of one StartAll: a batch that is on its way, and behind it one that is being filled.
type convoy[M, Arg any] struct {
	ahead, behind *batch[M, Arg]
	started       []actors.Ref[M]
	errs          []error // of those that were on their way when the first failed, or what kept the next ones
	refused       error   // what is wrong with the name of the next one
}

func newConvoy[M, Arg any](group *running[M, Arg]) (*convoy[M, Arg], error) {
	one, err := newBatch(group, batchRoom)
	if err != nil {
		return nil, err
	}

	other, err := newBatch(group, batchRoom)
	if err != nil {
		return nil, err
	}

	one.Behind, other.Behind = &other.Batch, &one.Batch

	return &convoy[M, Arg]{ahead: one, behind: other}, nil
}

// add takes a child in, and sends the batch once it is full. It reports whether another one may come.
func (c *convoy[M, Arg]) add(ctx context.Context, name string, arg Arg) (more bool) {
	c.refused = c.behind.add(name, arg)
	if c.refused == nil && c.behind.full() {
		c.send(ctx)
	}

	return c.refused == nil && len(c.errs) == 0 && c.ahead.Err == nil
}

// send sends the batch that is being filled, and waits for the one ahead of it.
func (c *convoy[M, Arg]) send(ctx context.Context) {
	err := c.behind.send(ctx)
	c.arrive(ctx)

	if err != nil && len(c.errs) == 0 {
		c.errs = append(c.errs, err)
	}

	c.ahead, c.behind = c.behind, c.ahead
}

// arrive waits for the batch ahead, and takes down how it went.
func (c *convoy[M, Arg]) arrive(ctx context.Context) {
	b := c.ahead
	b.await(ctx)

	for i := range b.Added {
		ref, err := b.outcome(i)
		c.started = doubling.Append(c.started, ref)

		if err != nil {
			c.errs = append(c.errs, err)
		}
	}

	if b.Err != nil {
		c.errs = append(c.errs, b.Err)
	}

	b.clear()
}

// end sends the last batch and waits for all.
func (c *convoy[M, Arg]) end(ctx context.Context) ([]actors.Ref[M], error) {
	if len(c.errs) == 0 && len(c.behind.made) > 0 {
		c.send(ctx)
	}

	c.arrive(ctx)

	return c.started, errors.Join(append(c.errs, c.refused)...)
}
