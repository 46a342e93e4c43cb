package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/actors/pipeline"
)

// Message is a message of a stream.
type Message struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Sequence is its number in the stream, from 1: the same whenever it is delivered.
	Sequence uint64
	// Delivered is how often it was delivered to the consumer, this time included.
	Delivered uint64
	// Time is when it was published.
	Time time.Time
}

// ConsumeOptions configure a source.
type ConsumeOptions struct {
	// Create, if it is not nil, is how the consumer is made if there is none, or changed if it is another; its Durable
	// is set to the name. AckPolicy must be explicit, which is what the zero value is.
	Create *jetstream.ConsumerConfig
	// Confirm has the source wait until the server has heard each acknowledgement. Without it, acknowledgements that are
	// lost with a connection are messages that come again.
	Confirm bool
	// RedeliverAfter is how long the server waits before it delivers again what was not done. 0 means at once.
	RedeliverAfter time.Duration
}

// maxFetch is how many messages are asked for at a time at most.
const maxFetch = 256

// Source is a pull consumer. It implements pipeline.Source and pipeline.Acknowledger.
type Source struct {
	js              jetstream.JetStream
	stream, durable string
	options         ConsumeOptions

	// The following are for who opens, pulls and closes.
	consumer jetstream.Consumer
	beats    *beats // nil if closed

	mu   sync.Mutex // guards the following
	next uint64     // the number of the next item
	held map[uint64]jetstream.Msg
}

// Consume makes a source of the messages that a durable pull consumer of a stream delivers. Nothing is fetched that is
// not handed out at once, so a message waits in the stream while the pipeline is full, and another process with the same
// consumer can have it.
//
// As long as an item is under way, the server is told so three times in the consumer's AckWait, and does not deliver it
// to another. When the pipeline fails, or the process ends, what was not acknowledged is delivered again: at once, or
// after AckWait. What MaxDeliver of the consumer says about a message that fails again and again is the server's affair.
//
// It keeps each message until it is acknowledged: at most MaxAckPending of the consumer, and what the pipeline holds. The
// connection stays the caller's, to be closed after the pipeline has stopped.
func Consume(js jetstream.JetStream, stream, consumer string, options ConsumeOptions) *Source {
	return &Source{
		js: js, stream: stream, durable: consumer, options: options, held: map[uint64]jetstream.Msg{},
	}
}

func (s *Source) check() error {
	var errs []error

	if s.js == nil {
		errs = append(errs, errors.New("jetstream.Consume: the client is nil"))
	}

	if s.stream == "" {
		errs = append(errs, errors.New("jetstream.Consume: the name of the stream is empty"))
	}

	if s.durable == "" {
		errs = append(errs, errors.New("jetstream.Consume: the name of the consumer is empty"))
	}

	if s.options.RedeliverAfter < 0 {
		errs = append(errs, fmt.Errorf("jetstream.ConsumeOptions.RedeliverAfter: %v is negative",
			s.options.RedeliverAfter))
	}

	return errors.Join(errs...)
}

func (s *Source) named(err error) error {
	return fmt.Errorf("jetstream: consumer %q of stream %q: %w", s.durable, s.stream, err)
}

// Open finds the consumer, or makes it. It waits for the server.
func (s *Source) Open(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}

	consumer, err := s.find(ctx)
	if err != nil {
		return s.named(err)
	}

	config := consumer.CachedInfo().Config
	if config.AckPolicy != jetstream.AckExplicitPolicy {
		return s.named(fmt.Errorf("its acknowledgement policy is %v, must be explicit", config.AckPolicy))
	}

	s.consumer = consumer
	s.beats = startBeats(cmp.Or(config.AckWait, defaultAckWait)/beatsInWait, s.underway)

	return nil
}

func (s *Source) find(ctx context.Context) (jetstream.Consumer, error) {
	if s.options.Create == nil {
		return s.js.Consumer(ctx, s.stream, s.durable) //nolint:wrapcheck // named by Open
	}

	config := *s.options.Create
	config.Durable = s.durable

	return s.js.CreateOrUpdateConsumer(ctx, s.stream, config) //nolint:wrapcheck // named by Open
}

// Pull takes what the stream has, or waits for one message.
func (s *Source) Pull(ctx context.Context, items []Message) (int, error) {
	for ctx.Err() == nil {
		n, err := s.fetch(items, func(most int) (jetstream.MessageBatch, error) { return s.consumer.FetchNoWait(most) })
		if n > 0 || err != nil {
			return n, err
		}

		n, err = s.fetch(items[:1], func(int) (jetstream.MessageBatch, error) {
			return s.consumer.Fetch(1, jetstream.FetchContext(ctx))
		})
		if n > 0 || err != nil && ctx.Err() == nil {
			return n, err
		}
	}

	return 0, io.EOF
}

// fetch takes all messages of one request.
func (s *Source) fetch(items []Message, request func(most int) (jetstream.MessageBatch, error)) (n int, err error) {
	batch, err := request(min(len(items), maxFetch))
	if err != nil {
		return 0, s.named(err)
	}

	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return n, s.named(err) // not a message of a stream: no server sends it
		}

		items[n] = Message{
			Subject: m.Subject(), Header: m.Headers(), Data: m.Data(),
			Sequence: meta.Sequence.Stream, Delivered: meta.NumDelivered, Time: meta.Timestamp,
		}
		n++

		s.hold(m)
	}

	if err := batch.Error(); err != nil {
		return n, s.named(err)
	}

	return n, nil
}

func (s *Source) hold(m jetstream.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.held[s.next] = m
	s.next++
}

// release forgets the message of an item.
func (s *Source) release(item uint64) jetstream.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()

	m := s.held[item]
	delete(s.held, item)

	return m
}

func (s *Source) underway() []jetstream.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.Collect(maps.Values(s.held))
}

// Acknowledge tells the server what became of messages. With ConsumeOptions.Confirm it waits for the server.
func (s *Source) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	var errs []error

	for _, a := range acks {
		if m := s.release(a.Item); m != nil {
			errs = append(errs, s.settle(ctx, m, a.Err == nil))
		}
	}

	if err := errors.Join(errs...); err != nil {
		return s.named(err)
	}

	return nil
}

func (s *Source) settle(ctx context.Context, m jetstream.Msg, done bool) error {
	switch {
	case !done:
		return m.NakWithDelay(s.options.RedeliverAfter) //nolint:wrapcheck // named by Acknowledge
	case s.options.Confirm:
		return m.DoubleAck(ctx) //nolint:wrapcheck // named by Acknowledge
	default:
		return m.Ack() //nolint:wrapcheck // named by Acknowledge
	}
}

// Close stops telling the server what is under way.
func (s *Source) Close(context.Context) error {
	if s.beats == nil {
		return nil
	}

	err := s.beats.stop()
	s.beats = nil

	if err != nil {
		return s.named(err)
	}

	return nil
}
