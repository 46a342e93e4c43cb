package pipeline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// door is a source and a sink that counts how often it was opened and closed.
type door struct {
	err             error
	open            func(ctx context.Context) error
	opened, closed  atomic.Int32
	pulled, written atomic.Int32
}

func (d *door) Open(ctx context.Context) error {
	d.opened.Add(1)

	if d.open != nil {
		return d.open(ctx)
	}

	return d.err
}

func (d *door) Close(ctx context.Context) error {
	d.closed.Add(1)

	return ctx.Err()
}

func (d *door) Pull(context.Context, []int) (int, error) { d.pulled.Add(1); return 0, eof }
func (d *door) Write(context.Context, []int) error       { d.written.Add(1); return nil }
func (d *door) counts() [4]int32 {
	return [4]int32{d.opened.Load(), d.closed.Load(), d.pulled.Load(), d.written.Load()}
}

// line is a pipeline of a source and a sink.
func line(name string, source, sink *door, o pipeline.Options) *pipeline.Pipeline {
	p := pipeline.New(name, o)
	pipeline.To[int](pipeline.From[int](p, "from", source), "to", sink, pipeline.Stage{})

	return p
}

// startFails starts a tree that must not start, in one of the two ways there are.
func startFails(t *testing.T, run bool, tree supervision.Tree) error {
	t.Helper()

	var err error
	if run {
		err = system.Run(t.Context(), tree, quiet())
	} else {
		_, err = system.Start(t.Context(), tree, quiet())
	}

	require.Error(t, err)

	return err
}

func both(t *testing.T, test func(t *testing.T, run bool)) {
	t.Helper()
	t.Run("Start", func(t *testing.T) { test(t, false) })
	t.Run("Run", func(t *testing.T) { test(t, true) })
}

// TestFaultsOfTheDeclarationAndRefusalsAreReportedTogether has a tree in which everything is wrong that can be.
func TestFaultsOfTheDeclarationAndRefusalsAreReportedTogether(t *testing.T) {
	both(t, func(t *testing.T, run bool) {
		good, shut, locked, needs := &door{}, &door{err: errRefused}, &door{err: errLocked}, &door{err: errMissing}
		actor := supervision.Actor("actor", func(supervision.Deps) (actorFunc, error) { return actorFunc{}, nil },
			supervision.Spec{})

		one := pipeline.New("one", options())
		pipeline.From[int](one, "loose", good)
		pipeline.To[int](pipeline.From[int](one, "from", shut), "to", locked, pipeline.Stage{Capacity: -1})
		pipeline.To[int](pipeline.From[int](one, "more", good), "needs", needs,
			pipeline.Stage{DependsOn: supervision.On(actor)})

		after := options()
		after.DependsOn = supervision.On(actor)

		err := startFails(t, run, supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{
			one, actor, line("after", needs, needs, after),
			&supervision.Tree{Name: "sub", Budget: budget, Children: []supervision.Child{
				line("two", locked, shut, options()),
			}},
		}})

		for _, want := range []string{
			"/app/one/loose: Flow: is not connected", "/app/one/to: Capacity: -1 is out of range",
			"/app/one/from: must open, but refuses to: refused", "/app/one/to: must open, but refuses to: locked",
			"/app/sub/two/from: must open, but refuses to: locked", "/app/sub/two/to: must open, but refuses to: refused",
		} {
			assert.ErrorContains(t, err, want)
		}

		assert.NotErrorIs(t, err, errMissing)
		assert.Zero(t, needs.opened.Load(), "what depends on an actor cannot be tried")
		assert.Equal(t, [4]int32{2, 2, 0, 0}, good.counts(), "opened, closed, and asked for nothing")
		assert.Equal(t, [4]int32{2, 0, 0, 0}, shut.counts())
		assert.Equal(t, [4]int32{2, 0, 0, 0}, locked.counts())
	})
}

// TestTheRefusalsOfTwoPipelinesAreReportedTogether has nothing else that is wrong. Each is asked once.
func TestTheRefusalsOfTwoPipelinesAreReportedTogether(t *testing.T) {
	both(t, func(t *testing.T, run bool) {
		doors := make([]*door, 6)
		for i := range doors {
			doors[i] = new(door)
		}

		doors[0].err, doors[2].err, doors[5].err = errRefused, errLocked, errMissing
		err := startFails(t, run, supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{
			line("one", doors[0], doors[1], options()), line("two", doors[2], doors[3], options()),
			line("three", doors[4], doors[5], options()),
		}})

		for _, want := range []string{
			"/app/one/from: must open, but refuses to: refused", "/app/two/from: must open, but refuses to: locked",
			"/app/three/to: must open, but refuses to: missing",
		} {
			assert.ErrorContains(t, err, want)
		}

		var failed *supervision.FailureError

		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "/app/one/opening", failed.Path)

		for i, d := range doors {
			closed := int32(1)
			if d.err != nil {
				closed = 0
			}

			assert.Equal(t, [4]int32{1, closed, 0, 0}, d.counts(), "%d", i)
		}
	})
}

