package plugin_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-go/troupe/system/plugin"
	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// misbehave is the main function of plugins that do what they should not.
func misbehave(kind string, _ []string) {
	p := &worker{fake: fake{manifest: manifest("geo", "1.0.0")}}
	hang := func(context.Context) error { select {} }

	switch kind {
	case "hang-manifest":
		select {}
	case "hang-start":
		plugin.Serve(&hanging{worker: p, at: "start"})
	case "hang-health":
		plugin.Serve(&hanging{worker: p, at: "health"})
	case "hang-drain":
		plugin.Serve(&hanging{worker: p, at: "drain"})
	case "hang-stop":
		plugin.Serve(&hanging{worker: p, at: "stop"})
	case "stubborn": // hears neither signals nor that its host has gone
		signal.Ignore(syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGPIPE)

		var open *os.File

		os.Stdin, open, _ = os.Pipe()
		plugin.Serve(p)
		runtime.KeepAlive(open)
	case "hang-stream":
		plugin.Serve(&hangingStream{p})
	case "deaf": // once it has started
		p.health = func(context.Context) error {
			p.health = hang

			return nil
		}
		plugin.Serve(p)
	case "garbage":
		b := make([]byte, 1<<20)
		_, _ = rand.Read(b)
		_, _ = os.Stdout.Write(b)
		select {}
	case "line":
		_, _ = fmt.Fprintln(os.Stdout, "hello, world")
		select {}
	case "elsewhere": // listens where it should not
		_, _ = fmt.Fprintln(os.Stdout, "1|1|tcp|127.0.0.1:80|grpc|")
		select {}
	case "naked": // has no certificate
		path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "socket")
		if _, err := net.Listen("unix", path); err == nil {
			_, _ = fmt.Fprintf(os.Stdout, "1|1|unix|%s|grpc|\n", path)
		}
		select {}
	case "dies":
		os.Exit(9) //nolint:revive // it is the deed
	case "slow":
		<-time.After(time.Minute)
	case "garbled":
		plugin.ServeWith(p, grpc.ForceServerCodec(garbler{}))
	default:
		fmt.Fprintln(os.Stderr, "no such plugin:", kind)
		os.Exit(1) //nolint:revive // it stands for main
	}
}

// hanging is a worker that hangs in one of its callbacks.
type hanging struct {
	*worker

	at string
}

func (h *hanging) hang(at string) {
	if h.at == at {
		select {}
	}
}

func (h *hanging) Start(ctx context.Context, s plugin.Session) error {
	h.hang("start")

	return h.worker.Start(ctx, s)
}

func (h *hanging) Health(context.Context) error { h.hang("health"); return nil }
func (h *hanging) Drain(context.Context) error  { h.hang("drain"); return nil }
func (h *hanging) Stop(context.Context) error   { h.hang("stop"); return nil }

// hangingStream is a worker that hangs in its streams.
type hangingStream struct{ *worker }

func (hangingStream) Stream(context.Context, plugin.Stream) error { select {} }

// garbler sends garbage where an answer should be.
type garbler struct{}

func (garbler) Name() string { return "proto" }

func (garbler) Marshal(v any) ([]byte, error) {
	m, ok := v.(*pluginpb.Message)
	if !ok || string(m.GetPayload()) != "GARBLE" {
		return proto.Marshal(v.(proto.Message)) //nolint:errcheck // all that is sent is one
	}

	return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3}, nil
}

func (garbler) Unmarshal(b []byte, v any) error {
	return proto.Unmarshal(b, v.(proto.Message)) //nolint:errcheck // all that is taken is one
}
