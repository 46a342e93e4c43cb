// Package embedded runs a NATS server with JetStream inside the process, for tests, examples, and programs that want
// streams on their own disk and no broker to operate. It listens on no port: connections are made with
// [Server.Connect]. A program that does not import this package compiles no server.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTime is how long the server may take to be ready.
const startTime = 30 * time.Second

// Server is a NATS server inside the process. Its methods are safe for concurrent use.
type Server struct{ server *server.Server }

// Start starts a server that keeps its streams in a directory, which is made if there is none, and waits until it is
// ready. What is published and acknowledged survives the end of the process; it is brought to the disk as the server
// sees fit, so that a power failure can lose the last of it. One server at a time may have the directory.
func Start(dir string) (*Server, error) {
	if dir == "" {
		return nil, errors.New("embedded.Start: the directory is empty")
	}

	s, err := server.NewServer(&server.Options{
		ServerName: "troupe-embedded", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}

	var l log

	s.SetLogger(&l, false, false)
	s.Start()

	if l.failed() == "" && s.ReadyForConnections(startTime) {
		return &Server{s}, nil
	}

	s.Shutdown()
	s.WaitForShutdown()

	return nil, fmt.Errorf("embedded NATS server: it does not run with its data in %q: %s", dir, l.failed())
}

// log keeps what the server says of why it cannot start, and nothing else.
type log struct{ fatal atomic.Pointer[string] }

func (l *log) failed() string {
	if text := l.fatal.Load(); text != nil {
		return *text
	}

	return ""
}

// Fatalf is called by the server before it gives up.
func (l *log) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &text)
}

// The server's log has six levels.
func (*log) Noticef(string, ...any) {}
func (*log) Warnf(string, ...any)   {}
func (*log) Errorf(string, ...any)  {}
func (*log) Debugf(string, ...any)  {}
func (*log) Tracef(string, ...any)  {}

// Connect makes a connection to the server, for the caller to close.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, error) {
	c, err := nats.Connect("", append([]nats.Option{nats.InProcessServer(s)}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}

	return c, nil
}

// InProcessConn makes what a connection is made of. It is a [nats.InProcessConnProvider]: the option
// nats.InProcessServer takes it for connections that [Server.Connect] does not make.
func (s *Server) InProcessConn() (net.Conn, error) {
	c, err := s.server.InProcessConn()
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}

	return c, nil
}

// Close stops the server and waits until it has stopped. It can be called again.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
