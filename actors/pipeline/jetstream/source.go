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
	// Confirm has the source wait until the server has heard each acknowledgement, five seconds at most; after that it
	// fails. Without it, acknowledgements that are lost with a connection are messages that come again.
	Confirm bool
	// RedeliverAfter is how long the server waits before it delivers again what was not done. 0 means
	// [DefaultRedeliverAfter]. With much less a pipeline that has failed may be delivered its own messages again while it
	// comes down, and those come after AckWait then.
	RedeliverAfter time.Duration
}

// DefaultRedeliverAfter is how long the server waits if ConsumeOptions.RedeliverAfter is 0.
const DefaultRedeliverAfter = time.Second

const (
	maxFetch    = 256             // messages that are asked for at a time at most
	confirmTime = 5 * time.Second // for an acknowledgement to be confirmed
	heartbeat   = 2 * time.Second // of a server that has no message; after twice that the connection is lost
)

var errNotOpen = errors.New("the source is not open")

// Source is a pull consumer. It implements pipeline.Source and pipeline.Acknowledger.
type Source struct {
	js              jetstream.JetStream
	stream, durable string
	options         ConsumeOptions

	// The following are for who opens, pulls and closes.
	consumer jetstream.Consumer
	pending  int    // MaxAckPending of the consumer, negative if there is no bound
	beats    *beats // nil if closed

	mu   sync.Mutex // guards the following
	next uint64     // the number of the next item
	held map[uint64]jetstream.Msg
}

// Consume makes a source of the messages that a durable pull consumer of a stream delivers. Nothing is fetched that is
// not handed out at once, so a message waits in the stream while the pipeline is full, and another process with the
// same consumer can have it.
//
// A message whose item is acknowledged is acknowledged, also if the item is a dead letter: that is where it is to be
// found. If the pipeline has failed or ended before the item was finished, it is Nak, with the delay RedeliverAfter. It
// is never Term: most items of a failed pipeline have done nothing wrong. The consumer's MaxDeliver bounds deliveries.
//
// As long as an item is under way, the server is told so three times in the consumer's AckWait, and does not deliver it
// to another. What was under way when the process ended, and a message that was on its way when the intake ended, is
// delivered again after AckWait.
//
// While the connection is lost the source waits for as long as the client tries to connect again (nats.MaxReconnects).
// After that, or if the server has lost the consumer, it fails.
//
// It keeps each message until it is acknowledged: at most MaxAckPending of the consumer, and what the pipeline holds.
// If several processes share a consumer, let MaxAckPending be more than they hold together: when it is reached, a Pull
// can wait a second for messages that do not come before it hands out those that did.
//
// A source is for one system. The connection stays the caller's, to be closed after the pipeline has stopped.
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

	s.consumer, s.pending = consumer, config.MaxAckPending
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
	if s.consumer == nil {
		return 0, s.named(errNotOpen)
	}

	for ctx.Err() == nil {
		if most := min(len(items), maxFetch, s.room()); most > 0 {
			batch, err := s.consumer.FetchNoWait(most)
			if n, err := s.take(items, batch, err); n > 0 || err != nil {
				return n, err
			}
		}

		batch, err := s.consumer.Fetch(1, jetstream.FetchContext(endless{ctx}),
			jetstream.FetchHeartbeat(heartbeat))

		n, err := s.take(items, batch, err)
		if n > 0 || err != nil && ctx.Err() == nil && !errors.Is(err, jetstream.ErrNoHeartbeat) {
			return n, err // without a heartbeat the connection is lost, and the client makes another, or closes it
		}
	}

	return 0, io.EOF
}

// endless is a context that does not tell when it ends. The client would take that for the time to wait, which it
// refuses if it is short.
type endless struct{ context.Context }

// Deadline says that there is none.
func (endless) Deadline() (t time.Time, ok bool) { return t, false }

// room returns how many messages the server will deliver before it hears of others. It says nothing when there are no
// more because of that bound, so a request for more would be waited for.
func (s *Source) room() int {
	if s.pending < 0 {
		return maxFetch
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	return s.pending - len(s.held)
}

// take takes all messages of one request.
func (s *Source) take(items []Message, batch jetstream.MessageBatch, err error) (int, error) {
	if err != nil {
		return 0, s.named(err)
	}

	n := 0

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
func (s *Source) release(item uint64) (jetstream.Msg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	m, ok := s.held[item]
	if !ok {
		return nil, fmt.Errorf("item %d is not under way: a source is for one system", item)
	}

	delete(s.held, item)

	return m, nil
}

func (s *Source) underway() []jetstream.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.Collect(maps.Values(s.held))
}

// Acknowledge tells the server what became of messages. With ConsumeOptions.Confirm it waits for the server.
func (s *Source) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	errs := make([]error, 0, len(acks))

	for _, a := range acks {
		m, err := s.release(a.Item)
		if err == nil {
			err = s.settle(ctx, m, a.Err == nil)
		}

		errs = append(errs, err)
	}

	if err := errors.Join(errs...); err != nil {
		return s.named(err)
	}

	return nil
}

func (s *Source) settle(ctx context.Context, m jetstream.Msg, done bool) error {
	switch {
	case !done:
		after := cmp.Or(s.options.RedeliverAfter, DefaultRedeliverAfter)

		return m.NakWithDelay(after) //nolint:wrapcheck // named by Acknowledge
	case s.options.Confirm:
		ctx, cancel := context.WithTimeout(ctx, confirmTime) // the server may be lost with the question
		defer cancel()

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
