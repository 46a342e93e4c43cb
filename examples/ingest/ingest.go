package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/actors/pipeline/jetstream/embedded"
	"github.com/troupe-go/troupe/examples/ingest/totals"
	"github.com/troupe-go/troupe/system"
)

// ingest does what the options say, until all lines are counted, ctx ends or a signal comes.
func ingest(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.db == "" {
		dir, err := os.MkdirTemp("", "ingest")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system cleans up what is left there

		o.db = filepath.Join(dir, "totals.db")
	}

	store, err := openLetters(o.db + ".letters")
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, store.Close()) }()

	if o.list {
		signal.Reset() // there is nothing to stop in order

		return list(store, stdout)
	}

	db, err := openDB(ctx, o.db)
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, db.Close()) }()

	js, hangUp, err := dial(ctx, o)
	if err != nil {
		return err
	}

	defer hangUp()

	c := config{options: o, js: js, db: db, letters: store, onOpen: func(url string) {
		fmt.Fprintf(stderr, "ingest: post lines to %s\n", url)
	}}
	if !o.replay && o.http == "" {
		if c.input, err = openInput(o); err != nil {
			return err
		}
	}

	report, err := c.run(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
	if report == nil {
		return err
	}

	if !o.json {
		_, _ = report.WriteTo(stdout) // a broken stdout is not worth more words
	}

	return errors.Join(err, c.show(context.WithoutCancel(ctx), stdout))
}

func subject(stream string) string { return stream + ".lines" }

const (
	// maxWaiting is how many lines wait in the stream at most. If there are so many, collecting waits.
	maxWaiting = 100_000
	// duplicates is how long the stream recognises what is published again. It keeps the names of so many lines in memory.
	duplicates = 30 * time.Second
	// patience is how long the broker may take to answer, say how much is waiting, and a database that others open too.
	patience = 30 * time.Second
)

// dial connects to the broker, starting one if there is none, and makes the stream. What was acknowledged leaves it.
func dial(ctx context.Context, o options) (js nats.JetStream, hangUp func(), err error) {
	var conn *client.Conn

	stop := func() {}

	if o.nats != "" {
		conn, err = client.Connect(o.nats)
	} else {
		var server *embedded.Server
		if server, err = embedded.Start(o.db + ".stream"); err == nil {
			stop = server.Close
			conn, err = server.Connect()
		}
	}

	if err != nil {
		stop()

		return nil, nil, fmt.Errorf("the broker: %w", err)
	}

	hangUp = func() {
		conn.Close()
		stop()
	}

	if js, err = nats.New(conn, nats.WithDefaultTimeout(patience)); err == nil {
		_, err = js.CreateOrUpdateStream(ctx, nats.StreamConfig{
			Name: o.stream, Subjects: []string{subject(o.stream)}, Retention: nats.WorkQueuePolicy,
			MaxMsgs: maxWaiting, Discard: nats.DiscardNew, Duplicates: duplicates,
		})
	}

	if err != nil {
		hangUp()

		return nil, nil, fmt.Errorf("the stream %q: %w", o.stream, err)
	}

	return js, hangUp, nil
}

// run runs the tree. There is no report if it has not started.
func (c config) run(ctx context.Context, log *slog.Logger) (*system.Report, error) {
	a := declare(c)

	sys, err := system.Start(ctx, a.tree, system.Options{
		OnLetters: c.letters.Keep, ReportFile: c.report, Grace: c.grace, Logger: log, Interrupts: c.interrupts,
	})
	if err != nil {
		return nil, err
	}

	var (
		failed error
		end    sync.WaitGroup
	)

	work, cancel := context.WithCancel(ctx)
	defer cancel()

	if c.http == "" { // else there is no end
		end.Go(func() {
			if err := c.finish(work, a); work.Err() == nil {
				failed = err

				sys.Stop()
			}
		})
	}

	err = sys.Wait(ctx)

	cancel()
	end.Wait()

	return sys.Report(), errors.Join(err, failed)
}

// poll is how often the stream is asked whether there is still something in it.
const poll = 50 * time.Millisecond

// finish returns when all lines are in the stream and the consumer has done with them.
func (c config) finish(ctx context.Context, a *app) error {
	if err := a.collect.Wait(ctx); err != nil {
		return err
	}

	counting, err := c.js.Consumer(ctx, c.stream, consumer)
	if err != nil {
		return fmt.Errorf("the consumer %q of the stream %q: %w", consumer, c.stream, err)
	}

	ticker := time.NewTicker(poll)
	defer ticker.Stop()

	for {
		// It is not asked what the stream still has: a server that was stopped just as it heard of the last acknowledgements
		// can keep messages that it knows to be done.
		switch info, err := counting.Info(ctx); {
		case err != nil:
			return fmt.Errorf("the consumer %q of the stream %q: %w", consumer, c.stream, err)
		case info.NumPending == 0 && info.NumAckPending == 0:
			return nil
		}

		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// result is what -json prints.
type result struct {
	totals.Totals

	// Bad are the lines among the dead letters, and Replayed is how many letters have left the file for another try.
	Bad      int    `json:"bad"`
	Replayed uint64 `json:"replayed"`
}

// show prints the totals.
func (c config) show(ctx context.Context, stdout io.Writer) error {
	t, err := totals.Read(ctx, c.db)
	bad, berr := badLines(c.letters)
	stats, serr := c.letters.Stats()

	if err := errors.Join(err, berr, serr); err != nil {
		return err
	}

	r := result{Totals: t, Bad: bad, Replayed: stats.Replayed}
	if c.json {
		return json.NewEncoder(stdout).Encode(r)
	}

	fmt.Fprintf(stdout, `
lines counted %8d
  of programs %8d, dropped
  requests    %8d, of them %d errors, %d bytes
  minutes     %8d
  paths       %8d
bad lines     %8d, replayed %d
`, r.Lines, r.Bots, r.Requests, r.Errors, r.Bytes, len(r.Minutes), len(r.Paths), r.Bad, r.Replayed)

	return nil
}
