package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/examples/shop/api"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/mailbox"
)

func TestEveryErrorHasItsStatus(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{order.Order{}.Validate(), http.StatusUnprocessableEntity},
		{inventory.ErrUnknownProduct, http.StatusUnprocessableEntity},
		{ledger.ErrKeyReused, http.StatusUnprocessableEntity},
		{inventory.ErrOutOfStock, http.StatusConflict},
		{ledger.ErrUnknown, http.StatusNotFound},
		{ledger.ErrBusy, http.StatusTooManyRequests},
		{&mailbox.FullError{Target: "/shop/desk"}, http.StatusTooManyRequests},
		{&mailbox.SendError{Target: "/shop/desk", Err: mailbox.ErrStopping}, http.StatusServiceUnavailable},
		{context.Canceled, http.StatusServiceUnavailable},
		{errors.New("something else"), http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		api.Fail(w, fmt.Errorf("wrapped: %w", c.err))
		assert.Equal(t, c.status, w.Code, c.err)
		assert.Equal(t, c.status == 429 || c.status == 503, w.Header().Get("Retry-After") != "", c.err)
		assert.Contains(t, w.Body.String(), `"error":"wrapped: `)
	}
}

func TestHealthIsServedByWhatItIsAskedFor(t *testing.T) {
	s := api.New("", api.Shop{Health: func(context.Context) api.Health {
		return api.Health{Live: true, Why: map[string]string{"/shop/desk": "starting"}}
	}})

	for path, status := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		s.Routes().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		assert.Equal(t, status, w.Code, path)
		assert.Contains(t, w.Body.String(), "/shop/desk", path)
	}
}
