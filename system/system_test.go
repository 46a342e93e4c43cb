package system_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary records what happened, in order, from many goroutines.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.entries = append(d.entries, entry)
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()

	return append([]string(nil), d.entries...)
}

// probe is an actor whose every part a test can replace. Its messages are functions it calls.
type probe struct {
	name          string
	diary         *diary
	start         func(*actors.Context[job]) error
	flush, closes func(context.Context) error
	health        func() error
}

type job func(*actors.Context[job]) error

func (p *probe) note(what string) {
	if p.diary != nil {
		p.diary.note(what + " " + p.name)
	}
}

func (p *probe) Receive(ctx *actors.Context[job], j job) error { return j(ctx) }

func (p *probe) Start(ctx *actors.Context[job]) error {
	p.note("start")

	if p.start == nil {
		return nil
	}

	return p.start(ctx)
}

func (p *probe) Flush(ctx context.Context) error {
	p.note("flush")

	if p.flush == nil {
		return nil
	}

	return p.flush(ctx)
}

func (p *probe) Close(ctx context.Context) error {
	p.note("close")

	if p.closes == nil {
		return nil
	}

	return p.closes(ctx)
}

func (p *probe) Health() error {
	if p.health == nil {
		return nil
	}

	return p.health()
}

type ctxOf = actors.Context[job]

type child = supervision.ActorChild[job]

// declare makes a probe a child. Every incarnation is the same probe.
func declare(p *probe, spec supervision.Spec) *child {
	return supervision.Actor(p.name, func(in supervision.Deps) (*probe, error) {
		for _, on := range spec.DependsOn {
			if c, ok := on.(*child); ok {
				c.From(in)
			}
		}

		return p, nil
	}, spec)
}

func tree(children ...supervision.Child) supervision.Tree {
	return supervision.Tree{
		Name: "test", Budget: supervision.Budget{Restarts: 3, Within: 10 * time.Second}, Children: children,
	}
}

func silent() system.Options {
	return system.Options{Logger: slog.New(slog.DiscardHandler), Grace: 10 * time.Second, Signals: []os.Signal{}}
}

// patient are options with a long grace period.
func patient(grace time.Duration) system.Options {
	options := silent()
	options.Grace = grace

	return options
}

func start(t *testing.T, tree supervision.Tree, options system.Options) *system.System {
	t.Helper()

	s, err := system.Start(t.Context(), tree, options)
	require.NoError(t, err)

	return s
}

// stop shuts down and checks what holds after every shutdown, whatever happened.
func stop(t *testing.T, s *system.System) (*system.Report, error) {
	t.Helper()

	r, err := s.Shutdown(t.Context())
	require.NotNil(t, r)
	checkLaw(t, r)

	return r, err
}

func checkLaw(t *testing.T, r *system.Report) {
	t.Helper()
	assert.Zero(t, r.Unaccounted)
	assert.Zero(t, r.Total.Queued)
	assert.Equal(t, r.Total.Accepted, r.Total.Processed+r.Total.Failed+sum(r.Total.DeadLettered))
}

func sum(counts map[mailbox.Reason]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}

	return n
}

// tell sends a job and requires that it was accepted.
func tell(t *testing.T, s *system.System, c *child, j job) {
	t.Helper()
	require.NoError(t, c.From(s.Intake()).Tell(t.Context(), j))
}

func nothing(*actors.Context[job]) error { return nil }

var errBroken = errors.New("broken")

func broken(*actors.Context[job]) error { return errBroken }

// hangs does not come back until the test lets it, whatever its context says.
func hangs(until <-chan struct{}) job {
	return func(*actors.Context[job]) error {
		<-until

		return nil
	}
}

// virtual runs a test in a bubble of virtual time.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
