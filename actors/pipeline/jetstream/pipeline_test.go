package jetstream_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	ours "github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/actors/pipeline/jetstream/embedded"
	"github.com/troupe-go/troupe/internal/pipelinetest"
)

// numbered are the texts of the numbers below n.
func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}

	return all
}

// tally counts how often each text was sunk.
type tally struct {
	mu    sync.Mutex // guards the following
	times map[string]int
	full  chan struct{} // closed when there are as many texts as wanted
	want  int
}

func newTally(want int) *tally {
	return &tally{times: map[string]int{}, full: make(chan struct{}), want: want}
}

// add counts a text, and returns how often it was there before.
func (c *tally) add(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()

	before := c.times[text]
	c.times[text]++

	if before == 0 && len(c.times) == c.want {
		close(c.full)
	}

	return before
}

// fromLogs is a source of the stream that a ledger keeps the accounts of.
func fromLogs(js jetstream.JetStream, config jetstream.ConsumerConfig) *pipelinetest.Ledger[ours.Message] {
	return pipelinetest.Keep[ours.Message](ours.Consume(js, "logs", "test", ours.ConsumeOptions{Create: &config}))
}

// TestAPipelinePublishesAndAnotherConsumes is from a slice through a stream to a tally, and stopped when all is there.
func TestAPipelinePublishesAndAnotherConsumes(t *testing.T) {
	const n = 2000

	js := broker(t)

	out := pipeline.New("out", pipelinetest.Options())
	pipeline.To(pipeline.From(out, "numbers", pipeline.Slice(numbered(n))), "logs",
		ours.Publish(js, "logs", func(text string) (ours.Publication, error) {
			return ours.Publication{Subject: "logs.a", Data: []byte(text), ID: text}, nil
		}), pipeline.Stage{})
	pipelinetest.Run(t, out)

	ledger, count := fromLogs(js, jetstream.ConsumerConfig{MaxAckPending: 100}), newTally(n)
	in := pipeline.New("in", pipelinetest.Options())
	pipeline.ToFunc(pipeline.From(in, "logs", ledger), "count", func(_ context.Context, m ours.Message) error {
		count.add(string(m.Data))

		return nil
	}, pipeline.Stage{Workers: 2, Order: pipeline.AsCompleted})

	sys := pipelinetest.Start(t, in)
	<-count.full
	pipelinetest.Stop(t, sys)

	items, undone := ledger.Check(t)
	assert.Equal(t, n, items, "none was delivered twice")
	assert.Zero(t, undone)
	eventually(t, js, 0, 0)
}

// TestAFullPipelineLeavesMessagesInTheStream holds up the sink: the server hands out no more than the consumer's bound,
// and the pipeline takes no more than its own.
func TestAFullPipelineLeavesMessagesInTheStream(t *testing.T) {
	for name, bounds := range map[string]struct{ pending, flight, taken int }{
		"bound of the consumer": {pending: 7, flight: 1000, taken: 7},
		"bound of the pipeline": {pending: 1000, flight: 5, taken: 5},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 60

			js := broker(t)
			publish(t, js, numbered(n)...)

			ledger, count := fromLogs(js, jetstream.ConsumerConfig{MaxAckPending: bounds.pending}), newTally(n)
			gate := make(chan struct{})
			options := pipelinetest.Options()
			options.InFlight = bounds.flight

			p := pipeline.New("in", options)
			pipeline.ToFunc(pipeline.From(p, "logs", ledger), "count", func(_ context.Context, m ours.Message) error {
				<-gate
				count.add(string(m.Data))

				return nil
			}, pipeline.Stage{})

			sys := pipelinetest.Start(t, p)
			eventually(t, js, n-bounds.taken, bounds.taken)
			require.Eventually(t, func() bool { return len(ledger.Pulled()) == bounds.taken }, time.Minute,
				time.Millisecond)
			close(gate)
			<-count.full
			pipelinetest.Stop(t, sys)

			items, undone := ledger.Check(t)
			assert.Equal(t, n, items)
			assert.Zero(t, undone)
			eventually(t, js, 0, 0)
		})
	}
}

// TestAStopFinishesWhatWasDeliveredAndLeavesTheRest stops while the sink holds up.
func TestAStopFinishesWhatWasDeliveredAndLeavesTheRest(t *testing.T) {
	const n = 50

	js := broker(t)
	publish(t, js, numbered(n)...)

	ledger := fromLogs(js, jetstream.ConsumerConfig{MaxAckPending: 4})
	gate := make(chan struct{})
	p := pipeline.New("in", pipelinetest.Options())
	pipeline.ToFunc(pipeline.From(p, "logs", ledger), "gate", func(context.Context, ours.Message) error {
		<-gate

		return nil
	}, pipeline.Stage{Capacity: 8})

	sys := pipelinetest.Start(t, p)
	eventually(t, js, n-4, 4)

	sys.Stop()
	close(gate)
	pipelinetest.Stop(t, sys)

	items, undone := ledger.Check(t)
	assert.Zero(t, undone)
	assert.GreaterOrEqual(t, items, 4)

	// What the server delivers in the moment the stop begins nobody takes: it comes again after AckWait,
	// as one of the rest.
	require.Eventually(t, func() bool {
		pending, unacknowledged, ok := state(t, js)

		return ok && pending+unacknowledged == n-items
	}, 30*time.Second, 10*time.Millisecond, "%d are left", n-items)
}

