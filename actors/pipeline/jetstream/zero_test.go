package jetstream_test

import (
	"testing"

	"github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/internal/zerotest"
)

// Sources and sinks that nobody has made do not open, and do no harm where somebody goes on all the same.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Sink.Open":   zerotest.ErrAny,
		"Source.Open": zerotest.ErrAny,
		"Source.Pull": zerotest.ErrAny,
	},
		new(jetstream.Sink[int]),
		new(jetstream.Source))
}
