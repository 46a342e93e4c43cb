package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/api"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/payment"
	"github.com/troupe-go/troupe/examples/shop/store"
	"github.com/troupe-go/troupe/system"
)

// config is what the tree is declared from.
type config struct {
	addr, store, report string
	catalogue           inventory.Catalogue
	bank                payment.Gateway
	patience            time.Duration // with the bank
	grace               time.Duration // of a stop; 0 means system.DefaultGrace
	log                 *slog.Logger
}

// goods is what the shop sells, at prices in cents.
func goods() inventory.Catalogue {
	const plenty = 1_000_000

	return inventory.Catalogue{
		"tea": {Price: 450, Stock: plenty}, "coffee": {Price: 790, Stock: plenty}, "cup": {Price: 1200, Stock: plenty},
	}
}

// running is a shop that is open.
type running struct {
	*shop

	sys *system.System
	url string
}

// open starts a shop. It is open until its system is shut down.
func open(ctx context.Context, c config) (*running, error) {
	var sys atomic.Pointer[system.System] // set once it has started, which is after the server has

	s := declare(c, func(ctx context.Context) api.Health {
		if sys := sys.Load(); sys != nil {
			return health(ctx, sys)
		}

		return api.Health{Live: true, Why: map[string]string{"/": "starting"}}
	})

	started, err := system.Start(ctx, s.tree, system.Options{ReportFile: c.report, Logger: c.log, Grace: c.grace})
	if err != nil {
		return nil, err
	}

	sys.Store(started)

	url, err := actors.Ask(ctx, s.api.From(started.Intake()), func(r actors.Reply[string]) api.Where {
		return api.Where{Reply: r}
	})
	if err != nil {
		started.Stop()
		<-started.Done()

		return nil, err
	}

	return &running{shop: s, sys: started, url: url}, nil
}

// health says that the shop is ready if everything in it runs, save that payment clients and workers may come and go.
func health(ctx context.Context, sys *system.System) api.Health {
	why := make(map[string]string)
	root := sys.Health(ctx)

	for n := range root.Unwell() {
		switch above := path.Base(path.Dir(n.Path)); {
		case above == "payments", above == "fulfilment":
		case n.Degraded != nil:
			why[n.Path] = n.Degraded.Error()
		default:
			why[n.Path] = n.State.String()
		}
	}

	return api.Health{Live: root.Live(), Ready: len(why) == 0, Why: why}
}

// history is what a store's file says of each order: the last state it came into, by id.
func history(file string) (orders map[string]order.Order, err error) {
	journal, err := store.Open(file)
	if err != nil {
		return nil, err
	}

	orders = make(map[string]order.Order)

	for after := uint64(0); err == nil; {
		var events []order.Event
		if events, err = journal.Read(after, store.Page); len(events) == 0 {
			break
		}

		for _, e := range events {
			orders[e.Order.ID] = e.Order
			after = e.Seq
		}
	}

	if cerr := journal.Close(); err == nil {
		err = cerr
	}

	return orders, err
}

// summary prints what became of the orders. Lost are those that a customer was told to be accepted and the store has
// not.
func summary(w io.Writer, orders map[string]order.Order, told []string, report *system.Report) (lost int) {
	for _, id := range told {
		if _, found := orders[id]; !found {
			lost++
		}
	}

	count := make(map[order.State]int)
	cents := int64(0)

	for o := range maps.Values(orders) {
		count[o.State]++

		if o.State == order.Paid || o.State == order.Shipped {
			cents += o.Total()
		}
	}

	fmt.Fprintf(w, `
orders accepted  %6d
       shipped   %6d
       declined  %6d
       open      %6d
       lost      %6d
revenue          %9.2f
restarts seen    %6d
unaccounted      %6d
`, len(orders), count[order.Shipped], count[order.Declined], count[order.Accepted]+count[order.Paid], lost,
		float64(cents)/100, report.Restarts, report.Unaccounted)

	return lost
}
