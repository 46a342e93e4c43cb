package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// The exit codes of a plugin's process.
const (
	exitUsage    = 1 // it is not valid, or was not started by a host
	exitOrphaned = 3 // its host has gone
)

// handshake is how a program knows that it was started as a plugin. It keeps users from starting one by hand, and
// nobody from anything else.
func handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion: 1, MagicCookieKey: "TROUPE_PLUGIN", MagicCookieValue: "a plugin is started by its host",
	}
}

// Serve is the main function of a plugin in a process of its own:
//
//	func main() { plugin.Serve(geo{}) }
//
// It returns when the host has stopped the plugin, and the program is then to end. If the host goes without that, it
// ends the program. What the plugin prints goes to standard error, of which the host keeps the end to say why it has
// crashed. A panic ends the program, as ever.
func Serve(p Plugin) { serve(p) }

// serve is Serve with more options for its gRPC server.
func serve(p Plugin, more ...grpc.ServerOption) {
	m := p.Manifest()
	if err := m.Validate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage) //nolint:revive // it stands for main
	}

	if os.Getenv(handshake().MagicCookieKey) == handshake().MagicCookieValue {
		go exitWithHost()
	}

	s := &served{plugin: p, manifest: m, out: os.Stderr}
	off := hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard})

	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake(), Plugins: goplugin.PluginSet{"plugin": s}, Logger: off,
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(slices.Concat(options, []grpc.ServerOption{
				grpc.UnaryInterceptor(s.first), grpc.StreamInterceptor(s.firstStream),
				grpc.MaxRecvMsgSize(MaxMessage + overhead), grpc.MaxSendMsgSize(MaxMessage + overhead),
			}, more)...)
		},
	})
}

// overhead is how much longer than its payload a message can be, in bytes.
const overhead = 64 << 10

// exitWithHost ends the process when its host has: that holds the other end of the standard input.
func exitWithHost() {
	_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it, there is no host any more
	os.Exit(exitOrphaned)                //nolint:revive // nobody is left to tell
}

// served is a plugin as go-plugin has it, and its services.
type served struct {
	goplugin.NetRPCUnsupportedPlugin

	plugin   Plugin
	manifest Manifest
	out      *os.File
	once     sync.Once
}

// first has what the plugin prints go to standard error: go-plugin has sent it where nobody reads.
func (s *served) first(
	ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	s.once.Do(s.restore)

	return handle(ctx, in)
}

func (s *served) firstStream(in any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
	s.once.Do(s.restore)

	return h(in, stream)
}

func (s *served) restore() { os.Stdout, os.Stderr = s.out, s.out }

// GRPCServer implements [goplugin.GRPCPlugin]: it registers the services of the protocols the plugin speaks.
func (s *served) GRPCServer(_ *goplugin.GRPCBroker, to *grpc.Server) error {
	pluginpb.RegisterHelloServer(to, hello{manifest: toManifest(s.manifest)})

	if s.manifest.Protocols.Has(Protocol1) {
		pluginpb.RegisterPlugin1Server(to, server1{server: server{s.plugin}})
	}

	if s.manifest.Protocols.Has(Protocol2) {
		pluginpb.RegisterPlugin2Server(to, server2{server: server{s.plugin}})
	}

	return nil
}

var errNoClient = errors.New("there is no client in the plugin's process")

// GRPCClient implements [goplugin.GRPCPlugin].
func (*served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errNoClient
}

// hello says who is there.
type hello struct {
	pluginpb.UnimplementedHelloServer

	manifest *pluginpb.Manifest
}

func (h hello) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.Manifest, error) {
	return h.manifest, nil
}

// server is what all protocols have in common.
type server struct{ plugin Plugin }

type server1 struct {
	pluginpb.UnsafePlugin1Server // all of it is here
	server
}

type server2 struct {
	pluginpb.UnsafePlugin2Server // all of it is here
	server
}

func (s server) Start(ctx context.Context, in *pluginpb.StartRequest) (*pluginpb.Empty, error) {
	if p, ok := s.plugin.(Starter); ok {
		err := p.Start(ctx, Session{int(in.GetProtocol()), in.GetFeatures(), in.GetConfig()})

		return &pluginpb.Empty{}, toStatus(err)
	}

	return &pluginpb.Empty{}, nil
}

func (s server) Handle(ctx context.Context, in *pluginpb.Message) (*pluginpb.Message, error) {
	m, err := s.plugin.Handle(ctx, Message{in.GetType(), in.GetPayload()})

	return toMessage(m), toStatus(err)
}

func (s server) Health(ctx context.Context, _ *pluginpb.Empty) (*pluginpb.Empty, error) {
	if p, ok := s.plugin.(HealthReporter); ok {
		return &pluginpb.Empty{}, toStatus(p.Health(ctx))
	}

	return &pluginpb.Empty{}, nil
}

func (s server) Stop(ctx context.Context, _ *pluginpb.Empty) (*pluginpb.Empty, error) {
	if p, ok := s.plugin.(Stopper); ok {
		return &pluginpb.Empty{}, toStatus(p.Stop(ctx))
	}

	return &pluginpb.Empty{}, nil
}

func (s server2) Drain(ctx context.Context, _ *pluginpb.Empty) (*pluginpb.Empty, error) {
	if p, ok := s.plugin.(Drainer); ok {
		return &pluginpb.Empty{}, toStatus(p.Drain(ctx))
	}

	return &pluginpb.Empty{}, nil
}

// serverStream is one side of a gRPC stream in a plugin's process.
type serverStream struct {
	of grpc.BidiStreamingServer[pluginpb.Message, pluginpb.Message]
}

func (s server2) Stream(stream grpc.BidiStreamingServer[pluginpb.Message, pluginpb.Message]) error {
	side := serverStream{stream}

	if p, ok := s.plugin.(Streamer); ok {
		return toStatus(p.Stream(stream.Context(), side))
	}

	return toStatus(echo(stream.Context(), s.plugin, side))
}

// Recv implements [Stream].
func (s serverStream) Recv() (Message, error) {
	m, err := s.of.Recv()
	if err != nil {
		return Message{}, err //nolint:wrapcheck // io.EOF is matched as it is
	}

	return Message{m.GetType(), m.GetPayload()}, nil
}

// Send implements [Stream].
func (s serverStream) Send(m Message) error {
	return s.of.Send(toMessage(m)) //nolint:wrapcheck // says why the stream has ended
}
