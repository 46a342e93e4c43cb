package main_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	program "github.com/troupe-go/troupe/internal/bench"
)

func TestAFloodParksItsSendersAndIsHandled(t *testing.T) {
	f, err := program.MeasureFlood(t.Context(), 0)

	require.NoError(t, err)
	assert.Equal(t, program.FloodSenders, f.Parked)
	assert.Equal(t, program.FloodLeast, f.Handled)
	assert.Less(t, f.Heap, int64(program.FloodHeap))
	assert.Zero(t, program.Parked("tellSpan"), "all have gone")
}

func TestAFloodPrintsATableButNoRatio(t *testing.T) {
	code, stdout, stderr := run(t, "-runs", "1", "-count", "100", "-workload", "flood", "-benchstat", "")

	require.Zero(t, code, stderr)
	assert.Regexp(t, `\n\nflood: 16384 messages at a blocked actor
 +senders parked +CPU of a core +heap above rest +handled *
 +8 of 8 +(\d+\.\d\d|NaN) % +-?\d+\.\d kB +16384 *
$`, stdout)
	assert.NotContains(t, stdout, "ratio")
}

func TestASmokeRunOfAFloodLooksAtNoClock(t *testing.T) {
	code, stdout, stderr := run(t, "-smoke", "-workload", "flood")

	require.Zero(t, code, stderr)
	assert.Regexp(t, `^ok  flood  troupe  handled 66666 of 66666, `+
		`8 senders parked, heap -?\d+\.\d kB above rest\n$`, stdout)
}

func TestAFloodGivesUpWithItsContext(t *testing.T) {
	errEnough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	given := make(chan struct{})

	go func() {
		defer close(given)

		for program.Parked("tellSpan") == 0 && t.Context().Err() == nil {
			runtime.Gosched()
		}

		cancel(errEnough)
	}()

	_, err := program.MeasureFlood(ctx, time.Hour)

	<-given
	require.ErrorIs(t, err, errEnough)
	assert.True(t, strings.HasPrefix(err.Error(), "flood: "), err)
}

func TestParkedCountsThoseThatWait(t *testing.T) {
	stop := make(chan struct{})
	ended := make(chan struct{}, 2)

	go parkedInTheTest(stop, ended)
	go spinningInTheTest(stop, ended)

	for program.Parked("parkedInTheTest") < 1 {
		require.NoError(t, t.Context().Err())
	}

	assert.Zero(t, program.Parked("spinningInTheTest"))
	close(stop)
	<-ended
	<-ended
}

func parkedInTheTest(stop <-chan struct{}, ended chan<- struct{}) {
	<-stop

	ended <- struct{}{}
}

func spinningInTheTest(stop <-chan struct{}, ended chan<- struct{}) {
	for {
		select {
		case <-stop:
			ended <- struct{}{}

			return
		default:
			runtime.Gosched()
		}
	}
}
