package actors

import (
	"context"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/internal/node"
)

// labels returns a context that bears the labels of the incarnation's goroutines. It is made whenever one is needed,
// which is rarely.
func (i *incarnation[M]) labels() context.Context {
	return pprof.WithLabels(context.Background(), pprof.Labels(
		node.LabelActor, i.ctx.cell.place.Path, node.LabelIncarnation, strconv.FormatUint(i.number, 10)))
}

// label marks the goroutine of a turn with the actor, for profiles and for finding it when it hangs. The labels are
// made anew for the turn of the start, which many an actor's only one is, and kept for those after it.
func (i *incarnation[M]) label(first bool) {
	if first {
		pprof.SetGoroutineLabels(i.labels())

		return
	}

	if i.mark.labels == nil {
		i.mark.labels = unread{i.labels()}
	}

	pprof.SetGoroutineLabels(&i.mark)
}

// mark is a context only for [pprof.SetGoroutineLabels], which asks it for one value: it looks that up once.
type mark struct{ labels any }

// unread holds labels that nobody has asked for yet.
type unread struct{ context.Context }

var _ context.Context = (*mark)(nil)

// Value returns the labels.
func (m *mark) Value(key any) any {
	if u, ok := m.labels.(unread); ok {
		m.labels = u.Value(key)
	}

	return m.labels
}

// The rest nobody asks for.

func (*mark) Deadline() (at time.Time, ok bool) { return time.Time{}, false }
func (*mark) Done() <-chan struct{}             { return nil }
func (*mark) Err() error                        { return nil }
