package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/troupe-go/troupe/examples/shop/load"
	"github.com/troupe-go/troupe/examples/shop/payment"
)

// What its own customers and its bank are like.
const (
	customers = 16
	decline   = 0.1                  // share of cards
	latency   = 5 * time.Millisecond // of the bank, if nothing else is said
	patience  = time.Second
)

// serve opens the shop, and closes it when its own customers have got what they ordered, ctx ends or a signal comes.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.store == "" {
		dir, err := os.MkdirTemp("", "shop")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system cleans up what is left there

		o.store = filepath.Join(dir, "events.db")
	}

	c := config{
		addr: o.addr, store: o.store, report: o.report, catalogue: goods(), patience: patience, grace: o.grace,
		bank: &payment.Simulation{Fail: o.fail, Decline: decline, Latency: o.latency, Seed: o.seed},
		log:  slog.New(slog.NewTextHandler(stderr, nil)),
	}

	own := o.addr == ""
	if own { // connections break all the time, and the summary counts them
		c.addr, c.log = "127.0.0.1:0", slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}

	s, err := open(ctx, c)
	if err != nil {
		return err
	}

	fmt.Fprintf(stdout, "the shop is open: %s\n", s.url)

	var (
		outcome load.Outcome
		crowd   sync.WaitGroup
	)

	if own {
		crowd.Go(func() {
			outcome = s.drive(ctx, o)
			s.sys.Stop()
		})
	}

	err = s.sys.Wait(ctx)

	crowd.Wait()

	orders, herr := history(o.store)

	_, _ = s.sys.Report().WriteTo(stdout) // a broken stdout is not worth more words

	if lost := summary(stdout, orders, slices.Collect(maps.Values(outcome.Accepted)), s.sys.Report()); lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d accepted orders are lost", lost))
	}

	return errors.Join(err, herr)
}

// drive has the shop's own customers order, and waits until what they ordered is shipped or declined.
func (s *running) drive(ctx context.Context, o options) load.Outcome {
	outcome := load.Crowd{
		URL: s.url, Orders: o.orders, Customers: customers, Seed: o.seed, Products: slices.Sorted(maps.Keys(goods())),
	}.Run(ctx)

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	for _, id := range outcome.Accepted {
		if err := awaitOrder(ctx, client, s.url+"/orders/"+id); err != nil {
			return outcome // the shop is closing
		}
	}

	return outcome
}

func awaitOrder(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"?wait=1", http.NoBody)
	if err != nil {
		return err
	}

	answer, err := client.Do(r)
	if err != nil {
		return err
	}

	_, err = io.Copy(io.Discard, answer.Body)

	return errors.Join(err, answer.Body.Close())
}
