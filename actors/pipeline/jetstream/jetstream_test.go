package jetstream_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	ours "github.com/troupe-go/troupe/actors/pipeline/jetstream"
)

var errFailed = errors.New("failed")

func TestWhatIsDoneIsAcknowledgedAndWhatIsNotComesAgain(t *testing.T) {
	for name, confirm := range map[string]bool{"as it goes": false, "confirmed": true} {
		t.Run(name, func(t *testing.T) {
			js := broker(t)
			publish(t, js, "one", "two", "three")

			o := ours.ConsumeOptions{Confirm: confirm, RedeliverAfter: time.Millisecond}
			s := consume(t, js, o, jetstream.ConsumerConfig{})
			all := pull(t, s, 3)
			assert.Equal(t, []string{"one", "two", "three"}, texts(all))

			for i, m := range all {
				assert.Equal(t, uint64(i+1), m.Sequence)
				assert.Equal(t, uint64(1), m.Delivered)
				assert.Equal(t, "logs.a", m.Subject)
				assert.WithinDuration(t, time.Now(), m.Time, time.Minute)
			}

			eventually(t, js, 0, 3)
			require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 2}, {Item: 0}}))
			eventually(t, js, 0, 1)
			require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 1, Err: errFailed}}))

			again := pull(t, s, 1)
			assert.Equal(t, []string{"two"}, texts(again))
			assert.Equal(t, uint64(2), again[0].Sequence, "it is known by its sequence")
			assert.Equal(t, uint64(2), again[0].Delivered)

			require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 3}}))
			eventually(t, js, 0, 0)
			require.ErrorContains(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 3}}), "item 3 is not under way")
		})
	}
}

func TestWhatIsNotDoneWaitsAsLongAsToldBeforeItComesAgain(t *testing.T) {
	js := broker(t)
	publish(t, js, "one")

	s := consume(t, js, ours.ConsumeOptions{RedeliverAfter: 300 * time.Millisecond}, jetstream.ConsumerConfig{})
	pull(t, s, 1)

	begin := time.Now()

	require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0, Err: errFailed}}))
	pull(t, s, 1)
	assert.GreaterOrEqual(t, time.Since(begin), 300*time.Millisecond)
	require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 1}}))
}

// ackWait is how long the server waits to be told that a message is under way. It is told three times as often: where
// other programs use the processors too, the second between is not missed.
const ackWait = 1500 * time.Millisecond

// TestWhatIsUnderWayIsNotDeliveredAgain holds a message for several times as long as the server waits.
func TestWhatIsUnderWayIsNotDeliveredAgain(t *testing.T) {
	js := broker(t)
	publish(t, js, "one")

	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{AckWait: ackWait})
	pull(t, s, 1)

	ctx, cancel := context.WithTimeout(t.Context(), 3*ackWait)
	defer cancel()

	n, err := s.Pull(ctx, make([]ours.Message, 1))
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, n)

	require.NoError(t, s.Close(t.Context())) // and now nobody says that it is under way
	require.NoError(t, s.Open(t.Context()))
	require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0}}), "an item outlives a restart of its source")
	eventually(t, js, 0, 0)
}

func TestWhatIsUnderWayInACrashIsDeliveredAgain(t *testing.T) {
	js := broker(t)
	publish(t, js, "one", "two", "three")

	first := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{AckWait: ackWait})
	assert.Equal(t, []string{"one", "two"}, texts(pull(t, first, 2)))
	require.NoError(t, first.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0}}))
	require.NoError(t, first.Close(t.Context())) // and it is never heard of again

	second := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{AckWait: ackWait})
	assert.ElementsMatch(t, []string{"two", "three"}, texts(pull(t, second, 2)))
	require.NoError(t, second.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0}, {Item: 1}}))
	eventually(t, js, 0, 0)
}

func TestPullWaitsForAMessageAndEndsWithItsContext(t *testing.T) {
	js := broker(t)
	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{})
	pulled := make(chan []string)

	go func() {
		items := make([]ours.Message, 1)
		n, err := s.Pull(t.Context(), items)
		assert.NoError(t, err)

		pulled <- texts(items[:n])
	}()

	publish(t, js, "late")
	assert.Equal(t, []string{"late"}, <-pulled)
	require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0}}))

	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan error)

	go func() {
		_, err := s.Pull(ctx, make([]ours.Message, 1))
		ends <- err
	}()

	cancel()
	require.ErrorIs(t, <-ends, io.EOF)

	publish(t, js, "later") // is not lost to the request that was given up
	assert.Equal(t, []string{"later"}, texts(pull(t, s, 1)))
	require.NoError(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 1}}))
}

func TestNothingIsFetchedThatThePipelineHasNoRoomFor(t *testing.T) {
	js := broker(t)
	publish(t, js, "one", "two", "three", "four")

	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{})
	pull(t, s, 1)
	eventually(t, js, 3, 1)
	pull(t, s, 2)
	eventually(t, js, 1, 3)
}

// entry is an item that knows its id.
type entry struct{ id, text string }

