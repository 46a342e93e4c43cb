package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// remote is a plugin in a process of its own, as the host has it.
type remote struct {
	process  *process
	conn     *grpc.ClientConn
	most     int // bytes of a payload
	manifest Manifest
	client   protocol1
	streams  pluginpb.Plugin2Client // nil with protocol 1
}

// protocol1 is what the clients of all protocols have in common.
type protocol1 interface {
	Start(ctx context.Context, in *pluginpb.StartRequest, options ...grpc.CallOption) (*pluginpb.Empty, error)
	Handle(ctx context.Context, in *pluginpb.Message, options ...grpc.CallOption) (*pluginpb.Message, error)
	Health(ctx context.Context, in *pluginpb.Empty, options ...grpc.CallOption) (*pluginpb.Empty, error)
	Stop(ctx context.Context, in *pluginpb.Empty, options ...grpc.CallOption) (*pluginpb.Empty, error)
}

var errNoCertificate = errors.New("the plugin has sent no certificate")

// launch starts a process, by the end of ctx, and asks it who it is. Go-plugin starts it, reads its handshake and
// makes the keys of the connection. The connection is ours, and so is the end of the process: go-plugin's own would
// ask the plugin to end, without a deadline, and a stopped one never does.
func launch(ctx context.Context, e Executable, sum []byte, most int) (p *remote, err error) {
	if err := verify(e.Path, sum); err != nil {
		return nil, err
	}

	deadline, _ := ctx.Deadline()
	patience := time.Until(deadline) / 10 * 8 // so that there is time to say what it was
	r := &remote{most: most}
	stderr := new(tail)

	config := &goplugin.ClientConfig{
		HandshakeConfig: handshake(), Plugins: goplugin.PluginSet{}, AutoMTLS: true, SkipHostEnv: true,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, StartTimeout: patience,
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard}), Stderr: stderr,
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			r.process = newProcess(ctx, e, cmd.Env, dir, stderr)

			return r.process, nil
		},
	}

	defer func() {
		if err != nil && r.process != nil {
			r.kill()
		}
	}()

	address, err := goplugin.NewClient(config).Start()
	if err != nil {
		return nil, r.notStarted(err)
	}

	if config.TLSConfig == nil || config.TLSConfig.RootCAs == nil {
		return nil, errNoCertificate
	}

	r.conn, err = grpc.NewClient("passthrough:///plugin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, address.Network(), address.String())
		}),
		grpc.WithTransportCredentials(credentials.NewTLS(config.TLSConfig)),
		grpc.WithIdleTimeout(0),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(most+overhead), grpc.MaxCallSendMsgSize(most+overhead)))
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}

	said, err := pluginpb.NewHelloClient(r.conn).Describe(ctx, &pluginpb.DescribeRequest{})
	if err != nil {
		return nil, r.because(ctx, err)
	}

	r.manifest = fromManifest(said)
	r.process.launched()

	return r, nil
}

// notStarted says why there is no connection: if the process has ended, how.
func (r *remote) notStarted(err error) error {
	err = errors.New(cut(err.Error())) // it quotes what the plugin has printed, whatever that is

	if r.process == nil {
		return err
	}

	after := time.NewTimer(settle)
	defer after.Stop()

	select {
	case <-r.process.ended:
		return fmt.Errorf("%w (%w)", err, r.process.why())
	case <-after.C:
		return err
	}
}

// Manifest implements [Plugin].
func (r *remote) Manifest() Manifest { return r.manifest }

// Start implements [Starter].
func (r *remote) Start(ctx context.Context, s Session) error {
	if s.Protocol >= Protocol2 {
		r.streams = pluginpb.NewPlugin2Client(r.conn)
		r.client = r.streams
	} else {
		r.client = pluginpb.NewPlugin1Client(r.conn)
	}

	_, err := r.client.Start(ctx, &pluginpb.StartRequest{
		Protocol: int32(s.Protocol), Features: s.Features, Config: s.Config, //nolint:gosec // up to MaxProtocol
	})

	return r.because(ctx, err)
}

// Handle implements [Plugin].
func (r *remote) Handle(ctx context.Context, m Message) (Message, error) {
	out, err := r.client.Handle(ctx, toMessage(m))
	if err != nil {
		return Message{}, r.because(ctx, err)
	}

	return fromMessage(out, r.most)
}

// Health implements [HealthReporter].
func (r *remote) Health(ctx context.Context) error {
	_, err := r.client.Health(ctx, &pluginpb.Empty{})

	return r.because(ctx, err)
}

// Drain implements [Drainer].
func (r *remote) Drain(ctx context.Context) error {
	_, err := r.streams.Drain(ctx, &pluginpb.Empty{})

	return r.because(ctx, err)
}

// Stop implements [Stopper]: the plugin stops, and its process ends with its standard input.
func (r *remote) Stop(ctx context.Context) error {
	select {
	case <-r.process.ended:
		return nil
	default:
	}

	if _, err := r.client.Stop(ctx, &pluginpb.Empty{}); err != nil {
		return r.because(ctx, err)
	}

	_ = r.process.stdin.Close() // it may have ended already

	select {
	case <-r.process.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stream implements [Streamer].
func (r *remote) Stream(ctx context.Context, s Stream) error {
	ctx, cancel := context.WithCancel(ctx)

	stream, err := r.streams.Stream(ctx)
	if err != nil {
		cancel()

		return r.because(ctx, err)
	}

	var sender sync.WaitGroup

	// The plugin may end the stream while the host has nothing to send.
	if side, ok := s.(pluginSide); ok {
		side.ctx = ctx
		s = side
	}

	sender.Go(func() { forward(stream, s) })

	err = r.receive(ctx, stream, s)

	cancel()
	sender.Wait()

	return err
}

// forward sends what the host has to the plugin, until the stream ends. Whoever receives learns why it has.
func forward(to pluginpb.Plugin2_StreamClient, from Stream) {
	for {
		m, err := from.Recv()
		if err != nil {
			_ = to.CloseSend() // returns nil

			return
		}

		if to.Send(toMessage(m)) != nil {
			return
		}
	}
}

// receive takes what the plugin sends, until the stream ends.
func (r *remote) receive(ctx context.Context, from pluginpb.Plugin2_StreamClient, to Stream) error {
	for {
		in, err := from.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}

		if err != nil {
			return r.because(ctx, err)
		}

		m, err := fromMessage(in, r.most)
		if err != nil {
			return err
		}

		if err := to.Send(m); err != nil {
			return err
		}
	}
}

// settle is how long the end of a process is waited for when its connection is lost, or there never was one.
const settle = time.Second

// because returns the error that an error of gRPC stands for.
func (r *remote) because(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}

	if ctx.Err() != nil {
		return ctx.Err()
	}

	lost, err := fromStatus(err, r.most)
	if !lost {
		return err
	}

	after := time.NewTimer(settle)
	defer after.Stop()

	select {
	case <-r.process.ended:
		return r.process.why()
	case <-after.C:
	case <-ctx.Done():
	}

	return &faultError{Crashed, err}
}

// gone implements [isolated].
func (r *remote) gone() <-chan struct{} { return r.process.ended }

// fault implements [isolated].
func (r *remote) fault() error { return r.process.why() }

// kill implements [isolated].
func (r *remote) kill() {
	if r.conn != nil {
		_ = r.conn.Close() // it may be closed already
	}

	r.process.end()
}
