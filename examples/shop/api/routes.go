package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/desk"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/projection"
	"github.com/troupe-go/troupe/mailbox"
)

// IdempotencyKey is the header that makes it safe to send an order again.
const IdempotencyKey = "Idempotency-Key"

const (
	maxBody     = 64 << 10         // bytes
	longestWait = 10 * time.Second // of GET /orders/{id}?wait=1
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.place)
	mux.HandleFunc("GET /orders/{id}", s.show)
	mux.HandleFunc("GET /stock", s.stock)
	mux.HandleFunc("GET /stats", s.stats)
	mux.HandleFunc("GET /livez", s.health(func(h Health) bool { return h.Live }))
	mux.HandleFunc("GET /readyz", s.health(func(h Health) bool { return h.Ready }))

	return mux
}

func (s *Server) place(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Lines []order.Line `json:"lines"`
	}

	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	in.DisallowUnknownFields()

	if err := in.Decode(&body); err != nil {
		fail(w, fmt.Errorf("%w: %w", order.ErrInvalid, err))

		return
	}

	o := order.Order{Key: r.Header.Get(IdempotencyKey), Lines: body.Lines}

	accepted, err := actors.Ask(r.Context(), s.shop.Desk, func(r actors.Reply[order.Order]) desk.Place {
		return desk.Place{Reply: r, Order: o}
	})
	if err != nil {
		fail(w, err)

		return
	}

	w.Header().Set("Location", "/orders/"+accepted.ID)
	answer(w, http.StatusAccepted, accepted)
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")

	if r.URL.Query().Has("wait") {
		ctx, cancel := context.WithTimeout(r.Context(), longestWait)
		defer cancel()

		forget := context.AfterFunc(s.life, cancel) // a stop does not wait for those who wait
		defer forget()

		o, err := actors.Ask(ctx, s.shop.Ledger, func(r actors.Reply[order.Order]) ledger.Msg {
			return ledger.Await{Reply: r, ID: id}
		})
		if ctx.Err() == nil {
			respond(w, o, err)

			return
		}
	}

	o, err := actors.Ask(r.Context(), s.shop.Ledger, func(r actors.Reply[order.Order]) ledger.Msg {
		return ledger.Get{Reply: r, ID: id}
	})
	respond(w, o, err)
}

func (s *Server) stock(w http.ResponseWriter, r *http.Request) {
	left, err := actors.Ask(r.Context(), s.shop.Inventory, func(r actors.Reply[map[string]int]) inventory.Msg {
		return inventory.Levels{Reply: r}
	})
	respond(w, left, err)
}

// Stats are the sums of all projections.
type Stats struct {
	Sales projection.Sales `json:"sales"`
	Pace  projection.Pace  `json:"pace"`
}

func (s *Server) stats(w http.ResponseWriter, r *http.Request) {
	sales, err := sums(r.Context(), s.shop.Sales)
	pace, err2 := sums(r.Context(), s.shop.Pace)
	respond(w, Stats{Sales: sales, Pace: pace}, errors.Join(err, err2))
}

func sums[S any](ctx context.Context, of actors.Ref[projection.Msg[S]]) (S, error) {
	return actors.Ask(ctx, of, func(r actors.Reply[S]) projection.Msg[S] { return projection.Msg[S]{Sums: r} })
}

func (s *Server) health(well func(Health) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK

		h := s.shop.Health(r.Context())
		if !well(h) {
			status = http.StatusServiceUnavailable
		}

		answer(w, status, h)
	}
}

func respond(w http.ResponseWriter, value any, err error) {
	if err != nil {
		fail(w, err)
	} else {
		answer(w, http.StatusOK, value)
	}
}

// Problem is the body of an answer that is an error.
type Problem struct {
	Error string `json:"error"`
}

func fail(w http.ResponseWriter, err error) {
	status := statusOf(err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}

	answer(w, status, Problem{err.Error()})
}

// statusOf says what an error means to a customer. What is no verdict on the request is 503: whether an order was
// accepted is open then, and sending it again under the same key is safe.
func statusOf(err error) int {
	for _, known := range []struct {
		err    error
		status int
	}{
		{order.ErrInvalid, http.StatusUnprocessableEntity},
		{inventory.ErrUnknownProduct, http.StatusUnprocessableEntity},
		{ledger.ErrKeyReused, http.StatusUnprocessableEntity},
		{inventory.ErrOutOfStock, http.StatusConflict},
		{ledger.ErrUnknown, http.StatusNotFound},
		{ledger.ErrBusy, http.StatusTooManyRequests},
		{mailbox.ErrFull, http.StatusTooManyRequests},
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}

	return http.StatusServiceUnavailable
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status = http.StatusInternalServerError
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // that the customer has gone is no error of ours
}