func encodeEntry(e entry) (ours.Publication, error) {
	if e.text == "bad" {
		return ours.Publication{}, errFailed
	}

	return ours.Publication{
		Subject: "logs.b", Data: []byte(e.text), ID: e.id, Header: nats.Header{"Kind": []string{"entry"}},
	}, nil
}

func TestWhatIsPublishedTwiceIsThereOnce(t *testing.T) {
	js := broker(t)
	sink := ours.Publish(js, "logs", encodeEntry)
	require.NoError(t, sink.Open(t.Context()))
	require.NoError(t, sink.Write(t.Context(), []entry{{"1", "one"}, {"2", "two"}}))
	require.NoError(t, sink.Write(t.Context(), []entry{{"2", "two"}, {"3", "three"}}))

	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{})
	all := pull(t, s, 3)
	assert.Equal(t, []string{"one", "two", "three"}, texts(all))
	assert.Equal(t, "entry", all[0].Header.Get("Kind"))
	eventually(t, js, 0, 3)
}

func TestMoreItemsThanWaitAtATimeArriveInOrder(t *testing.T) {
	js := broker(t)

	var want []string
	for i := range 1000 {
		want = append(want, strconv.Itoa(i))
	}

	publish(t, js, want...)

	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{MaxAckPending: 2000})
	assert.Equal(t, want, texts(pull(t, s, 1000)))
}

func TestAWriteSaysWhichItemFailed(t *testing.T) {
	js := broker(t)
	sink := ours.Publish(js, "logs", encodeEntry)
	err := sink.Write(t.Context(), []entry{{"1", "one"}, {"2", "bad"}})
	require.ErrorIs(t, err, errFailed)
	require.ErrorContains(t, err, `jetstream: stream "logs": item 1 of 2: `)

	elsewhere := ours.Publish(js, "logs", func(text string) (ours.Publication, error) {
		return ours.Publication{Subject: text, Data: []byte(text)}, nil
	})
	err = elsewhere.Write(t.Context(), []string{"logs.a", "nowhere"})
	require.ErrorIs(t, err, jetstream.ErrNoStreamResponse)
	require.ErrorContains(t, err, "item 1 of 2: ")

	_, err = js.UpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "logs", Subjects: []string{"logs.>"}, MaxMsgs: 1, Discard: jetstream.DiscardNew,
	})
	require.NoError(t, err)
	require.ErrorContains(t, sink.Write(t.Context(), []entry{{"3", "three"}}), "maximum messages exceeded")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, sink.Write(ctx, []entry{{"4", "four"}}))
}

func TestWhatIsWrongIsSaidAtOpen(t *testing.T) {
	err := ours.Consume(nil, "", "", ours.ConsumeOptions{RedeliverAfter: -1}).Open(t.Context())
	for _, part := range []string{"client is nil", "stream is empty", "consumer is empty", "RedeliverAfter: -1ns"} {
		require.ErrorContains(t, err, part)
	}

	err = ours.Publish[string](nil, "", nil).Open(t.Context())
	for _, part := range []string{"client is nil", "stream is empty", "function is nil"} {
		require.ErrorContains(t, err, part)
	}

	js := broker(t)
	err = ours.Publish(js, "none", encodeEntry).Open(t.Context())
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, `stream "none"`)

	err = ours.Consume(js, "logs", "none", ours.ConsumeOptions{}).Open(t.Context())
	require.ErrorIs(t, err, jetstream.ErrConsumerNotFound)
	require.ErrorContains(t, err, `consumer "none" of stream "logs"`)

	err = ours.Consume(js, "logs", "careless", ours.ConsumeOptions{
		Create: &jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy},
	}).Open(t.Context())
	require.ErrorContains(t, err, "its acknowledgement policy is AckNone, must be explicit")
}

func TestABrokerThatHasGoneIsAFailure(t *testing.T) {
	js := broker(t)
	publish(t, js, "one")

	s := consume(t, js, ours.ConsumeOptions{}, jetstream.ConsumerConfig{})
	pull(t, s, 1)
	js.Conn().Close()

	_, err := s.Pull(t.Context(), make([]ours.Message, 1))
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	require.ErrorIs(t, s.Acknowledge(t.Context(), []pipeline.Ack{{Item: 0}}), nats.ErrConnectionClosed)
}

// TestAConfirmedAcknowledgementIsHeard acknowledges to a server that has lost the consumer.
func TestAConfirmedAcknowledgementIsHeard(t *testing.T) {
	for name, confirm := range map[string]bool{"as it goes": false, "confirmed": true} {
		t.Run(name, func(t *testing.T) {
			js := broker(t)
			publish(t, js, "one")

			s := consume(t, js, ours.ConsumeOptions{Confirm: confirm}, jetstream.ConsumerConfig{})
			pull(t, s, 1)
			require.NoError(t, js.DeleteConsumer(t.Context(), "logs", "test"))

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()

			err := s.Acknowledge(ctx, []pipeline.Ack{{Item: 0}})
			assert.Equal(t, confirm, err != nil, "%v", err)
		})
	}
}
