package main

import (
	"context"
	"database/sql"
	"time"

	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/actors/pipeline/sqlsink"
	"github.com/troupe-go/troupe/examples/ingest/totals"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/deadletters"
)

// config is what the tree is declared from.
type config struct {
	options

	js      nats.JetStream
	db      *sql.DB
	letters *deadletters.Store
	input   *input           // unless lines are posted or replayed
	onOpen  func(url string) // called when the server listens
}

// app is the declared tree, and its pipelines.
type app struct {
	tree           supervision.Tree
	collect, count *pipeline.Pipeline
}

// declare declares the tree, which is drawn in doc.go.
func declare(c config) *app {
	budget := supervision.Budget{Restarts: 5, Within: time.Minute}
	a := &app{
		collect: pipeline.New("collect", pipeline.Options{Budget: budget, InFlight: c.inFlight()}),
		count:   pipeline.New("count", pipeline.Options{Budget: budget}),
	}
	a.tree = supervision.Tree{Name: "ingest", Budget: budget, Children: supervision.On(a.collect, a.count)}

	lines := c.lines(a)
	if c.rate > 0 {
		lines = pipeline.Throttle(lines, "rate", pipeline.Rate{PerSecond: c.rate, Burst: 1 + int(c.rate/100)})
	}

	pipeline.To(lines, "publish", jetstream.Publish(c.js, c.stream, func(l Line) (jetstream.Publication, error) {
		return l.publication(subject(c.stream)), nil
	}), sure())

	bad, failures := pipeline.NewSide[Line](a.count, "bad", pipeline.Stage{})
	received := pipeline.From(a.count, "stream", pipeline.Source[Line](receive(c.js, c.stream)))
	entries := pipeline.Map(received, "parse", parseAs(c.format), pipeline.Stage{Workers: 2, Failed: bad.Policy()})
	visits := pipeline.Map(entries, "bots", visit, pipeline.Stage{})
	batches := pipeline.Batch(visits, "batch", pipeline.BatchSize[totals.Visit]{
		Items: 500, Every: 100 * time.Millisecond,
	}, pipeline.Stage{})
	pipeline.To(batches, "totals", sqlsink.New(c.db, sqlsink.Options[[]totals.Visit]{
		Setup: totals.Setup(), Write: add,
	}), sure())
	pipeline.To(failures, "letters", letters{c.letters}, sure())

	return a
}

// maxRequests is how many requests are on their way at a time, of at most 1 MiB each; more are answered 429.
const maxRequests = 64

// inFlight is how many items of the source are on their way at most: of lines about as many as go in a second, so that
// they have gone soon after a signal. 0 leaves it to the pipeline.
func (c config) inFlight() int {
	switch {
	case c.input == nil:
		return maxRequests
	case c.rate > 0 && c.rate < pipeline.DefaultInFlight:
		return 1 + int(c.rate)
	default:
		return 0
	}
}

// lines declares where lines come from.
func (c config) lines(a *app) pipeline.Flow[Line] {
	var requests pipeline.Flow[request]

	switch {
	case c.replay:
		requests = pipeline.From(a.collect, "letters", pipeline.Source[request](newReplay(c.letters)))
	case c.http != "":
		source := newRequests()
		requests = pipeline.From(a.collect, "requests", pipeline.Source[request](source))
		a.tree.Children = append(a.tree.Children, supervision.Actor("http", func(supervision.Deps) (*server, error) {
			return &server{addr: c.http, handler: source, onOpen: c.onOpen}, nil
		}, supervision.Spec{Restart: supervision.Permanent, DependsOn: supervision.On(a.collect)}))
	default:
		return pipeline.From(a.collect, "lines", pipeline.Source[Line](c.input))
	}

	return pipeline.FlatMap(requests, "split", func(_ context.Context, r request, emit func(Line)) error {
		for _, l := range r.Lines {
			emit(l)
		}

		return nil
	}, pipeline.Stage{})
}
