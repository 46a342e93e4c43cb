package sqlsink_test

import (
	"testing"

	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
	"github.com/troupe-go/troupe/internal/zerotest"
)

// Sources and sinks that nobody has made do not open, and do no harm where somebody goes on all the same.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Sink.Open":  zerotest.ErrAny,
		"Sink.Write": zerotest.ErrAny,
	},
		new(sqlsink.ItemError),
		new(sqlsink.Sink[int]))
}
