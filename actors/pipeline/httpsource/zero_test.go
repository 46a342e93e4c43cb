package httpsource_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline/httpsource"
)

// A source that nobody has made does not open, and lets nobody in.
func TestTheZeroSourceHasAnswers(t *testing.T) {
	var zero httpsource.Source[int]

	require.ErrorContains(t, zero.Open(t.Context()), "Decode: must be set")

	w := httptest.NewRecorder()
	zero.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("1")))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))

	_, err := zero.Pull(t.Context(), make([]int, 1))
	require.ErrorContains(t, err, "not running")
	require.NoError(t, zero.Close(t.Context()))
}
