package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Publication is a message to be published.
type Publication struct {
	// Subject must be one of the stream's.
	Subject string
	// Header may be nil. It is not to be used any more.
	Header nats.Header
	Data   []byte
	// ID names the message. The stream drops another with the same ID within its duplicate window, two minutes unless it
	// says otherwise. "" means that a message that is published twice is there twice.
	ID string
}

// Sink publishes to a stream. It implements pipeline.Sink.
type Sink[T any] struct {
	js     jetstream.JetStream
	stream string
	encode func(T) (Publication, error)
}

// Publish makes a sink that publishes a message for each item to a stream, which must exist. encode is called by one
// goroutine at a time.
//
// After an error some messages may be in the stream. They are published again with the others when the Write is tried
// again, which a Publication.ID makes harmless. So give the stage retries that outlast a restart of the server, and
// a timeout: a server that neither answers nor closes the connection is waited for until the context ends.
//
// The connection stays the caller's, to be closed after the pipeline has stopped.
func Publish[T any](js jetstream.JetStream, stream string, encode func(T) (Publication, error)) *Sink[T] {
	return &Sink[T]{js: js, stream: stream, encode: encode}
}

func (s *Sink[T]) check() error {
	var errs []error

	if s.js == nil {
		errs = append(errs, errors.New("jetstream.Publish: the client is nil"))
	}

	if s.stream == "" {
		errs = append(errs, errors.New("jetstream.Publish: the name of the stream is empty"))
	}

	if s.encode == nil {
		errs = append(errs, errors.New("jetstream.Publish: the function is nil"))
	}

	return errors.Join(errs...)
}

// Open looks whether the stream exists. It waits for the server.
func (s *Sink[T]) Open(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}

	if _, err := s.js.Stream(ctx, s.stream); err != nil {
		return s.named(err)
	}

	return nil
}

func (s *Sink[T]) named(err error) error {
	return fmt.Errorf("jetstream: stream %q: %w", s.stream, err)
}

// maxPending is how many messages wait for their acknowledgement at a time at most.
const maxPending = 256

// Write publishes the items, and returns when the stream has acknowledged them all. An item that cannot be encoded is
// an error, and none is published. If the connection is lost meanwhile, that is an error as soon as it is known.
func (s *Sink[T]) Write(ctx context.Context, items []T) error {
	all := make([]Publication, len(items))

	for i, item := range items {
		var err error
		if all[i], err = s.encode(item); err != nil {
			return s.named(fmt.Errorf("item %d of %d: %w", i, len(items), err))
		}
	}

	for first := 0; first < len(all); first += maxPending {
		part := all[first:min(first+maxPending, len(all))]

		if i, err := s.publish(ctx, part); err != nil {
			return s.named(fmt.Errorf("item %d of %d: %w", first+i, len(all), err))
		}
	}

	return nil
}

// publish publishes messages and waits for all of them. It returns which one failed.
func (s *Sink[T]) publish(ctx context.Context, all []Publication) (int, error) {
	waiting := make([]jetstream.PubAckFuture, 0, len(all))

	for i, p := range all {
		options := []jetstream.PublishOpt{jetstream.WithExpectStream(s.stream)}
		if p.ID != "" {
			options = append(options, jetstream.WithMsgID(p.ID))
		}

		f, err := s.js.PublishMsgAsync(&nats.Msg{Subject: p.Subject, Header: p.Header, Data: p.Data}, options...)
		if err != nil {
			return i, err //nolint:wrapcheck // named by Write
		}

		waiting = append(waiting, f)
	}

	for i, f := range waiting {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return i, err
		case <-ctx.Done():
			return i, ctx.Err()
		}
	}

	return 0, nil
}

// Close does nothing: what was written is acknowledged.
func (s *Sink[T]) Close(context.Context) error { return nil }
