package jetstream_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors/pipeline"
	ours "github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/actors/pipeline/jetstream/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ pipeline.Source[ours.Message] = (*ours.Source)(nil)
	_ pipeline.Acknowledger         = (*ours.Source)(nil)
	_ pipeline.Sink[string]         = (*ours.Sink[string])(nil)
)

// broker returns a client with an empty stream "logs" of the subjects logs.>, on the server of TROUPE_NATS_URL, or an
// embedded one.
func broker(t *testing.T) jetstream.JetStream {
	t.Helper()

	var (
		conn *nats.Conn
		err  error
	)

	if url := os.Getenv("TROUPE_NATS_URL"); url != "" {
		conn, err = nats.Connect(url)
	} else {
		server, startErr := embedded.Start(t.TempDir())
		require.NoError(t, startErr)
		t.Cleanup(server.Close)

		conn, err = server.Connect()
	}

	require.NoError(t, err)
	t.Cleanup(conn.Close)

	js, err := jetstream.New(conn)
	require.NoError(t, err)

	_ = js.DeleteStream(t.Context(), "logs") // of a test before

	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "logs", Subjects: []string{"logs.>"}})
	require.NoError(t, err)

	return js
}

// publish publishes texts.
func publish(t *testing.T, js jetstream.JetStream, texts ...string) {
	t.Helper()

	s := ours.Publish(js, "logs", func(text string) (ours.Publication, error) {
		return ours.Publication{Subject: "logs.a", Data: []byte(text)}, nil
	})
	require.NoError(t, s.Open(t.Context()))
	require.NoError(t, s.Write(t.Context(), texts))
	require.NoError(t, s.Close(t.Context()))
}

// consume opens a source of the stream.
func consume(
	t *testing.T, js jetstream.JetStream, o ours.ConsumeOptions, config jetstream.ConsumerConfig,
) *ours.Source {
	t.Helper()

	o.Create = &config
	s := ours.Consume(js, "logs", "test", o)
	require.NoError(t, s.Open(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Close(context.WithoutCancel(t.Context()))) })

	return s
}

// pull returns exactly n messages.
func pull(t *testing.T, s *ours.Source, n int) (all []ours.Message) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	for len(all) < n {
		items := make([]ours.Message, n-len(all))
		got, err := s.Pull(ctx, items)
		require.NoError(t, err)

		all = append(all, items[:got]...)
	}

	return all
}

func texts(all []ours.Message) (texts []string) {
	for _, m := range all {
		texts = append(texts, string(m.Data))
	}

	return texts
}

// eventually asks for the state of the consumer until it is as wanted: acknowledgements arrive when they arrive.
func eventually(t *testing.T, js jetstream.JetStream, pending, unacknowledged int) {
	t.Helper()

	require.Eventually(t, func() bool {
		p, u, ok := state(t, js)

		return ok && p == pending && u == unacknowledged
	}, 30*time.Second, 10*time.Millisecond, "%d pending, %d unacknowledged", pending, unacknowledged)
}

// state returns how many messages were not delivered so far, and how many were and are not acknowledged.
func state(t *testing.T, js jetstream.JetStream) (pending, unacknowledged int, ok bool) {
	t.Helper()

	c, err := js.Consumer(t.Context(), "logs", "test")
	if err != nil {
		return 0, 0, false
	}

	info := c.CachedInfo()

	return int(info.NumPending), info.NumAckPending, true
}
