package plugin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/plugin"
)

// shout is a whole plugin. As a program of its own it is this, and
//
//	func main() { plugin.Serve(shout{}) }
type shout struct{}

// Manifest says what it is and can do.
func (shout) Manifest() plugin.Manifest {
	return plugin.Manifest{
		Name:      "shout",
		Version:   "1.0.0",
		Protocols: plugin.Range{Min: plugin.Protocol1, Max: plugin.Protocol2},
		Handles:   []string{"text"},
	}
}

// Handle answers one message. It is called by several goroutines at once.
func (shout) Handle(_ context.Context, m plugin.Message) (plugin.Message, error) {
	if len(m.Payload) == 0 {
		return m, plugin.Invalid(errors.New("there is nothing to shout"))
	}

	return plugin.Message{Type: "text", Payload: bytes.ToUpper(m.Payload)}, nil
}

// A plugin in the host's process: it is loaded with the tree, called, and upgraded while it works.
func Example() {
	ctx := context.Background()
	source := plugin.InProcess(func() plugin.Plugin { return shout{} })

	slot, err := plugin.New("shout", source, plugin.Spec{Required: true})
	if err != nil {
		fmt.Println(err)

		return
	}

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "host", Budget: supervision.Budget{Restarts: 3, Within: time.Minute},
		Children: supervision.On(slot.Tree()),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	shouter := slot.From(sys.Intake())

	answer, err := shouter.Call(ctx, plugin.Message{Type: "text", Payload: []byte("hello")})
	fmt.Println(string(answer.Payload), err)

	_, err = shouter.Call(ctx, plugin.Message{Type: "text"})
	fmt.Println(err)

	fmt.Println(shouter.Upgrade(ctx, source))

	status, err := shouter.Status(ctx)
	fmt.Println(status.Manifest.Version, status.Session.Protocol, status.Stats.Answered, err)

	r, err := sys.Shutdown(ctx)
	fmt.Println(r.Unaccounted, err)
	// Output:
	// HELLO <nil>
	// /host/shout/run/1: "text": invalid message: there is nothing to shout
	// <nil>
	// 1.0.0 2 1 <nil>
	// 0 <nil>
}

func runHost(ctx context.Context, source plugin.Source) (string, error) {
	slot, err := plugin.New("shout", source, plugin.Spec{Required: true})
	if err != nil {
		return "", err
	}

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "host", Budget: supervision.Budget{Restarts: 3, Within: time.Minute},
		Children: supervision.On(slot.Tree()),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}

	answer, err := slot.From(sys.Intake()).Call(ctx, plugin.Message{Type: "text", Payload: []byte("hello")})
	_, down := sys.Shutdown(ctx)

	return string(answer.Payload), errors.Join(err, down)
}

// A host, with the plugin in its own process.
func ExampleInProcess() {
	fmt.Println(runHost(context.Background(), plugin.InProcess(func() plugin.Plugin { return shout{} })))
	// Output: HELLO <nil>
}

// A host that finds the plugin in a directory, where it is a program of its own.
func ExampleDiscover() {
	found, err := plugin.Discover("/usr/local/lib/shop")
	if err != nil {
		fmt.Println(err) // and the others are found all the same
	}

	for _, e := range found {
		fmt.Println(runHost(context.Background(), plugin.Process(e)))
	}
}
