package main

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/api"
	"github.com/troupe-go/troupe/examples/shop/desk"
	"github.com/troupe-go/troupe/examples/shop/fulfilment"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/payment"
	"github.com/troupe-go/troupe/examples/shop/projection"
	"github.com/troupe-go/troupe/examples/shop/store"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// maxOpen is how many orders may be open at a time; as many that are just finished may still have their workers.
const maxOpen = 128

// shop is the declared tree, and the declarations that others refer to.
type shop struct {
	tree      supervision.Tree
	store     *supervision.ActorChild[store.Msg]
	inventory *supervision.ActorChild[inventory.Msg]
	sales     *supervision.ActorChild[projection.Msg[projection.Sales]]
	pace      *supervision.ActorChild[projection.Msg[projection.Pace]]
	feed      *supervision.ActorChild[projection.Advance]
	ledger    *supervision.ActorChild[ledger.Msg]
	payments  *supervision.PoolChild[payment.Charge]
	workers   *supervision.GroupChild[fulfilment.Done, string]
	desk      *supervision.ActorChild[desk.Place]
	api       *supervision.ActorChild[api.Where]
}

// declare declares the whole shop. The picture is in doc.go.
func declare(c config, health func(context.Context) api.Health) *shop {
	s := new(shop)

	s.store = supervision.Actor("store", func(supervision.Deps) (*store.Store, error) {
		return store.New(c.store), nil
	}, supervision.Spec{Restart: supervision.Permanent, Mailbox: &mailbox.Options{Capacity: 1024}, Backoff: quick()})
	s.inventory = supervision.Actor("inventory", func(in supervision.Deps) (*inventory.Inventory, error) {
		return inventory.New(s.store.From(in), c.catalogue), nil
	}, permanent(64, s.store))

	s.sales = supervision.Actor("sales", func(supervision.Deps) (*projection.Projection[projection.Sales], error) {
		return projection.NewSales(), nil
	}, permanent(64))
	s.pace = supervision.Actor("pace", func(supervision.Deps) (*projection.Projection[projection.Pace], error) {
		return projection.NewPace(), nil
	}, permanent(64))
	feedSpec := permanent(1, s.store, s.sales, s.pace)
	feedSpec.Mailbox.Overflow = mailbox.Reject // one hint that there is more is enough
	s.feed = supervision.Actor("feed", func(in supervision.Deps) (*projection.Feed, error) {
		return projection.NewFeed(s.store.From(in), s.sales.From(in), s.pace.From(in)), nil
	}, feedSpec)

	s.ledger = supervision.Actor("ledger", func(in supervision.Deps) (*ledger.Ledger, error) {
		feed := s.feed.From(in)

		return ledger.New(s.store.From(in), func() { _ = feed.TryTell(projection.Advance{}) }, maxOpen), nil
	}, permanent(1024, s.store, s.feed))

	s.payments = supervision.Pool("payments", func(supervision.Deps) (*payment.Client, error) {
		return payment.NewClient(c.bank, c.patience), nil
	}, supervision.PoolSpec[payment.Charge]{
		Size: 4, Routing: actors.LeastLoaded[payment.Charge](), Budget: perTenSeconds(10_000),
		Member: supervision.Spec{
			Mailbox: &mailbox.Options{Capacity: maxOpen}, Decide: reconnect, Backoff: atOnce(), Redeliver: 3,
		},
	})
	s.workers = supervision.DynamicGroup("fulfilment", func(in supervision.Deps, id string) (*fulfilment.Worker, error) {
		return fulfilment.New(id, s.ledger.From(in), s.payments.From(in)), nil
	}, supervision.GroupSpec{
		MaxChildren: 2 * maxOpen, Budget: perTenSeconds(1000), Restart: supervision.Permanent,
		Child: supervision.Spec{DependsOn: supervision.On(s.ledger, s.payments), Backoff: quick()},
	})

	deskSpec := permanent(32, s.inventory, s.ledger, s.workers)
	deskSpec.Mailbox.Overflow = mailbox.Reject // the customer is told to come again
	s.desk = supervision.Actor("desk", func(in supervision.Deps) (*desk.Desk, error) {
		return desk.New(s.inventory.From(in), s.ledger.From(in), carryOut(s.workers.From(in))), nil
	}, deskSpec)
	s.api = supervision.Actor("api", func(in supervision.Deps) (*api.Server, error) {
		return api.New(c.addr, api.Shop{
			Desk: s.desk.From(in), Ledger: s.ledger.From(in), Inventory: s.inventory.From(in),
			Sales: s.sales.From(in), Pace: s.pace.From(in), Health: health,
		}), nil
	}, supervision.Spec{
		Restart: supervision.Permanent, DependsOn: supervision.On(s.desk, s.ledger, s.inventory, s.sales, s.pace),
	})

	s.tree = supervision.Tree{
		Name: "shop", Strategy: supervision.OneForOne, Budget: perTenSeconds(5), Children: supervision.On(
			&supervision.Tree{
				Name: "back", Strategy: supervision.DependentsForOne, Budget: perTenSeconds(20), Children: supervision.On(
					s.store, s.inventory,
					&supervision.Tree{
						Name: "projections", Strategy: supervision.AllForOne, Budget: perTenSeconds(20),
						Children: supervision.On(s.sales, s.pace, s.feed),
					},
					s.ledger, s.payments, s.workers, s.desk,
				),
			},
			s.api,
		),
	}

	return s
}

// permanent is the spec of an actor with a mailbox of a capacity.
func permanent(capacity int, dependsOn ...supervision.Child) supervision.Spec {
	return supervision.Spec{
		Restart: supervision.Permanent, DependsOn: dependsOn, Mailbox: &mailbox.Options{Capacity: capacity},
		Backoff: quick(),
	}
}

func perTenSeconds(restarts int) supervision.Budget {
	return supervision.Budget{Restarts: restarts, Within: 10 * time.Second}
}

func quick() supervision.Backoff {
	return supervision.Backoff{Initial: 10 * time.Millisecond, Max: time.Second, Stable: 10 * time.Second}
}

// atOnce is the back-off of clients whose connections break every day: it grows only if new ones break at once.
func atOnce() supervision.Backoff {
	return supervision.Backoff{Initial: time.Millisecond, Max: 100 * time.Millisecond, Stable: 20 * time.Millisecond}
}

// reconnect restarts a payment client unless its connection is good: then only the charge is lost.
func reconnect(err error) supervision.Directive {
	if errors.Is(err, payment.ErrSlow) {
		return supervision.ResumeChild
	}

	return supervision.RestartChild
}

// carryOut starts a worker for an order, unless there is one. While the shop closes there are no new workers: the order
// is taken up when it opens again. The name of a worker that has just ended may still be taken for a moment; that is an
// error, over which the desk starts again.
func carryOut(workers supervision.Group[fulfilment.Done, string]) func(ctx context.Context, id string) error {
	return func(ctx context.Context, id string) error {
		_, err := workers.Start(ctx, id, id)

		switch taken := (*actors.NameTakenError)(nil); {
		case errors.As(err, &taken) && isThere(workers, id), errors.Is(err, mailbox.ErrStopping):
			return nil
		default:
			return err
		}
	}
}

func isThere(workers supervision.Group[fulfilment.Done, string], id string) bool {
	for name := range workers.All() {
		if name == id {
			return true
		}
	}

	return false
}
