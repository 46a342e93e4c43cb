package actors_test

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

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// job is a message that says itself what the actor does.
type job func(ctx *actors.Context[job]) error

// part is an actor whose every hook a test can set; one that is nil does nothing.
type part struct {
	name   string
	spec   supervision.Spec
	start  func(ctx *actors.Context[job]) error
	flush  func(ctx context.Context) error
	close  func(ctx context.Context) error
	health func() error
	// factory replaces the one that returns the part itself to every incarnation.
	factory func() (actors.Actor[job], error)
}

func (p *part) Receive(ctx *actors.Context[job], m job) error { return m(ctx) }

func (p *part) Start(ctx *actors.Context[job]) error {
	if p.start == nil {
		return nil
	}

	return p.start(ctx)
}

func (p *part) Flush(ctx context.Context) error {
	if p.flush == nil {
		return nil
	}

	return p.flush(ctx)
}

func (p *part) Close(ctx context.Context) error {
	if p.close == nil {
		return nil
	}

	return p.close(ctx)
}

func (p *part) Health() error {
	if p.health == nil {
		return nil
	}

	return p.health()
}

// stage is a system under test, "/stage", and references to its actors from outside, by name.
type stage struct {
	*system.System

	refs map[string]actors.Ref[job]
}

// errTest is the failure that tests provoke.
var errTest = errors.New("test failure")

// play starts a system of parts, and shuts it down at the end of the test. Failed parts restart at once.
func play(t testing.TB, parts ...*part) *stage {
	t.Helper()

	s, err := try(parts...)
	require.NoError(t, err)
	t.Cleanup(func() { s.stop(t) })

	return s
}

func try(parts ...*part) (*stage, error) {
	tree := supervision.Tree{Name: "stage", Budget: supervision.Budget{Restarts: 100, Within: time.Second}}
	named := make(map[string]*supervision.ActorChild[job])

	for _, p := range parts {
		if p.name == "" {
			p.name = "actor"
		}

		if p.spec.Backoff.Initial == 0 {
			p.spec.Backoff.Initial = supervision.Immediately
		}

		named[p.name] = supervision.Actor(p.name, func(supervision.Deps) (actors.Actor[job], error) {
			if p.factory != nil {
				return p.factory()
			}

			return p, nil
		}, p.spec)
		tree.Children = append(tree.Children, named[p.name])
	}

	sys, err := system.Start(context.Background(), tree, system.Options{
		Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Grace: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}

	s := &stage{System: sys, refs: make(map[string]actors.Ref[job])}
	for name, child := range named {
		s.refs[name] = child.From(sys.Intake())
	}

	return s, nil
}

// ref returns the reference to the only actor.
func (s *stage) ref() actors.Ref[job] { return s.refs["actor"] }

// stop shuts the system down and checks that every message is accounted for.
func (s *stage) stop(t testing.TB) *system.Report {
	t.Helper()

	r, _ := s.Shutdown(context.Background()) //nolint:usetesting // that context has ended when the test cleans up
	require.NotNil(t, r)
	assert.Zero(t, r.Unaccounted)

	return r
}

// letters returns the dead letters so far, without their times and messages and the number of a first attempt.
func (s *stage) letters() []system.Letter {
	all := s.DeadLetters().Letters()
	for i := range all {
		all[i].Number, all[i].Time, all[i].Message = 0, time.Time{}, nil

		if all[i].Attempt == 1 {
			all[i].Attempt = 0
		}
	}

	return all
}

// tell sends jobs, which must be accepted.
func tell(t testing.TB, ref actors.Ref[job], jobs ...job) {
	t.Helper()

	for _, j := range jobs {
		require.NoError(t, ref.Tell(t.Context(), j))
	}
}

// perform has the actor do a job and waits until it is done.
func perform(t testing.TB, ref actors.Ref[job], j job) {
	t.Helper()

	_, err := actors.Ask(t.Context(), ref, func(r actors.Reply[bool]) job {
		return func(ctx *actors.Context[job]) error {
			err := j(ctx)

			return errors.Join(err, r.Send(err == nil))
		}
	})
	require.NoError(t, err)
}

// nothing is a job without effect, fail one that fails, and halt one that asks the actor to stop.
func nothing(*actors.Context[job]) error  { return nil }
func fail(*actors.Context[job]) error     { return errTest }
func halt(ctx *actors.Context[job]) error { ctx.Stop(); return nil }

// hold returns a job that lasts until the returned function is called.
func hold() (j job, release func()) {
	c := make(chan struct{})

	return func(*actors.Context[job]) error {
		<-c

		return nil
	}, sync.OnceFunc(func() { close(c) })
}

// bubble runs a subtest in virtual time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// diary is a list of what happened, in order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.entries = append(d.entries, entry)
}

// read returns what happened since it was last read.
func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()

	all := d.entries
	d.entries = nil

	return all
}

// small is a mailbox with room for one message in each lane.
func small(policy mailbox.Overflow) *mailbox.Options {
	return &mailbox.Options{Capacity: 1, Control: 1, Overflow: policy, ControlOverflow: policy}
}
