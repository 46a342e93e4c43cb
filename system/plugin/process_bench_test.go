package plugin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/troupe-go/troupe/system/plugin"
	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// asServer as the first argument makes the test program a bare gRPC server at the socket that comes second.
const asServer = "as-server"

// bare answers calls with what they brought.
type bare struct {
	pluginpb.UnimplementedPlugin1Server
}

func (bare) Handle(_ context.Context, m *pluginpb.Message) (*pluginpb.Message, error) { return m, nil }

// beServer is the main function of the bare server: gRPC with nothing else, over the same kind of socket, with
// certificates of the same kind. It ends with its standard input.
func beServer(path, certificate, key string) {
	cert, err := tls.LoadX509KeyPair(certificate, key)
	if err == nil {
		var l net.Listener
		if l, err = net.Listen("unix", path); err == nil {
			s := grpc.NewServer(grpc.Creds(credentials.NewTLS(mutual(cert))))
			pluginpb.RegisterPlugin1Server(s, bare{})

			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				s.Stop()
			}()

			_, _ = os.Stdout.WriteString("up\n")
			err = s.Serve(l)
		}
	}

	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
	}
}

// mutual is what both sides use: each has to show the one certificate there is.
func mutual(cert tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)

	return &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, RootCAs: pool,
		ServerName: "localhost", MinVersion: tls.VersionTLS12,
	}
}

// BenchmarkProcess compares a call of a plugin in a process of its own with a bare gRPC call over the same kind of
// socket, with the same payload and mutual TLS, and with messages in a stream. All in one run: what counts are the
// ratios of plugin to grpc, and of plugin to stream.
func BenchmarkProcess(b *testing.B) {
	client := server(b)
	s := slot(b, program(b, 0, "good"), plugin.Spec{})
	h := start(b, s)
	geo := s.From(h.sys.Intake())
	m := line("GET /index.html 200 1234")

	b.Run("grpc", func(b *testing.B) {
		in := &pluginpb.Message{Type: m.Type, Payload: m.Payload}

		for b.Loop() {
			ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
			out, err := client.Handle(ctx, in)

			cancel()

			if err != nil || len(out.GetPayload()) != len(m.Payload) {
				b.Fatal(out, err)
			}
		}
	})
	b.Run("plugin", func(b *testing.B) {
		for b.Loop() {
			out, err := geo.Call(b.Context(), m)
			if err != nil || len(out.Payload) != len(m.Payload) {
				b.Fatal(out, err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		st, err := geo.Stream(b.Context())
		require.NoError(b, err)
		b.ResetTimer()

		go func() {
			for range b.N {
				if st.Send(m) != nil {
					return
				}
			}

			st.CloseSend()
		}()

		n := 0

		for {
			_, err := st.Recv()
			if errors.Is(err, io.EOF) {
				break
			}

			require.NoError(b, err)

			n++
		}

		require.Equal(b, b.N, n)
	})
	h.end()
}

// server starts the bare server.
func server(b *testing.B) pluginpb.Plugin1Client {
	b.Helper()

	dir := b.TempDir()
	path, certificate, key := filepath.Join(dir, "s"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	cert := certify(b, certificate, key)

	c := exec.Command(os.Args[0], asServer, path, certificate, key)
	c.Stderr = os.Stderr

	stdin, err := c.StdinPipe()
	require.NoError(b, err)
	stdout, err := c.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, c.Start())
	_, err = stdout.Read(make([]byte, 3)) // it is up
	require.NoError(b, err)

	conn, err := grpc.NewClient("passthrough:///server",
		grpc.WithTransportCredentials(credentials.NewTLS(mutual(cert))),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}))
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, conn.Close())
		require.NoError(b, stdin.Close())
		require.NoError(b, c.Wait())
	})

	return pluginpb.NewPlugin1Client(conn)
}

// certify makes a certificate as go-plugin does.
func certify(b testing.TB, certificate, key string) tls.Certificate {
	b.Helper()

	private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(b, err)

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(b, err)
	raw, err := x509.MarshalECPrivateKey(private)
	require.NoError(b, err)
	write(b, certificate, "CERTIFICATE", der)
	write(b, key, "EC PRIVATE KEY", raw)

	cert, err := tls.LoadX509KeyPair(certificate, key)
	require.NoError(b, err)

	return cert
}

func write(b testing.TB, path, kind string, der []byte) {
	b.Helper()
	require.NoError(b, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}