// TestARefusalIsNotHiddenByAPanicBehindIt has a sink that refuses, and then a source whose Open panics, which fails the
// start at once.
func TestARefusalIsNotHiddenByAPanicBehindIt(t *testing.T) {
	source, sink, last := &door{open: func(context.Context) error { panic("boom") }}, &door{err: errRefused}, &door{}
	last.open = source.open

	err := startFails(t, false, supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{
		line("one", source, sink, options()), line("two", &door{}, last, options()),
	}})
	require.ErrorContains(t, err, "/app/one/from: panic: boom")
	require.ErrorContains(t, err, "/app/one/to: must open, but refuses to: refused")
	require.ErrorContains(t, err, "/app/two/to: must open, but refuses to: panic: boom")
	assert.Equal(t, [4]int32{1, 0, 0, 0}, source.counts())
	assert.Equal(t, [4]int32{1, 0, 0, 0}, sink.counts())
}

// TestTwoThatCannotBeOpenAtATimeAreReported opens the second while the first is open, as a start would.
func TestTwoThatCannotBeOpenAtATimeAreReported(t *testing.T) {
	var taken atomic.Bool

	door1, door2 := &door{}, &door{}
	for _, d := range []*door{door1, door2} {
		d.open = func(context.Context) error {
			if taken.Swap(true) {
				return errLocked
			}

			return nil
		}
	}

	p := line("one", &door{}, door1, options())
	pipeline.From[int](p, "loose", &door{})

	err := startFails(t, false, supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{
		p, line("two", &door{}, door2, options()),
	}})
	require.ErrorContains(t, err, "/app/two/to: must open, but refuses to: locked")
	assert.Equal(t, [4]int32{1, 1, 0, 0}, door1.counts())
}

// TestATrialIsGivenUpAtItsDeadline has one that opens in the end, and one that hears its context.
func TestATrialIsGivenUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := &door{open: func(context.Context) error { <-release; return nil }}
		hears := &door{open: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}

		o := options()
		o.Deadlines.Start = time.Second
		p := line("one", hangs, hears, o)
		pipeline.From[int](p, "loose", &door{})

		began := time.Now()
		err := startFails(t, false, supervision.Tree{
			Name: "app", Budget: budget, Children: []supervision.Child{p},
		})
		assert.Equal(t, 1900*time.Millisecond, time.Since(began))
		require.ErrorContains(t, err, "/app/one/from: must open, but refuses to: start did not finish within 1s")
		require.ErrorContains(t, err, "/app/one/to: must open, but refuses to: context deadline exceeded")
		assert.Zero(t, hangs.closed.Load())
		close(release)
		synctest.Wait()
		assert.Equal(t, [4]int32{1, 1, 0, 0}, hangs.counts(), "what opens later is closed by itself")
	})
}

// TestAStartThatWasToEndTriesNothing ends the context of the start while an actor starts.
func TestAStartThatWasToEndTriesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &door{err: errRefused}
	actor := supervision.Actor("actor", func(supervision.Deps) (ender, error) { return ender{cancel}, nil },
		supervision.Spec{})

	_, err := system.Start(ctx, supervision.Tree{
		Name: "app", Budget: budget, Children: []supervision.Child{actor, line("one", d, d, options())},
	}, quiet())
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, d.opened.Load())
}

// ender is an actor that ends the context of the start it is started in.
type ender struct{ end func() }

func (e ender) Start(ctx *actors.Context[int]) error {
	e.end()
	<-ctx.Done()

	return ctx.Err()
}

func (ender) Receive(*actors.Context[int], int) error { return nil }

func TestAPipelineThatNoSystemTookIsNotWaitedFor(t *testing.T) {
	p := line("one", &door{}, &door{}, options())
	err := startFails(t, false, supervision.Tree{Name: "app", Children: []supervision.Child{p}})
	require.ErrorContains(t, err, "/app: Budget")
	require.ErrorContains(t, p.Wait(t.Context()), "one: Wait: the pipeline is in no tree that was started")
}

var errShut = errors.New("shut")

func TestATrialThatFailsToCloseSaysSo(t *testing.T) {
	p := pipeline.New("one", options())
	pipeline.To[int](pipeline.From[int](p, "from", stuckDoor{}), "to", stuckDoor{}, pipeline.Stage{Workers: -1})

	err := startFails(t, false, supervision.Tree{Name: "app", Budget: budget, Children: []supervision.Child{p}})
	require.ErrorContains(t, err, "/app/one/from: Close: shut")
	require.ErrorContains(t, err, "/app/one/to: Close: shut")
}

type stuckDoor struct{}

func (stuckDoor) Open(context.Context) error               { return nil }
func (stuckDoor) Close(context.Context) error              { return errShut }
func (stuckDoor) Pull(context.Context, []int) (int, error) { return 0, eof }
func (stuckDoor) Write(context.Context, []int) error       { return nil }
