package httpsource_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/httpsource"
	"github.com/troupe-go/troupe/internal/pipelinetest"
)

// TestWhatIsAcceptedIsSunkThoughThePipelineIsStopped has clients post while the system is shut down.
func TestWhatIsAcceptedIsSunkThoughThePipelineIsStopped(t *testing.T) {
	const clients, before = 4, 200

	source := httpsource.New(httpsource.Options[int]{Decode: number, Waiting: clients, Patience: time.Minute})
	ledger := pipelinetest.Keep[int](source)
	c := serve(t, source)

	var sunk []int // of the one worker of the stage; read when it has stopped

	p := pipeline.New("ingest", pipelinetest.Options())
	pipeline.ToFunc(pipeline.From(p, "http", ledger), "keep", func(_ context.Context, n int) error {
		sunk = append(sunk, n)

		return nil
	}, pipeline.Stage{})

	code, _, _ := c.post(strings.NewReader("-1"))
	assert.Equal(t, http.StatusServiceUnavailable, code, "not yet started")

	sys := pipelinetest.Start(t, p)

	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		accepted []int
		enough   = make(chan struct{})
	)

	for i := range clients {
		group.Go(func() {
			for n := i; ; n += clients {
				code, _, _ := c.post(strings.NewReader(strconv.Itoa(n)))
				if code == http.StatusServiceUnavailable {
					return // stopping
				}

				assert.Equal(t, http.StatusAccepted, code)
				mu.Lock()
				accepted = append(accepted, n)

				if len(accepted) == before {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}

	<-enough
	pipelinetest.Stop(t, sys)
	group.Wait()

	items, undone := ledger.Check(t)
	assert.Len(t, accepted, items)
	assert.Zero(t, undone)
	slices.Sort(accepted)
	slices.Sort(sunk)
	assert.Equal(t, accepted, sunk)
}

// TestAFullPipelineRefusesAndStoppingTurnsAway holds up the sink until the pipeline is full: then it has as many items
// as it says, and the next one is refused.
func TestAFullPipelineRefusesAndStoppingTurnsAway(t *testing.T) {
	const full = 5

	source := httpsource.New(httpsource.Options[int]{
		Decode: number, Waiting: 1, Patience: 50 * time.Millisecond, RetryAfter: 7 * time.Second,
	})
	ledger := pipelinetest.Keep[int](source)
	c := serve(t, source)
	gate := make(chan struct{})
	options := pipelinetest.Options()
	options.InFlight = full

	p := pipeline.New("ingest", options)
	pipeline.ToFunc(pipeline.From(p, "http", ledger), "gate", func(context.Context, int) error {
		<-gate

		return nil
	}, pipeline.Stage{Capacity: full})

	sys := pipelinetest.Start(t, p)

	for accepted := 0; accepted < full; { // as long as there is room, what is refused was only too slow
		code, _, _ := c.post(strings.NewReader("1"))
		if code == http.StatusAccepted {
			accepted++
		} else {
			require.Equal(t, http.StatusTooManyRequests, code)
		}
	}

	code, retry, _ := c.post(strings.NewReader("1"))
	assert.Equal(t, http.StatusTooManyRequests, code, "no more than may be in flight")
	assert.Equal(t, "7", retry)
	require.Eventually(t, func() bool { return len(ledger.Pulled()) == full }, time.Minute, time.Millisecond)

	turned := make(chan struct{})

	go func() {
		defer close(turned)
		defer close(gate)

		for code := 0; code != http.StatusServiceUnavailable; { // 429 until the intake has ended
			var retry string

			code, retry, _ = c.post(strings.NewReader("2"))
			if !assert.Contains(t, []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, code) {
				return
			}

			assert.Equal(t, "7", retry)
		}
	}()

	pipelinetest.Stop(t, sys) // the sink goes on when a client was turned away
	<-turned

	items, undone := ledger.Check(t)
	assert.Equal(t, full, items)
	assert.Zero(t, undone)
}
