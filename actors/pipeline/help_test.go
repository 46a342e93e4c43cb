package pipeline_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/internal/pipelinetest"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

var budget = supervision.Budget{Restarts: 100, Within: time.Minute}

func options() pipeline.Options { return pipelinetest.Options() }

func quiet() system.Options { return pipelinetest.Quiet() }

func start(t testing.TB, children ...supervision.Child) *system.System {
	t.Helper()

	sys, err := system.Start(t.Context(), supervision.Tree{Name: "app", Budget: budget, Children: children}, quiet())
	require.NoError(t, err)

	return sys
}

func stop(t testing.TB, sys *system.System) *system.Report {
	t.Helper()

	return pipelinetest.Stop(t, sys)
}

// ledger is a source of the numbers below n that keeps what it is told.
type ledger struct {
	mu     sync.Mutex
	next   int
	n      int
	acks   map[uint64][]error
	done   uint64
	fell   bool // the offset has fallen
	opened int
	fails  map[int]error // by number of the pull
	pulls  int
}

func newLedger(n int) *ledger { return &ledger{n: n, acks: make(map[uint64][]error)} }

func (l *ledger) Open(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.opened++

	return nil
}

func (l *ledger) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.opened--

	return nil
}

func (l *ledger) Acknowledge(_ context.Context, acks []pipeline.Ack) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	for _, a := range acks {
		l.acks[a.Item] = append(l.acks[a.Item], a.Err)
	}

	return nil
}

func (l *ledger) Commit(_ context.Context, done uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.fell = l.fell || done <= l.done
	l.done = done

	return nil
}

// check reports whether each of the first n items was acknowledged once, and how many negatively.
func (l *ledger) check(t require.TestingT, n int) (negative int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	require.Len(t, l.acks, n)

	for item, errs := range l.acks {
		require.Len(t, errs, 1, "item %d", item)

		if errs[0] != nil {
			negative++
		}
	}

	require.False(t, l.fell)

	for i := range l.done {
		require.NoError(t, l.acks[i][0])
	}

	return negative
}

// numbers is the ledger as a source.
type numbers struct{ *ledger }

func (l numbers) Pull(ctx context.Context, items []int) (int, error) { return l.pull(ctx, items) }

func (l *ledger) pull(ctx context.Context, items []int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.pulls++
	if err := l.fails[l.pulls]; err != nil {
		return 0, err
	}

	if l.next == l.n || ctx.Err() != nil {
		return 0, eof
	}

	n := 0
	for n < len(items) && l.next < l.n {
		items[n] = l.next
		n++
		l.next++
	}

	return n, nil
}

// list is a sink that keeps what it gets.
type list[T any] struct {
	mu     sync.Mutex
	values []T
	open   int
	fail   func(items []T) error
}

func (s *list[T]) Open(context.Context) error { s.mu.Lock(); defer s.mu.Unlock(); s.open++; return nil }

func (s *list[T]) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	return nil
}

func (s *list[T]) Write(_ context.Context, items []T) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.fail != nil {
		if err := s.fail(items); err != nil {
			return err
		}
	}

	s.values = append(s.values, items...)

	return nil
}

func (s *list[T]) all() []T { s.mu.Lock(); defer s.mu.Unlock(); return append([]T(nil), s.values...) }

// actorFunc is an actor of int.
type actorFunc struct{}

func (actorFunc) Receive(*actors.Context[int], int) error { return nil }
