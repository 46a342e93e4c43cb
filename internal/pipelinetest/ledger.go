package pipelinetest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// Ledger is a source that keeps what it has handed out, and what it was told of each item. It is safe for concurrent
// use.
type Ledger[T any] struct {
	pipeline.Source[T]

	mu      sync.Mutex // guards the following
	pulled  []T
	told    map[uint64][]error
	commits []uint64
	open    int
}

// Keep makes a ledger of a source, to be used in its place.
func Keep[T any](source pipeline.Source[T]) *Ledger[T] {
	return &Ledger[T]{Source: source, told: map[uint64][]error{}}
}

// Open opens the source.
func (l *Ledger[T]) Open(ctx context.Context) error {
	err := l.Source.Open(ctx)
	if err == nil {
		l.count(1)
	}

	return err
}

// Close closes the source.
func (l *Ledger[T]) Close(ctx context.Context) error {
	l.count(-1)

	return l.Source.Close(ctx)
}

func (l *Ledger[T]) count(change int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.open += change
}

// Pull keeps what the source hands out.
func (l *Ledger[T]) Pull(ctx context.Context, items []T) (int, error) {
	n, err := l.Source.Pull(ctx, items)

	l.mu.Lock()
	defer l.mu.Unlock()

	l.pulled = append(l.pulled, items[:n]...)

	return n, err
}

// Acknowledge keeps what the source is told, and tells it, if it wants to hear.
func (l *Ledger[T]) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	l.mu.Lock()
	for _, a := range acks {
		l.told[a.Item] = append(l.told[a.Item], a.Err)
	}
	l.mu.Unlock()

	if a, is := l.Source.(pipeline.Acknowledger); is {
		return a.Acknowledge(ctx, acks)
	}

	return nil
}

// Commit keeps the offset, and tells the source, if it wants to hear.
func (l *Ledger[T]) Commit(ctx context.Context, done uint64) error {
	l.mu.Lock()
	l.commits = append(l.commits, done)
	l.mu.Unlock()

	if c, is := l.Source.(pipeline.Committer); is {
		return c.Commit(ctx, done)
	}

	return nil
}

// Pulled returns what the source has handed out so far.
func (l *Ledger[T]) Pulled() []T {
	l.mu.Lock()
	defer l.mu.Unlock()

	return append([]T(nil), l.pulled...)
}

// Check is for when the pipeline has ended: each item must have been acknowledged exactly once, the offset never have
// fallen nor passed an item that was not done, and the source be closed. It returns how many items were acknowledged,
// and how many of those with an error.
func (l *Ledger[T]) Check(t testing.TB) (items, undone int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()

	require.Zero(t, l.open, "closed once for each Open")
	require.Len(t, l.told, len(l.pulled), "each item is acknowledged")

	for item, errs := range l.told {
		require.Less(t, item, uint64(len(l.pulled)))
		require.Len(t, errs, 1, "item %d is acknowledged once", item)

		if errs[0] != nil {
			undone++
		}
	}

	last := uint64(0)
	for _, c := range l.commits {
		assert.GreaterOrEqual(t, c, last, "the offset does not fall")

		last = c
	}

	for item := range last {
		require.NoError(t, l.told[item][0], "item %d is below the offset %d", item, last)
	}

	if undone == 0 {
		assert.EqualValues(t, len(l.pulled), last, "all is committed")
	}

	return len(l.pulled), undone
}
