package actors

import (
	"context"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/internal/node"
)

// labels returns a context that bears the labels of the goroutines of a runner's incarnations, the first of which is
// since.
func (c *cell[M]) labels(since uint64) context.Context {
	return pprof.WithLabels(context.Background(), pprof.Labels(
		node.LabelActor, c.place.Path, node.LabelSince, strconv.FormatUint(since, 10)))
}

// label marks the goroutine of a turn with the actor, for profiles and for finding it when it hangs. A runner makes its
// labels once: an actor that restarts over and over does not pay for them each time.
func (r *runner[M]) label() {
	if r.mark.from == nil {
		r.mark.from = r.cell.labels(r.since.Load()) //nolint:fatcontext // once
	}

	pprof.SetGoroutineLabels(&r.mark)
}

// mark is a context only for [pprof.SetGoroutineLabels], which asks it for one value: it looks that up once.
type mark struct {
	from  context.Context
	value any // what from has, once somebody has asked for it
}

var _ context.Context = (*mark)(nil)

// Value returns the labels.
func (m *mark) Value(key any) any {
	if m.value == nil {
		m.value = m.from.Value(key)
	}

	return m.value
}

// The rest nobody asks for.

func (*mark) Deadline() (at time.Time, ok bool) { return time.Time{}, false }
func (*mark) Done() <-chan struct{}             { return nil }
func (*mark) Err() error                        { return nil }