// TestAPipelineThatHasFailedGivesItsMessagesBack fails with one message, and a second pipeline gets all that the first
// did not finish.
func TestAPipelineThatHasFailedGivesItsMessagesBack(t *testing.T) {
	const n = 20

	js := broker(t)
	publish(t, js, numbered(n)...)

	count := newTally(n)
	run := func(fails string) (*pipelinetest.Ledger[ours.Message], *pipeline.Pipeline) {
		ledger := fromLogs(js, jetstream.ConsumerConfig{})
		p := pipeline.New("in", pipelinetest.Options())
		pipeline.ToFunc(pipeline.From(p, "logs", ledger), "count", func(ctx context.Context, m ours.Message) error {
			if string(m.Data) == fails {
				<-ctx.Done() // until the time for it is over

				return errFailed
			}

			count.add(string(m.Data))

			return nil
		}, pipeline.Stage{Failed: pipeline.FailPipeline(), Timeout: 300 * time.Millisecond})

		return ledger, p
	}

	ledger, p := run("10")
	sys := pipelinetest.Start(t, p)
	require.Error(t, p.Wait(t.Context()))

	_, err := sys.Shutdown(context.WithoutCancel(t.Context()))
	require.ErrorContains(t, err, "/test/in/count: the pipeline has failed")

	items, undone := ledger.Check(t)
	assert.Positive(t, undone)
	eventually(t, js, n-items, undone)

	ledger, p = run("")
	sys = pipelinetest.Start(t, p)
	<-count.full
	pipelinetest.Stop(t, sys)

	again, undoneAgain := ledger.Check(t)
	assert.Equal(t, n-items+undone, again, "what was done does not come again")
	assert.Zero(t, undoneAgain)
	eventually(t, js, 0, 0)

	for text, times := range count.times {
		assert.Equal(t, 1, times, "message %q", text)
	}
}

// outlet makes connections to whatever server there is now.
type outlet struct {
	server atomic.Pointer[embedded.Server]
}

func (o *outlet) InProcessConn() (net.Conn, error) { return o.server.Load().InProcessConn() }

// connect makes a client of an outlet that has never given up when the server is there again.
func (o *outlet) connect(t *testing.T) jetstream.JetStream {
	t.Helper()

	conn, err := nats.Connect("", nats.InProcessServer(o), nats.MaxReconnects(-1),
		nats.ReconnectWait(10*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)

	js, err := jetstream.New(conn)
	require.NoError(t, err)

	return js
}

// start has the server begin, or begin again, with the streams of a directory.
func (o *outlet) start(t *testing.T, dir string) {
	t.Helper()

	server, err := embedded.Start(dir)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	o.server.Store(server)
}

// TestAServerThatComesBackHasLostNothing closes the server twice and starts it again with its files, while one pipeline
// publishes and another has messages under way.
func TestAServerThatComesBackHasLostNothing(t *testing.T) {
	const (
		crashes = 2
		part    = 500 // messages before each
		n       = (crashes + 1) * part
	)

	var (
		dir     = t.TempDir()
		where   outlet
		count   = newTally(n)
		numbers = make(chan string)
		reached = make(chan struct{})
		down    [crashes]chan struct{}
	)

	for i := range down {
		down[i] = make(chan struct{})
	}

	where.start(t, dir)
	js := where.connect(t)

	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "logs", Subjects: []string{"logs.>"}})
	require.NoError(t, err)

	out := pipeline.New("out", pipelinetest.Options())
	pipeline.To(pipeline.From(out, "numbers", pipeline.Chan(numbers)), "logs",
		ours.Publish(js, "logs", func(text string) (ours.Publication, error) {
			return ours.Publication{Subject: "logs.a", Data: []byte(text), ID: text}, nil
		}), pipeline.Stage{
			Retry: pipeline.Retry{Max: 1000, Initial: 10 * time.Millisecond, Longest: 100 * time.Millisecond},
		})

	ledger := fromLogs(js, jetstream.ConsumerConfig{AckWait: 2 * time.Second, MaxAckPending: 50})
	in := pipeline.New("in", pipelinetest.Options())
	seen := 0 // by the one worker
	pipeline.ToFunc(pipeline.From(in, "logs", ledger), "count", func(_ context.Context, m ours.Message) error {
		if count.add(string(m.Data)) > 0 {
			return nil
		}

		seen++
		if i := seen / part; seen%part == part-10 && i < crashes { // with ten more that are there already
			reached <- struct{}{}

			<-down[i]
		}

		return nil
	}, pipeline.Stage{})

	publishing, consuming := pipelinetest.Start(t, out), pipelinetest.Start(t, in)

	go func() {
		defer close(numbers)

		for i, text := range numbered(n) {
			if k := i/part - 1; i%part == 0 && k >= 0 {
				<-down[k]
			}

			numbers <- text
		}
	}()

	for i := range down {
		<-reached
		where.server.Load().Close()
		close(down[i])
		where.start(t, dir)
	}

	<-count.full
	require.NoError(t, out.Wait(t.Context()))
	pipelinetest.Stop(t, publishing)
	pipelinetest.Stop(t, consuming)

	items, undone := ledger.Check(t)
	t.Logf("%d messages, %d deliveries", n, items)
	assert.Zero(t, undone)
	eventually(t, js, 0, 0)

	stream, err := js.Stream(t.Context(), "logs")
	require.NoError(t, err)
	assert.EqualValues(t, n, stream.CachedInfo().State.Msgs, "what was published twice is there once")
}
