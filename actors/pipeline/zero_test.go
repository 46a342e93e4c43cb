package pipeline_test

import (
	"testing"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/internal/zerotest"
)

// Zero values are nobody's, and so is the nil that comes with an error: they have documented answers.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Pipeline.Wait": zerotest.ErrAny,
	},
		new(pipeline.FailedError),
		new(pipeline.OpenError),
		new(pipeline.Pipeline),
		new(pipeline.Side[int]),
		new(pipeline.TimeoutError),
	)
}
