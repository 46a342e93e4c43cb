package files_test

import (
	"io"
	"os"
	"testing"

	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/internal/zerotest"
)

// Sources and sinks that nobody has made do not open, and do no harm where somebody goes on all the same.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"AppendSink.Open":  zerotest.ErrAny,
		"AppendSink.Write": os.ErrClosed,
		"LineSource.Open":  zerotest.ErrAny,
		"LineSource.Pull":  os.ErrClosed,
		"WalkSource.Pull":  io.EOF,
		"WalkSource.Open":  zerotest.ErrAny,
	},
		new(files.AppendSink[int]),
		new(files.ChangedError),
		new(files.LineSource),
		new(files.LongLineError),
		new(files.WalkSource))
}
