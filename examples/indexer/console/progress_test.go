package console_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/console"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestPlainLinesComeAtMostOnceAnInterval(t *testing.T) {
	var out strings.Builder
	total := 0
	p := console.NewProgress(&out, console.ProgressOptions{
		Every: 2 * time.Second,
		Total: func() int { return total },
	})
	at := start.Add

	p.Add(at(0), 1, 0)
	p.Add(at(2*time.Second-1), 1199, 1)
	assert.Empty(t, out.String(), "not one nanosecond early")
	p.Add(at(2*time.Second), 1, 0)
	assert.Equal(t, "indexing: 1,201 files, 1 failed\n", out.String(), "the total is not known yet")

	total = 7711
	out.Reset()
	p.Add(at(3*time.Second), 1, 0)
	p.Add(at(10*time.Second), 0, 0)
	p.Add(at(11*time.Second), 0, 0)
	assert.Equal(t, "indexing: 1,202 of 7,711 files, 1 failed\n", out.String(), "and none without news")

	out.Reset()
	p.Add(at(11*time.Second+1), 6509, 2)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Finish())
	p.Add(at(time.Hour), 1, 0)
	assert.Equal(t, "indexed: 7,711 of 7,711 files, 3 failed\n", out.String(), "the last line comes in any case, once")
}

func TestPlainLinesCanBeLimitedByFilesToo(t *testing.T) {
	var out strings.Builder
	p := console.NewProgress(&out, console.ProgressOptions{Every: time.Second, EveryFiles: 100})
	p.Add(start, 99, 0)
	p.Add(start.Add(time.Hour), 0, 0)
	assert.Empty(t, out.String())
	p.Add(start.Add(time.Hour), 1, 0)
	assert.Equal(t, "indexing: 100 files\n", out.String())
}

func TestThePlainLinesHaveADefaultInterval(t *testing.T) {
	var out strings.Builder
	p := console.NewProgress(&out, console.ProgressOptions{})
	p.Add(start, 1, 0)
	p.Add(start.Add(console.DefaultLineEvery-1), 1, 0)
	assert.Empty(t, out.String())
	p.Add(start.Add(console.DefaultLineEvery), 1, 0)
	assert.Equal(t, "indexing: 3 files\n", out.String())
}

func TestATotalBelowWhatIsDoneIsNotBelieved(t *testing.T) {
	var out strings.Builder
	p := console.NewProgress(&out, console.ProgressOptions{Total: func() int { return 3 }})
	p.Add(start, 5, 0)
	require.NoError(t, p.Finish())
	assert.Equal(t, "indexed: 5 of 5 files\n", out.String())
}

func TestTheBarIsDrawnOnATerminal(t *testing.T) {
	var out strings.Builder
	total := 10
	p := console.NewProgress(&out, console.ProgressOptions{Terminal: true, Total: func() int { return total }})
	p.Add(start, 1, 0)
	assert.Empty(t, out.String())
	p.Add(start.Add(console.DefaultBarEvery), 9, 0)
	assert.Contains(t, out.String(), "(10/11", "more may come: the bar is not full before Finish")

	total = 40 // the walker found more
	p.Add(start.Add(2*console.DefaultBarEvery), 10, 1)
	assert.Contains(t, out.String(), "indexing, 1 failed")
	assert.Contains(t, out.String(), "(20/40")
	assert.NotContains(t, out.String(), "\n")

	p.Add(start.Add(2*console.DefaultBarEvery+1), 20, 0)
	require.NoError(t, p.Finish())
	assert.Contains(t, out.String(), "100%")
	assert.Contains(t, out.String(), "(40/40")
	assert.True(t, strings.HasSuffix(out.String(), "\n"))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestABarThatIsStoppedHalfWayStaysThere(t *testing.T) {
	var out strings.Builder
	p := console.NewProgress(&out, console.ProgressOptions{Terminal: true, Total: func() int { return 40 }})
	p.Add(start, 10, 0)
	require.NoError(t, p.Finish())
	assert.Contains(t, out.String(), "(10/40")
	assert.NotContains(t, out.String(), "100%")
}

func TestABarWithoutAnythingToDoEnds(t *testing.T) {
	var out strings.Builder
	require.NoError(t, console.NewProgress(&out, console.ProgressOptions{Terminal: true}).Finish())
	assert.True(t, strings.HasSuffix(out.String(), "\n"))
}

func TestTheFirstErrorOfTheWriterComesWithFinish(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		p := console.NewProgress(broken{}, console.ProgressOptions{Terminal: terminal})
		p.Add(start, 1, 0)
		p.Add(start.Add(time.Hour), 1, 0)
		require.ErrorIs(t, p.Finish(), errBroken)
		require.ErrorIs(t, p.Finish(), errBroken)
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
