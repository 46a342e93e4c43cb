// Package api is the shop over HTTP:
//
//	POST /orders             {"lines":[{"product":"tea","quantity":2}]}, with Idempotency-Key: answered 202 once the
//	                         order is on disk; 409 out of stock, 422 not understood, 429 too busy, 503 unavailable
//	GET  /orders/{id}        the order; with ?wait=1, once it is shipped or declined
//	GET  /stock              what is left
//	GET  /stats              what was sold, and how many orders came in each minute
//	GET  /livez, /readyz     200 or 503, with the reason
//
// [Server] is the actor that owns the listener. At a stop it comes first, because it depends on all it asks: it closes
// the listener and answers the requests in flight while everything behind it still works.
package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/desk"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/projection"
)

// Shop is what the server asks.
type Shop struct {
	Desk      actors.Ref[desk.Place]
	Ledger    actors.Ref[ledger.Msg]
	Inventory actors.Ref[inventory.Msg]
	Sales     actors.Ref[projection.Msg[projection.Sales]]
	Pace      actors.Ref[projection.Msg[projection.Pace]]
	// Health says how the shop is.
	Health func(ctx context.Context) Health
}

// Health is how the shop is.
type Health struct {
	Live  bool `json:"live"`
	Ready bool `json:"ready"`
	// Why it is not ready, by actor.
	Why map[string]string `json:"why,omitempty"`
}

// Where asks the server for the URL it listens at.
type Where struct{ actors.Reply[string] }

const (
	readTimeout     = 10 * time.Second
	shutdownTimeout = 3 * time.Second
)

// Server serves HTTP.
type Server struct {
	addr string
	shop Shop
	url  string
	// life ends when the server is to stop.
	life context.Context
}

// New makes a server that listens at an address such as "127.0.0.1:8080"; port 0 means any.
func New(addr string, shop Shop) *Server { return &Server{addr: addr, shop: shop} }

// Start listens. What it starts ends with the actor; that serving ends before is its failure.
func (s *Server) Start(ctx *actors.Context[Where]) error {
	var config net.ListenConfig

	listener, err := config.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}

	s.url, s.life = "http://"+listener.Addr().String(), ctx

	server := &http.Server{Handler: s.routes(), ReadTimeout: readTimeout}
	closed := make(chan error, 1)

	return errors.Join(
		ctx.Go(func(life context.Context) error {
			<-life.Done()

			closed <- shutdown(life, server)

			return nil
		}),
		ctx.Go(func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}

			return <-closed // Serve returns when the shutdown begins
		}),
	)
}

// shutdown answers the requests in flight; those that take too long are cut off.
func shutdown(life context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(life), shutdownTimeout)
	defer cancel()

	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}

	return nil
}

// Receive says where the server listens.
func (s *Server) Receive(_ *actors.Context[Where], m Where) error { return m.Send(s.url) }
