package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/actors/pipeline/httpsource"
)

// idempotencyKey is the header that names a request, so that its lines are counted once if it is sent again.
const idempotencyKey = "Idempotency-Key"

// request is a number of lines that came together.
type request struct {
	Lines []Line `json:"lines"`
}

// newRequests makes the source of what is posted. Lines of requests without a key are numbered through.
func newRequests() *httpsource.Source[request] {
	var (
		run  = fmt.Sprintf("http:%x", rand.Uint64())
		last atomic.Int64
	)

	return httpsource.New(httpsource.Options[request]{
		Decode: func(r *http.Request, body []byte) (request, error) {
			body = bytes.TrimSuffix(body, []byte("\n"))
			if len(body) == 0 {
				return request{}, errors.New("there is no line in the body")
			}

			texts := bytes.Split(bytes.Clone(body), []byte("\n"))
			source, before := run, int64(0)

			if key := r.Header.Get(idempotencyKey); key != "" {
				source = "http:" + key
			} else {
				before = last.Add(int64(len(texts))) - int64(len(texts))
			}

			lines := make([]Line, len(texts))
			for i, text := range texts {
				lines[i] = Line{Source: source, Number: before + int64(i) + 1, Text: bytes.TrimSuffix(text, []byte("\r"))}
			}

			return request{lines}, nil
		},
	})
}

const (
	readTimeout  = 10 * time.Second
	drainTimeout = 3 * time.Second
)

// server is the actor that owns the listener. It has no messages: at a stop it comes first, and answers the requests in
// flight while the pipeline still takes them.
type server struct {
	addr    string
	handler http.Handler
	onOpen  func(url string)
	http    *http.Server
}

// Start listens. That serving ends before the actor does is its failure.
func (s *server) Start(ctx *actors.Context[struct{}]) error {
	var config net.ListenConfig

	l, err := config.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("/lines", s.handler)
	s.http = &http.Server{Handler: mux, ReadTimeout: readTimeout}
	s.onOpen("http://" + l.Addr().String() + "/lines")

	return ctx.Go(func(context.Context) error {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}

		return nil
	})
}

// Receive is never called: nobody has a reference.
func (*server) Receive(*actors.Context[struct{}], struct{}) error { return nil }

// Drain answers the requests in flight; those that take too long are cut off.
func (s *server) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()

	return s.http.Shutdown(ctx)
}

// Close closes what is still open.
func (s *server) Close(context.Context) error {
	if s.http == nil {
		return nil
	}

	return s.http.Close()
}
