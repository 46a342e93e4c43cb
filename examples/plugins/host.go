package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/plugin"
)

// programs are the names of the plugins that are programs.
var programs = [...]string{"good", "old", "panics", "hangs", "floods", "leaks", "tampered"}

// spec is how all of them are contained.
func spec() plugin.Spec {
	return plugin.Spec{
		Deadline: 500 * time.Millisecond, HangAfter: 500 * time.Millisecond, Probe: time.Second, Stop: 2 * time.Second,
		Budget:  supervision.Budget{Restarts: 2, Within: time.Minute},
		Backoff: supervision.Backoff{Initial: 10 * time.Millisecond, Max: 100 * time.Millisecond},
	}
}

// memory is how much a plugin's process may have, in bytes.
const memory = 256 << 20

// install fills a directory with plugins, as whoever installs them would: links to this program, with manifests. One of
// them is changed after its checksum was taken.
func install(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}

	for _, name := range programs {
		path := filepath.Join(dir, plugin.Prefix+name)

		if err := os.Symlink(self, path); err != nil {
			return err
		}

		if err := plugin.WriteManifest(path, newPlugin(name).Manifest()); err != nil {
			return err
		}
	}

	tampered := filepath.Join(dir, plugin.Prefix+"tampered")

	const mode = 0o700 // it could be executed, if it were

	return errors.Join(os.Remove(tampered), os.WriteFile(tampered, []byte("#!/bin/sh\necho changed\n"), mode))
}

// declare declares a slot for each plugin: those of the directory, and one in this process.
func declare(dir string) (slots []*plugin.Slot, err error) {
	found, err := plugin.Discover(dir)
	if err != nil {
		return nil, err
	}

	inside, err := plugin.New("inside", plugin.InProcess(func() plugin.Plugin { return newPlugin("inside") }), spec())
	if err != nil {
		return nil, err
	}

	slots = append(slots, inside)

	for _, e := range found {
		e.Memory = memory

		s, err := plugin.New(e.Manifest.Name, plugin.Process(e), spec())
		if err != nil {
			return nil, err
		}

		slots = append(slots, s)
	}

	return slots, nil
}

// question is what the probe asks.
type question = actors.Reply[int]

// host runs the host until all plugins have had their lines.
func host(ctx context.Context, lines int, report string, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "plugins")
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	if err := install(dir); err != nil {
		return err
	}

	slots, err := declare(dir)
	if err != nil {
		return err
	}

	counter := supervision.Actor("counter", func(supervision.Deps) (actors.Func[question], error) {
		n := 0

		return func(_ *actors.Context[question], q question) error { n++; return q.Send(n) }, nil
	}, supervision.Spec{})
	children := supervision.On(counter)

	for _, s := range slots {
		children = append(children, s.Tree())
	}

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "host", Budget: supervision.Budget{Restarts: 0, Within: time.Hour}, Children: children,
	}, system.Options{
		ReportFile: report, Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler), Grace: 30 * time.Second,
	})
	if err != nil {
		return err
	}

	err = work(ctx, sys, counter.From(sys.Intake()), slots, lines, stdout)
	_, down := sys.Shutdown(context.WithoutCancel(ctx))

	return errors.Join(err, down)
}
