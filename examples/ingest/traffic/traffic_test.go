package traffic_test

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/ingest/traffic"
)

func TestTheReaderReadsTheLines(t *testing.T) {
	var want strings.Builder
	for n := range uint64(300) {
		want.WriteString(traffic.Line(7, n) + "\n")
	}

	require.NoError(t, iotest.TestReader(traffic.Reader(7, 300), []byte(want.String())))
	require.NoError(t, iotest.TestReader(traffic.Reader(7, 0), nil))
}

func TestTheSeedIsTheLog(t *testing.T) {
	line := traffic.Line(1, 5)
	assert.Equal(t, line, traffic.Line(1, 5))
	assert.NotEqual(t, line, traffic.Line(2, 5))
	assert.NotEqual(t, line, traffic.Line(1, 6))
}
