package plugin_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/plugin"
)

// fake is a plugin made of functions; what is nil does nothing.
type fake struct {
	manifest plugin.Manifest
	start    func(context.Context, plugin.Session) error
	handle   func(context.Context, plugin.Message) (plugin.Message, error)
	stream   func(context.Context, plugin.Stream) error
	health   func(context.Context) error
	drain    func(context.Context) error
	stop     func(context.Context) error
}

func (f *fake) Manifest() plugin.Manifest {
	if f.manifest.Name == "" {
		return manifest("geo", "1.0.0")
	}

	return f.manifest
}

func (f *fake) Start(ctx context.Context, s plugin.Session) error {
	if f.start == nil {
		return nil
	}

	return f.start(ctx, s)
}

func (f *fake) Handle(ctx context.Context, m plugin.Message) (plugin.Message, error) {
	if f.handle == nil {
		return m, nil
	}

	return f.handle(ctx, m)
}

func (f *fake) Health(ctx context.Context) error { return hook(ctx, f.health) }
func (f *fake) Drain(ctx context.Context) error  { return hook(ctx, f.drain) }
func (f *fake) Stop(ctx context.Context) error   { return hook(ctx, f.stop) }

func hook(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}

	return f(ctx)
}

// streaming is a fake with a Stream of its own.
type streaming struct{ fake }

func (s *streaming) Stream(ctx context.Context, with plugin.Stream) error { return s.stream(ctx, with) }

func manifest(name, version string) plugin.Manifest {
	return plugin.Manifest{
		Name: name, Version: version, Protocols: plugin.Range{Min: 1, Max: 2}, Handles: []string{"line"},
	}
}

// always makes the same plugin again and again.
func always(f *fake) plugin.Source {
	return plugin.InProcess(func() plugin.Plugin { c := *f; return &c })
}

func line(text string) plugin.Message { return plugin.Message{Type: "line", Payload: []byte(text)} }

// host is a running system with plugins and one other actor.
type host struct {
	t     testing.TB
	sys   *system.System
	pulse actors.Ref[actors.Reply[int]]
}

// start runs slots beside an actor that has nothing to do with them.
func start(t testing.TB, slots ...*plugin.Slot) *host {
	t.Helper()

	h, err := boot(t, slots...)
	require.NoError(t, err)

	return h
}

func boot(t testing.TB, slots ...*plugin.Slot) (*host, error) {
	t.Helper()

	pulse := supervision.Actor("pulse", func(supervision.Deps) (actors.Func[actors.Reply[int]], error) {
		n := 0

		return func(_ *actors.Context[actors.Reply[int]], r actors.Reply[int]) error { n++; return r.Send(n) }, nil
	}, supervision.Spec{})
	children := supervision.On(pulse)

	for _, s := range slots {
		children = append(children, s.Tree())
	}

	sys, err := tryTree(t, children)
	if err != nil {
		return nil, err
	}

	return &host{t, sys, pulse.From(sys.Intake())}, nil
}

// startTree starts a tree of which nothing may fail.
func startTree(t testing.TB, children []supervision.Child) *system.System {
	t.Helper()

	sys, err := tryTree(t, children)
	require.NoError(t, err)

	return sys
}

func tryTree(t testing.TB, children []supervision.Child) (*system.System, error) {
	t.Helper()

	return system.Start(t.Context(), supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 0, Within: time.Hour}, Children: children,
	}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Grace: 20 * time.Second})
}

// beats asserts that the host goes on: its other actor answers, and it is ready.
func (h *host) beats() {
	h.t.Helper()

	before, err := actors.Ask(h.t.Context(), h.pulse, func(r actors.Reply[int]) actors.Reply[int] { return r })
	require.NoError(h.t, err)

	after, err := actors.Ask(h.t.Context(), h.pulse, func(r actors.Reply[int]) actors.Reply[int] { return r })
	require.NoError(h.t, err)
	assert.Equal(h.t, before+1, after)
	assert.True(h.t, h.sys.Health(h.t.Context()).Ready(), "the host is not ready")
	assert.Nil(h.t, h.sys.Report())
}

// health returns that of a node.
func (h *host) health(path string) *system.NodeHealth {
	h.t.Helper()

	n, found := h.sys.Health(h.t.Context()).Find(path)
	require.True(h.t, found, path)

	return n
}

// end shuts down and asserts that every message is accounted for.
func (h *host) end() *system.Report {
	h.t.Helper()

	r, _ := h.sys.Shutdown(context.WithoutCancel(h.t.Context())) // what has gone wrong is in the report
	require.NotNil(h.t, r)
	assert.Zero(h.t, r.Unaccounted)

	return r
}

// slot declares one for the plugin geo.
func slot(t testing.TB, of plugin.Source, spec plugin.Spec) *plugin.Slot {
	t.Helper()

	s, err := plugin.New("geo", of, spec)
	require.NoError(t, err)

	return s
}

// status returns that of a plugin, and asserts that its calls are accounted for.
func status(t testing.TB, h *plugin.Handle) plugin.Status {
	t.Helper()

	s, err := h.Status(t.Context())
	require.NoError(t, err)
	assert.Zero(t, s.Stats.Unaccounted(), "%+v", s.Stats)

	return s
}

// bubble is a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}
