package main

import (
	"context"
	"database/sql"
	"slices"
	"time"

	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/examples/ingest/accesslog"
	"github.com/troupe-go/troupe/examples/ingest/bots"
	"github.com/troupe-go/troupe/examples/ingest/totals"
)

// sure is a stage that must not lose anything: what it cannot write it writes later, and at last it fails the pipeline,
// so that the source does not hear that the item is done.
func sure() pipeline.Stage {
	return pipeline.Stage{
		Retry:  pipeline.Retry{Max: 100, Initial: 10 * time.Millisecond, Longest: time.Second},
		Failed: pipeline.FailPipeline(),
	}
}

// entry is a line and what it says.
type entry struct {
	line Line
	says accesslog.Entry
}

// parseAs parses lines.
func parseAs(format accesslog.Format) func(context.Context, Line) (entry, error) {
	return func(_ context.Context, l Line) (entry, error) {
		e, err := format.Parse(string(l.Text))

		return entry{l, e}, err
	}
}

// visit makes of a line what is counted of it. One of a program goes on too, to be counted as that: what is filtered
// could not be told from what has not come yet.
func visit(_ context.Context, e entry) (totals.Visit, error) {
	return totals.Visit{
		Source: e.line.Source, Number: e.line.Number, Time: e.says.Time, Path: e.says.Path, Status: e.says.Status,
		Bytes: e.says.Bytes, Bot: bots.Is(e.says.Agent),
	}, nil
}

// add writes batches in one transaction.
func add(ctx context.Context, tx *sql.Tx, batches [][]totals.Visit) error {
	return totals.Add(ctx, tx, slices.Concat(batches...))
}

// received is the source of the lines in a stream.
type received struct {
	*jetstream.Source

	stream string
	buf    []jetstream.Message
}

const (
	// consumer is the name of the durable consumer that counts.
	consumer = "totals"
	// ackWait is how long after a crash the stream waits before it delivers again what was under way.
	ackWait = 2 * time.Second
	// maxPending is how many lines are under way at most: more than a batch and what waits for it.
	maxPending = 4096
)

func receive(js nats.JetStream, stream string) *received {
	return &received{
		stream: stream,
		Source: jetstream.Consume(js, stream, consumer, jetstream.ConsumeOptions{
			Create: &nats.ConsumerConfig{AckWait: ackWait, MaxAckPending: maxPending},
		}),
	}
}

// Pull hands out lines.
func (s *received) Pull(ctx context.Context, lines []Line) (int, error) {
	if len(s.buf) < len(lines) {
		s.buf = make([]jetstream.Message, len(lines))
	}

	n, err := s.Source.Pull(ctx, s.buf[:len(lines)])
	for i := range s.buf[:n] {
		lines[i] = lineOf(s.stream, &s.buf[i])
	}

	return n, err
}
