package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/troupe-go/troupe/examples/ingest/accesslog"
	"github.com/troupe-go/troupe/system/plugin"
)

const (
	// lineType is the type of the messages: a line of an access log in, the same with the class of its status out.
	lineType = "access-line"
	// classIs is what stands before the class.
	classIs = " class="
)

// enricher is the good plugin: it adds the class of the status. The others do worse.
type enricher struct {
	name string
	low  int // the protocols it speaks
	high int
	// deed is done before a line is enriched, with how many there were.
	deed func(ctx context.Context, n int64) error
	// deaf says whether health checks are not answered.
	deaf  func() bool
	lines atomic.Int64
}

// newPlugin makes the plugin of a name.
func newPlugin(name string) plugin.Plugin {
	e := &enricher{name: name, low: plugin.Protocol1, high: plugin.Protocol2}

	switch name {
	case "panics", "inside":
		e.deed = func(_ context.Context, n int64) error {
			if n == 50 {
				panic("line 50 is too much")
			}

			return nil
		}
	case "hangs":
		e.deed = func(_ context.Context, n int64) error {
			if n >= 50 {
				select {}
			}

			return nil
		}
		e.deaf = func() bool { return e.lines.Load() >= 50 }
	case "leaks":
		var all [][]byte

		e.deed = func(context.Context, int64) error {
			b := make([]byte, 8<<20)
			for i := 0; i < len(b); i += 1024 {
				b[i] = 1 // so that the memory is really there
			}

			all = append(all, b)

			return nil
		}
	case "old":
		e.high = plugin.Protocol1
	case "floods":
		return &flooder{e}
	}

	return e
}

// Manifest implements [plugin.Plugin].
func (e *enricher) Manifest() plugin.Manifest {
	return plugin.Manifest{
		Name: e.name, Version: "1.0.0", Protocols: plugin.Range{Min: e.low, Max: e.high}, Handles: []string{lineType},
	}
}

// Handle implements [plugin.Plugin].
func (e *enricher) Handle(ctx context.Context, m plugin.Message) (plugin.Message, error) {
	n := e.lines.Add(1)

	if e.deed != nil {
		if err := e.deed(ctx, n); err != nil {
			return m, err
		}
	}

	line := string(m.Payload)

	entry, err := accesslog.Format{VHost: true}.Parse(line)
	if err != nil {
		return m, plugin.Invalid(err)
	}

	return plugin.Message{Type: lineType, Payload: fmt.Appendf(nil, "%s%s%dxx", line, classIs, entry.Status/100)}, nil
}

// Health implements [plugin.HealthReporter].
func (e *enricher) Health(ctx context.Context) error {
	if e.deaf != nil && e.deaf() {
		select {}
	}

	return ctx.Err()
}

// flooder answers one line with as many as it gets rid of, and prints as many.
type flooder struct{ *enricher }

// Stream implements [plugin.Streamer].
func (f *flooder) Stream(ctx context.Context, s plugin.Stream) error {
	go func() {
		for ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, strings.Repeat("noise ", 100))
		}
	}()

	m, err := s.Recv()
	for err == nil {
		err = s.Send(m)
	}

	return err
}
